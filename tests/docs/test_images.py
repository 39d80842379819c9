"""The pictures of docs/images, which `make screenshots` takes."""

import ast

import pytest
from PIL import Image

from inkproof.runtime.paths import ROOT
from support.documents import DOCUMENTS

DRAWN = {"pages.png", "app.png", "number.png", "session.png"}  # by docs/pages_sheet.py and docs/app_pictures.py
PICTURES = sorted({path.name for path in (ROOT / "docs" / "images").glob("*.png")} - DRAWN)


def test_every_picture_is_taken_by_the_script() -> None:
    tree = ast.parse((ROOT / "docs" / "screenshots.py").read_text(encoding="utf-8"))
    (awaited,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "AWAITED"
    ]
    assert [f"{name}.png" for name in sorted(awaited)] == PICTURES


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_sheet_is_small_and_in_a_document(name: str) -> None:
    assert (ROOT / "docs" / "images" / name).stat().st_size < 150_000
    assert any(f"](images/{name})" in document.read_text(encoding="utf-8") for document in DOCUMENTS)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_as_wide_as_a_laptop_and_in_a_document(name: str) -> None:
    path = ROOT / "docs" / "images" / name
    assert path.stat().st_size < 150_000
    with Image.open(path) as image:
        assert image.size == (1440, 900)
    assert any(f"](images/{name})" in document.read_text(encoding="utf-8") for document in DOCUMENTS)
