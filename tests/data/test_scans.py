"""Digits cut from scans become sets of drawings with images, black on white, a set for each role."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkproof.config.schema import DataConfig
from inkproof.data.download import prepare
from inkproof.data.drawings import CANVAS_SIDE, read_drawings
from inkproof.data.unpack import sha256_of_files
from inkproof.preprocessing.canvas import load_canvases
from inkproof.runtime.errors import UserError
from support.data_conf import changed, published

PIXELS = np.zeros((2, 16, 16))
PIXELS[0, :4] = 1  # a 5 with ink in the first rows
PIXELS[1, 0, 0] = 0.5


def config(name: str, content: bytes, **source: Any) -> DataConfig:
    file = {"name": f"{name}.txt", "sha256": "0" * 64, "also": [hashlib.sha256(content).hexdigest()]}
    return changed(published(name), {"files": {"digits": file}, "offline": ["{name}.gz"], **source})


def made(tmp_path: Path, data: DataConfig, content: bytes) -> Path:
    (tmp_path / f"{data.name}.txt.gz").write_bytes(gzip.compress(content))
    prepare(data, tmp_path / "out", mirror=str(tmp_path))
    return tmp_path / "out"


def usps() -> bytes:
    rows = [[label, *(2 * ink - 1).ravel()] for label, ink in zip((5, 0), PIXELS, strict=True)]
    return "".join(" ".join(f"{value:g}" for value in row) + " \n" for row in rows).encode()


def semeion(again: bool) -> bytes:
    """Two digits as UCI writes them or, `again`, with the label once more and a line broken after each row."""
    text = ""
    for label, ink in zip((5, 0), PIXELS.round(), strict=True):
        one_hot = [str(int(digit == label)) for digit in range(10)]
        text += "\n".join(" ".join(f"{value:.4f}" for value in row) for row in ink) + " "
        text += " ".join(one_hot + ["".join(one_hot)] * again) + "\r\n"
    return text.encode()


@pytest.mark.parametrize("content", [usps(), semeion(again=False), semeion(again=True)])
def test_numbers_become_images_black_on_white(tmp_path: Path, content: bytes) -> None:
    name = "usps" if content == usps() else "semeion"
    out = made(tmp_path, config(name, content), content)
    five, zero = read_drawings(out)
    assert (five.id, five.label, five.writer, five.canvas) == (f"{name}-0000", 5, "unknown", (16, 16))
    assert zero.label == 0
    canvases = load_canvases(out, [five, zero])
    assert canvases.shape == (2, CANVAS_SIDE, CANVAS_SIDE)
    assert (canvases[0, :69] == 0).all() and (canvases[0, 71:] == 255).all()
    assert canvases[1, 0, 0] == (128 if name == "usps" else 255) and (canvases[1, 18:] == 255).all()


def test_a_text_of_other_numbers_is_one_line(tmp_path: Path) -> None:
    for content, why in ((b"1 2 3", "3 numbers are not a multiple of 257"), (b"1 b", "not a file of numbers")):
        with pytest.raises(UserError, match=why):
            made(tmp_path, config("usps", content), content)
        assert not (tmp_path / "out").exists()


def archive(writers: tuple[str, ...]) -> tuple[bytes, str]:
    """A tar with an image of a 3 by each writer, and its hash."""
    images: dict[str, bytes] = {}
    for shade, writer in enumerate(writers):
        file = io.BytesIO()
        Image.new("L", (99, 95), 200 + shade).save(file, "PNG")
        images[f"data/{writer}/3/number-{shade}.png"] = file.getvalue()
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        for path, content in {**images, "data/A/predict/3-1.png": b"no digit of the set"}.items():
            member = tarfile.TarInfo(f"some-commit/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return body.getvalue(), sha256_of_files(images)


def paper(tmp_path: Path, test: str) -> DataConfig:
    body, digest = archive(("A", "B"))
    (tmp_path / "paper").mkdir(exist_ok=True)
    (tmp_path / "paper/p.tar.gz").write_bytes(body)
    file = {"name": "p.tar.gz", "sha256": digest, "members": ["data/*/[0-9]/*.png"]}
    return changed(published("paper"), {"files": {"archive": file}, "writers": {"test": [test], "validation": ["A"]}})


def test_the_two_writers_are_a_set_each(tmp_path: Path) -> None:
    prepare(paper(tmp_path, "B"), tmp_path / "out", mirror=str(tmp_path))
    (test,), (validation,) = (read_drawings(tmp_path / "out" / part) for part in ("test", "validation"))
    assert (test.id, test.label, test.writer, test.canvas) == ("B-3-number-1", 3, "B", (99, 95))
    assert validation.writer == "A"
    assert (load_canvases(tmp_path / "out/test", [test]) == 201).all()


def test_a_writer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"conf/data/paper\.yaml: writers C wrote nothing"):
        prepare(paper(tmp_path, "C"), tmp_path / "out", mirror=str(tmp_path))
