"""Search for hyperparameters with keras-tuner: the space, the search, and the best of it as a recipe."""
