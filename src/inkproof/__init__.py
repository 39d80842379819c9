"""Inkproof: digit recognizers trained on MNIST and proved on ink that real people drew."""

__version__ = "0.2.0"
