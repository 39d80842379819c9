"""Files for phones and browsers, proved against Keras, and their readers."""
