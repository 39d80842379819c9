"""The files of the normalizer: they are what TensorFlow would convert, and those of other code are not used."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inkproof.preprocessing import litert
from inkproof.preprocessing.methods import METHODS
from inkproof.preprocessing.strokes import render
from support.ink_drawings import BY_DIGIT

pytestmark = pytest.mark.xdist_group("tensorflow")

CANVASES = [render(BY_DIGIT[digit], brush=20) for digit in (2, 7)]


def forget() -> None:
    for kept in (litert._interpreter, litert._written_here):
        kept.cache_clear()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No interpreter of another test."""
    forget()
    yield
    forget()


def use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `folder` take the place of exports/normalizer; the methods that are converted are noted in the list."""
    converted: list[str] = []
    convert = litert.converted_file
    monkeypatch.setattr(litert, "NORMALIZER_FOLDER", folder)
    monkeypatch.setattr(litert, "CODE", folder / litert.CODE.name)
    monkeypatch.setattr(litert, "converted_file", lambda method: converted.append(method) or convert(method))
    return converted


def images() -> np.ndarray:
    return np.stack([METHODS[method](canvas) for method in ("classic", "learned") for canvas in CANVASES])


def test_the_files_of_the_stage_are_used_and_give_what_conversion_gives(
    normalizer_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert use(normalizer_folder, monkeypatch) == []
    by_files = images()
    converted = use(tmp_path, monkeypatch)
    forget()
    assert np.array_equal(images(), by_files) and sorted(converted) == sorted(litert.FILES)
    assert by_files.any(axis=(1, 2)).all()


def test_files_of_other_code_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    converted = use(tmp_path, monkeypatch)
    for name in litert.FILES.values():
        (tmp_path / name).write_bytes(b"of an earlier version")
    litert.CODE.write_text("0" * 64, encoding="utf-8")
    assert METHODS["learned"](CANVASES[0]).any()
    assert converted == ["learned"]


def test_the_code_is_that_of_preprocessing_and_of_the_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = litert.current_code()
    mask = tmp_path / "ink_mask.keras"
    mask.write_bytes(b"another network")
    monkeypatch.setattr(litert, "MASK_FILE", mask)
    assert litert.current_code() != before
