"""The recipe "Keras to Core ML" (2017) as its article trains it: what `speedrun.py` is compared with.

Prints the seconds since 1970 and the accuracy on the test digits after each of its ten epochs, as JSON.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf


def main(digits: str, seed: int) -> None:
    """Train on all 60,000 digits; evaluation takes no time off the clock, which is stopped meanwhile."""
    keras.utils.set_random_seed(seed)
    with np.load(digits) as arrays:
        images, labels = (
            np.concatenate([arrays[f"{part}_{what}"] for part in ("train", "val")]) for what in ("images", "labels")
        )
        test_images, test_labels = arrays["test_images"][..., None] / 255.0, arrays["test_labels"]
    model = keras.Sequential(
        [
            keras.layers.Conv2D(32, 5, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(128, 3, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    # keras.preprocessing.image no longer has it, tf.keras has.
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1
    )
    batches = generator.flow(images[..., None] / 255.0, keras.utils.to_categorical(labels, 10), batch_size=100)
    epochs, stopped = [], 0.0
    for _ in range(10):
        model.fit(batches, epochs=1, verbose=0)
        now = time.time()
        predicted = model.predict(test_images, batch_size=500, verbose=0).argmax(axis=1)
        epochs.append({"end": now - stopped, "accuracy": float((predicted == test_labels).mean())})
        stopped += time.time() - now
    print(json.dumps(epochs))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
