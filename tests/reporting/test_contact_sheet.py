"""The contact sheet shows each canvas, its ink and the image that the network saw, pixel by pixel."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkproof.inference.number import Digit, Number
from inkproof.inference.predict import NumberPrediction, Prediction
from inkproof.reporting import contact_sheet as module
from inkproof.reporting.contact_sheet import contact_sheet, number_sheet
from inkproof.reporting.style import save
from support.segments import DIGITS, canvas, templates

CANVASES = np.stack([canvas(digit) for digit in DIGITS])
SEEN = templates().round().astype(np.uint8)
MASKS = (255 - CANVASES).reshape(10, 70, 4, 70, 4).max(axis=(2, 4))


def predicted(digit: int, name: str, probability: float, accepted: bool) -> Prediction:
    """A prediction for the canvas of this digit."""
    return Prediction(name, digit, probability, 0, 0.0, accepted, CANVASES[digit], MASKS[digit], SEEN[digit])


ALL = [predicted(digit, f"folder/{digit}.png", 0.9 + digit / 100, digit != 3) for digit in DIGITS]


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_each_canvas_is_next_to_its_ink_and_the_seen_image(tmp_path: Path):
    save(contact_sheet(ALL), tmp_path / "sheet.png")
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("L")).astype(int)
    assert page.shape[1] == 640
    for number in DIGITS:
        left = module.LEFT + number % 2 * module.PITCH
        top = module.HEAD + number // 2 * (module.SIDE + module.FOOT)
        shrunk = Image.fromarray(CANVASES[number]).resize((84, 84), Image.Resampling.BOX)
        mask = Image.fromarray(MASKS[number]).resize((84, 84), Image.Resampling.BILINEAR)
        middle, right = (left + place * (module.SIDE + module.GAP) for place in (1, 2))
        # The palette of the file rounds levels; another digit would differ by far more.
        assert np.abs(page[top : top + 84, left : left + 84] - np.asarray(shrunk)).mean() < 3
        assert np.abs(page[top : top + 84, middle : middle + 84] - np.asarray(mask)).mean() < 3
        assert np.abs(page[top : top + 84, right : right + 84] - SEEN[number].repeat(3, 0).repeat(3, 1)).mean() < 3


def test_predictions_and_names_are_written():
    shown = texts(contact_sheet(ALL, "the first 10 of 90 images"))
    assert shown[0] == "image, ink, and what the network saw: the first 10 of 90 images"
    assert shown[1:4] == ["0", "90.0%", "folder/0.png"]
    assert shown[10:13] == ["not a digit", "3? 93%", "folder/3.png"]
    assert len(shown) == 31


def test_a_number_has_a_frame_around_each_digit(tmp_path: Path):
    digits = [Digit((10, 20, 40, 80), 4, (0.1,) * 10, 9.0, True), Digit((60, 20, 90, 80), 1, (0.1,) * 10, 0.0, False)]
    shown = NumberPrediction("n.png", Number(tuple(digits)), np.full((100, 200), 255, np.uint8), 1.0)
    figure = number_sheet([shown, dataclasses.replace(shown, number=Number(problem="several lines"))])
    assert texts(figure)[1:] == ["4?", "n.png", "several lines", "n.png"]
    save(figure, tmp_path / "sheet.png")
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)
    top, left = module.HEAD, module.LEFT
    blue, orange = page[top + 50, left + 10], page[top + 50, left + 60]
    assert blue[2] > blue[0] and orange[0] > orange[2]
    assert page[top + 50, left + 25].min() > 250 and page[top + 50, left + 50].min() > 250


def test_a_blank_is_said_to_have_no_ink():
    one = dataclasses.replace(predicted(0, "blank.png", 0.44, accepted=False), ink=False)
    assert texts(contact_sheet([one]))[1:] == ["no ink found", "", "blank.png"]


def test_without_a_mask_the_place_of_the_ink_stays_empty(tmp_path: Path):
    one = predicted(4, "old.png", 0.9, accepted=True)
    pages = []
    for shown in (one, dataclasses.replace(one, mask=None)):
        save(contact_sheet([shown]), tmp_path / "sheet.png")
        pages.append(np.asarray(Image.open(tmp_path / "sheet.png").convert("L")).astype(int))
    differ = np.abs(pages[0] - pages[1]) > 40
    left = module.LEFT + module.SIDE + module.GAP
    assert differ[:, left : left + 84].any()
    differ[module.HEAD : module.HEAD + 84, left : left + 84] = False
    assert not differ.any()


def test_texts_do_not_overlap():
    figure = contact_sheet([predicted(8, "x" * 40, 0.88, accepted=False)])
    guess, probability, name = (text.get_window_extent() for text in figure.texts[1:])
    assert guess.x1 + 4 < probability.x0
    assert name.x1 < module.LEFT + module.PITCH


@pytest.mark.parametrize("name", ["$a$ and $b_{", "七.png", r"\udce9.png", "%d{}", ""])
def test_any_name_is_drawn(name: str, tmp_path: Path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = contact_sheet([predicted(0, name, 0.9, accepted=True)])
        save(figure, tmp_path / "sheet.png")
    assert texts(figure)[-1] == name


def test_the_end_of_a_long_name_is_shown():
    (*_, name) = texts(contact_sheet([predicted(7, "a/long/way/to/the/folder/of/digit7.png", 0.9, accepted=True)]))
    assert name == "…g/way/to/the/folder/of/digit7.png"
