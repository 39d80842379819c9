import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from inkproof.reporting.evaluation_figures import learning_curves
from inkproof.reporting.style import PALETTE, save, to_svg

ROWS = pd.DataFrame(
    {"epoch": e, "accuracy": 0.9, "loss": 0.12 / e, "val_accuracy": 0.91, "val_loss": 0.1} for e in (1, 2, 3)
)


@pytest.fixture
def figure() -> Figure:
    return learning_curves(ROWS, kept=1)


def test_images_are_small_and_the_same_every_time(figure: Figure, tmp_path: Path) -> None:
    save(figure, tmp_path / "a.png")
    save(learning_curves(ROWS, kept=1), tmp_path / "new" / "b.png")
    first, second = (tmp_path / "a.png").read_bytes(), (tmp_path / "new" / "b.png").read_bytes()
    assert first == second
    assert len(first) < 25_000
    assert Image.open(tmp_path / "a.png").mode == "P"


def test_an_image_that_fails_leaves_nothing_behind(figure: Figure, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("old")
    figure.text(0.5, 0.5, "$unclosed {brace$")
    with pytest.raises(ValueError, match="unclosed"):
        save(figure, tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_text() == "old"


def test_svg_is_one_well_formed_element_that_follows_the_page(figure: Figure) -> None:
    svg = to_svg(figure, "one", 'accuracy & "loss"')
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == 'accuracy & "loss"'
    assert root.get("width") is None
    assert "font-family" not in svg
    assert "<style" not in svg
    for token in ("ink", "muted", "grid", "accent"):
        assert f"var(--{token},{PALETTE[token]})" in svg
    # All palette colors are inside their variables.
    for color in PALETTE.values():
        assert not re.search(rf"(?<!,){color}", svg)


def test_numbers_in_texts_are_not_rounded_like_coordinates(figure: Figure) -> None:
    svg = to_svg(figure, "one", "")
    assert ">0.05<" in svg
    assert not re.search(r'd="[^"]*\d\.\d\d', svg)


def test_two_figures_on_a_page_share_no_identifier(figure: Figure) -> None:
    one, two = (to_svg(figure, name, "") for name in ("one", "two"))
    own, other = (set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, two))
    assert own
    assert not own & other
    for svg, ids in ((one, own), (two, other)):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) == ids


def test_svg_does_not_depend_on_the_clock(figure: Figure) -> None:
    assert to_svg(figure, "one", "") == to_svg(learning_curves(ROWS, kept=1), "one", "")
