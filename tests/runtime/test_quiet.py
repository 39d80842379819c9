"""TensorFlow starts without a word, and without the libraries that Keras imports and nothing here uses."""

import subprocess
import sys

from inkproof.runtime.paths import ROOT

START = """
import sys
import {before}
from inkproof.runtime.startup import start_tensorflow
start_tensorflow()
print(*[name for name in ("sklearn", "matplotlib") if name in sys.modules])
import keras, matplotlib.figure, sklearn.metrics
print(keras.backend.backend())
"""


def start(before: str) -> list[str]:
    command = [sys.executable, "-c", START.format(before=before)]
    done = subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_what_is_left_out_can_be_imported_later():
    assert start("sys") == ["", "tensorflow"]


def test_what_is_there_already_stays():
    assert start("matplotlib") == ["matplotlib", "tensorflow"]
