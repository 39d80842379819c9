"""Models as files that run without Keras, and the checks that they say what Keras says."""
