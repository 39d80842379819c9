from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from inkproof.evaluation.rejection import choose_rule, coverage_rows, rejection_rows, summarize_rejection
from inkproof.evaluation.results import RejectedShare
from inkproof.reporting.robustness_figures import rejection_figure
from inkproof.reporting.style import save, to_svg


@pytest.fixture(scope="module")
def inputs() -> tuple:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 400)
    logits = rng.normal(0, 1, (400, 10))
    logits[np.arange(400), labels] += rng.gamma(5, 1, 400)
    others = rng.normal(0, 1.5, (60, 10))
    kinds = np.repeat(["letter", "blank", "something else"], 20)
    rule = choose_rule(logits, labels, others, coverage=0.9)
    result = summarize_rejection(rule, logits, labels, others, kinds)
    return coverage_rows(logits, labels), rejection_rows(rule, logits, others, kinds), result


def marked(figure: Figure, panel: int, label: str) -> tuple[float, float]:
    line = next(line for line in figure.axes[panel].lines if line.get_label() == label)
    return float(line.get_xdata()[0]), float(line.get_ydata()[0])


def test_both_operating_points_are_marked(inputs: tuple) -> None:
    figure, result = rejection_figure(*inputs), inputs[2]
    for at, label in ((result.sixty_percent, "the 60% rule"), (result.chosen, "chosen threshold")):
        assert marked(figure, 0, label) == (at.digits.coverage, at.digits.accuracy)


def test_every_rule_and_every_kind_has_a_line_of_its_own_color(inputs: tuple) -> None:
    figure = rejection_figure(*inputs)
    for panel, names in (
        (0, {"largest probability", "margin", "entropy", "energy"}),
        (1, {"letters", "blanks and specks", "something else"}),
    ):
        lines = [line for line in figure.axes[panel].lines if line.get_label() in names]
        assert {line.get_label() for line in lines} == names
        assert len({line.get_color() for line in lines}) == len(names)


def test_thresholds_that_accept_all_digits_or_none_can_be_drawn(inputs: tuple, tmp_path: Path) -> None:
    coverage, rejections, result = inputs
    nothing = {"coverage": 0.0, "accuracy": None}
    everything = {"coverage": 1.0, "accuracy": 0.9}
    letters = RejectedShare(n=20, share=0.0, low=0.0, high=0.1)
    for at in (nothing, everything):
        digits = result.chosen.digits.model_copy(update=at)
        point = result.chosen.model_copy(update={"digits": digits, "rejected": {"letter": letters}})
        changed = result.model_copy(update={"chosen": point, "sixty_percent": point})
        figure = rejection_figure(coverage, rejections, changed)
        save(figure, tmp_path / "r.png")
        assert Image.open(tmp_path / "r.png").width == 640


def test_texts_stay_inside_the_figure(inputs: tuple) -> None:
    figure = rejection_figure(*inputs)
    figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height


def test_it_can_be_part_of_the_page(inputs: tuple) -> None:
    assert "the 60% rule" in to_svg(rejection_figure(*inputs), "rejection", "label")
