"""The classifier's last layers, shared by all families."""

import keras


def softmax_head(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return probabilities float32 (B, 10) from features (B, F).

    The softmax stays in float32 under every precision policy: bfloat16 has eight bits of
    mantissa, too few for a loss computed from probabilities near one.
    """
    logits = keras.layers.Dense(10, name="logits")(x)
    return keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
