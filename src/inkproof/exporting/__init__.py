"""Files for phones and browsers, verified against Keras, and their readers."""
