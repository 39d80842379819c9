"""Inkproof: digit recognizers trained on MNIST and tested on digits that people drew."""

__version__ = "0.2.0"
