"""TensorFlow starts without a word, and without the libraries that Keras imports and nothing here uses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def start(before: str, stand_ins: Path | str = "") -> list[str]:
    command = [sys.executable, "-c", START.format(before=before)]
    environment = {**os.environ, "PYTHONPATH": str(stand_ins)}
    done = subprocess.run(command, cwd=ROOT / "src", env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_what_is_left_out_can_be_imported_later():
    assert start("sys") == ["", "tensorflow"]


def test_what_is_there_already_stays(tmp_path: Path):
    # Stand-ins for both libraries, which take seconds to start: Keras's imports what it can, as Keras does.
    (tmp_path / "keras.py").write_text(
        "try:\n    import sklearn\nexcept ImportError:\n    sklearn = None\n"
        "import matplotlib.figure\n"
        "class backend:\n    backend = staticmethod(lambda: f'without {sklearn}')\n"
    )
    devices = "class config:\n    list_physical_devices = staticmethod(lambda kind: [])\n"
    (tmp_path / "tensorflow.py").write_text(devices)
    assert start("matplotlib", tmp_path) == ["matplotlib", "without None"]


@pytest.mark.parametrize("script", sorted((ROOT / "src").glob("*.py")), ids=lambda path: path.name)
def test_a_script_outside_the_environment_says_in_one_line_how_to_get_there(script: Path):
    words = {"drawings.py": ["import", "."], "study.py": ["list"]}.get(script.name, ["model=cnn"])
    command = [sys.executable, "-S", str(script), *words]  # -S: without installed libraries
    done = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{script.name}: error: the library ")
    assert line.endswith(" is missing; run `make setup`, then `source .venv/bin/activate`")
