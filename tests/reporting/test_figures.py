from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from inkproof.evaluation.calibration import reliability
from inkproof.evaluation.results import DrawnSet
from inkproof.reporting.ablation import method_lines
from inkproof.reporting.drawn_figures import before_after, method_bars, telling
from inkproof.reporting.evaluation_figures import (
    confusion_matrix,
    learning_curves,
    mistakes_gallery,
    reliability_diagram,
    worst_first,
)
from inkproof.reporting.style import save
from support.model_results import result_of

EPOCHS = pd.DataFrame(
    {"epoch": e, "accuracy": 0.9 + e / 100, "loss": 1 / e, "val_accuracy": v, "val_loss": 1 / e}
    for e, v in ((1, 0.9), (2, 0.97), (3, 0.95))
)


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    own = [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible()]
    return [text for text in own if text]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_curves_mark_the_epoch_that_was_kept() -> None:
    assert "weights of epoch 3" in texts(learning_curves(EPOCHS, kept=3))


def test_curves_of_one_epoch_without_validation() -> None:
    figure = learning_curves(pd.DataFrame([{"epoch": 1, "accuracy": 0.5, "loss": 2.0}]), kept=1)
    assert "training" in texts(figure)
    assert not {"validation", "weights of epoch 1"} & set(texts(figure))


def test_confusion_matrix_has_every_error_and_sums_of_rows() -> None:
    counts = np.diag(np.arange(1000, 1010))
    counts[4, 9], counts[4, 1], counts[7, 2] = 17, 3, 888
    shown = texts(confusion_matrix(counts))
    assert {"1000", "1009", "17", "3", "20", "888"} <= set(shown)


def test_confusion_matrix_of_a_model_without_errors(tmp_path: Path) -> None:
    save(confusion_matrix(np.diag(np.full(10, 36))), tmp_path / "m.png")
    assert pixels(tmp_path / "m.png").shape[1] == 640


def test_one_error_is_visible_next_to_a_large_diagonal(tmp_path: Path) -> None:
    counts = np.diag(np.full(10, 1000))
    counts[2, 6] = 1
    save(confusion_matrix(counts), tmp_path / "m.png")
    image = pixels(tmp_path / "m.png").astype(int)
    orange = (image[..., 0] - image[..., 2] > 80).sum()
    assert orange > 500


def test_reliability_has_only_bins_with_digits() -> None:
    p = np.full((10, 10), 0.01)
    p[:, 3] = 0.91
    figure = reliability_diagram(reliability(p, [3] * 9 + [4]))
    points = figure.axes[0].lines[-1].get_xydata()
    assert np.asarray(points) == pytest.approx(np.array([[0.91, 0.9]]))


def test_the_worst_error_is_the_most_confident() -> None:
    p = np.zeros((4, 10), np.float32)
    p[0, 1], p[1, 2], p[2, 3], p[3, 4] = 0.6, 0.99, 0.8, 0.9
    labels = np.array([0, 0, 3, 0], np.uint8)
    assert worst_first(labels, p).tolist() == [1, 3, 0]


def test_gallery_has_at_most_the_given_number_and_exact_pixels(tmp_path: Path) -> None:
    images = np.zeros((9, 28, 28), np.uint8)
    images[:, 5:9, 5:9] = 200
    p = np.tile(np.linspace(0.01, 0.19, 10, dtype=np.float32), (9, 1))
    figure = mistakes_gallery(images, np.zeros(9, np.uint8), p, most=7)
    assert sum("→" in text for text in texts(figure)) == 7
    save(figure, tmp_path / "g.png")
    image = pixels(tmp_path / "g.png")
    # The first digit begins at (8, 8); each of its pixels is a square of 4 x 4.
    assert (image[8 + 20 : 8 + 36, 8 + 20 : 8 + 36] == 200).all()
    assert (image[8 : 8 + 20, 8 : 8 + 112] == 0).all()


def test_gallery_without_errors_says_so() -> None:
    p = np.eye(10, dtype=np.float32)
    figure = mistakes_gallery(np.zeros((10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8), p)
    assert texts(figure) == ["All 10 predictions are correct: nothing to show."]


def test_before_and_after_marks_correct_and_wrong_predictions() -> None:
    canvases = np.full((2, 280, 280), 255, np.uint8)
    seen = {method: np.zeros((2, 28, 28), np.uint8) for method in ("tutorial", "mnist_style")}
    predictions = {"tutorial": [1, 8], "mnist_style": [7, 3]}
    shown = texts(before_after(canvases, seen, [7, 3], predictions))
    assert shown.count("1 ✗") == shown.count("8 ✗") == shown.count("7 ✓") == shown.count("3 ✓") == 1
    assert {"drawn", "tutorial", "mnist_", "style"} <= set(shown)
    with pytest.raises(ValueError, match="every method"):
        before_after(canvases, seen, [7, 3], {"mnist_style": [7, 3]})


@pytest.mark.parametrize("methods", [1, 3, 5])
def test_before_and_after_fits_any_number_of_methods(methods: int, tmp_path: Path) -> None:
    seen = {f"method{i}": np.full((3, 28, 28), 90, np.uint8) for i in range(methods)}
    predictions = {method: [0, 0, 0] for method in seen}
    save(before_after(np.zeros((3, 280, 280), np.uint8), seen, [0, 1, 2], predictions), tmp_path / "b.png")
    image = pixels(tmp_path / "b.png")
    assert image.shape[1] == 640
    side = 28 * ((640 // (methods + 1) - 14) // 28)
    # A few pixels of the captions have the same gray.
    assert (image == 90).all(axis=2).sum() == pytest.approx(methods * 3 * side**2, rel=0.002)


def test_telling_drawings_are_of_many_digits_and_one_is_still_wrong() -> None:
    labels = np.repeat(np.arange(10), 4)
    first, last = np.full(40, -1), labels.copy()
    last[5] = 9
    picked = telling(labels, {"tutorial": first, "mnist_style": last}, most=6)
    assert picked[-1] == 5
    assert len(set(labels[picked])) == 6
    assert all(last[i] == labels[i] for i in picked[:-1])


def test_telling_works_with_few_drawings() -> None:
    labels = np.array([1, 2])
    assert sorted(telling(labels, {"a": labels, "b": labels}, most=8)) == [0, 1]
    assert sorted(telling(labels, {"a": labels, "b": 9 - labels}, most=8)) == [0, 1]
    assert telling(labels[:0], {"a": labels[:0]}, most=8) == []


def test_bars_and_lines_have_every_method() -> None:
    first, best = result_of(0.512, 0.4, 0.6), result_of(0.987, 0.97, 0.99)
    drawn = {"starter": DrawnSet(n=9, tutorial=first, mnist_style=best)}
    shown = texts(method_bars(drawn))
    assert shown.index("51.2%") < shown.index("98.7%")
    assert {"Starter set, 9 drawings", "tutorial"} <= set(shown)
    assert texts(method_bars({})) == ["no drawings"]
    figure = method_lines(
        [{"tutorial": first, "mnist_style": best}, None, {"mnist_style": best}], ["tutorial", "mnist_style"]
    )
    marked = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert [len(line.get_xdata()) for line in marked] == [2, 1]
    assert marked[0].get_color() != marked[1].get_color()


def test_drawing_does_not_change_the_settings_of_matplotlib() -> None:
    before = dict(matplotlib.rcParams)
    learning_curves(EPOCHS, kept=2)
    assert dict(matplotlib.rcParams) == before
