"""Model families: one builder a file, each returning an uncompiled `keras.Model`.

Every model takes float32 (B, 28, 28, 1) in 0 to 255, holds its own scaling, and returns softmax
probabilities float32 (B, 10), so no caller scales and no export can disagree with training.
"""
