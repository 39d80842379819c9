"""Files for phones and browsers: made, verified against Keras, and run."""
