from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from inkproof.evaluation.results import Accuracy, Corruption, CorruptionsResult
from inkproof.reporting.robustness_figures import corruptions_heatmap
from inkproof.reporting.style import save, to_svg


def around(accuracy: float) -> Accuracy:
    return Accuracy(accuracy=accuracy, low=accuracy, high=accuracy)


def result(**severities: list[float]) -> CorruptionsResult:
    means = {name: around(float(np.mean(own))) for name, own in severities.items()}
    return CorruptionsResult(
        n=100,
        clean=around(0.991),
        mca=around(float(np.mean([mean.accuracy for mean in means.values()]))),
        corruptions={name: Corruption(**means[name].content(), severities=own) for name, own in severities.items()},
    )


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_heat_map_has_every_accuracy_and_clean_once() -> None:
    figure = corruptions_heatmap(result(cut_off=[0.9, 0.8, 0.7, 0.6, 0.123], blur=[1.0, 0.98, 0.97, 0.96, 0.95]))
    shown = texts(figure)
    assert {"cut off", "blur", "90.0", "12.3", "100", "severity", "mean", "mean corruption accuracy"} <= set(shown)
    assert shown.count("99.1") == 1
    assert "clean, without any corruption" in shown
    assert {"62.5", "97.2", "79.8"} <= set(shown)


def test_heat_map_is_darker_for_more_errors(tmp_path: Path) -> None:
    figure = corruptions_heatmap(result(thin=[1.0, 0.9, 0.7, 0.4, 0.1]))
    cells = [patch for patch in figure.axes[0].patches if patch.get_width() < 1]
    thin = sorted(cells, key=lambda patch: patch.get_x())[:5]
    strengths = [patch.get_alpha() for patch in thin]
    assert np.all(np.diff(strengths) > 0.05)
    save(figure, tmp_path / "h.png")
    image = pixels(tmp_path / "h.png")
    assert image.shape[1] == 640
    assert (image[..., 0] - image[..., 2] > 120).sum() > 500


def test_texts_of_the_heat_map_stay_inside_and_do_not_overlap() -> None:
    names = ("translate", "gaussian_noise", "uneven_ground", "low_contrast")
    figure = corruptions_heatmap(result(**{name: [0.5] * 5 for name in names}))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [
        text.get_window_extent()
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text()
    ]
    for index, one in enumerate(boxes):
        assert one.x0 >= 0 and one.y0 >= 0 and one.x1 <= width and one.y1 <= height
        assert not any(one.overlaps(other) for other in boxes[index + 1 :])


def test_heat_map_uses_the_colors_of_the_page() -> None:
    svg = to_svg(corruptions_heatmap(result(thin=[0.9] * 5)), "corruptions", "corruptions")
    assert "var(--wrong,#bf4408)" in svg
