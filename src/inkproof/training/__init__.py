"""Training: the input pipeline with augmentation, callbacks, precision, the loop and its resume."""
