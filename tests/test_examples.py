"""examples/: the reader without this package, in a folder of its own, and its check against the test vectors."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkproof.runtime.paths import ROOT
from support.web_app import canvas_of, png, starter
from support.workspaces import clean_environment

MODEL = ROOT / "models" / "pretrained" / "canvas.tflite"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what somebody copies: the reader, the model and the vectors."""
    folder = tmp_path_factory.mktemp("app")
    for path in (ROOT / "examples" / "read_digits.py", ROOT / "examples" / "vectors.json", MODEL):
        shutil.copy(path, folder)
    return folder


def read(app: Path, *words: str, code: int = 0) -> Any:
    command = [sys.executable, "-I", "read_digits.py", "--model", "canvas.tflite", *words]
    done = subprocess.run(command, cwd=app, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_it_reads_image_files_and_agrees_with_the_vectors(app: Path) -> None:
    seven = canvas_of(next(one for one in starter() if one.label == 7))
    Image.fromarray(seven).save(app / "gray.png")
    Image.fromarray(seven[20:]).convert("RGB").save(app / "wide.jpg")
    alpha = np.zeros((*seven.shape, 4), np.uint8)
    alpha[..., 3] = 255 - seven  # black ink on nothing, as drawing programs save it
    Image.fromarray(alpha).save(app / "transparent.png")
    Image.fromarray(seven.astype(np.uint16) * 257).save(app / "deep.png")
    Image.fromarray(np.full((60, 90), 200, np.uint8)).save(app / "blank.png")
    names = ("gray.png", "wide.jpg", "transparent.png", "deep.png")
    *lines, checked = read(app, *names, "blank.png", "--check").stdout.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [[name, "7"] for name in names]
    assert all(line.endswith("accepted") for line in lines[:4]) and lines[4] == "blank.png  no ink found"
    assert checked == "vectors.json: 12 vectors, 0 differences"


def test_another_result_is_named_and_a_missing_file_is_one_line(app: Path) -> None:
    vectors = json.loads((app / "vectors.json").read_text())
    vectors["vectors"][0]["score"] += 0.02
    vectors["vectors"][1]["digit"] = 9
    (app / "other.json").write_text(json.dumps(vectors))
    lines = read(app, "--check", "--vectors", "other.json", code=1).stdout.splitlines()
    assert lines == [
        "other.json: 12 vectors, 2 differences",
        "0, black on white: score off by 0.02",
        "1, thin: digit 1, accepted True",
    ]
    (app / "broken.png").write_bytes(png(np.zeros((9, 9), np.uint8))[:20])
    for name in ("missing.png", "broken.png"):
        (line,) = [one for one in read(app, name, code=2).stderr.splitlines() if not one.startswith("INFO")]
        assert name in line
