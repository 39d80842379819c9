from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from inkproof.evaluation.results import DrawnSet
from inkproof.reporting.ablation import SCALE, ablation, ablation_set, spread
from inkproof.reporting.style import save, series
from inkproof.reporting.wording import model_lines
from support.model_results import EMPTY, model, result_of

METHODS = ("tutorial", "polarity", "center_of_mass", "mnist_style", "classic", "learned")
ACCURACIES = {
    "mnist_plus_strokes-vgg_bn": (0.7, 0.7, 0.95, 0.97, 0.98, 0.9931),
    "cnn": (0.55, 0.55, 0.88, 0.93, 0.96, 0.976),
    "tflearn_cnn": (0.558, 0.558, 0.87, 0.93, 0.96, 0.976),
    "dense": (0.21, 0.21, 0.76, 0.85, 0.9, 0.921),
    "dense_2x128": (0.2, 0.2, 0.77, 0.85, 0.9, 0.922),
}


def entry(
    accuracies: tuple[float, ...],
    n: int = 3498,
    writers: int = 14,
    interval: str = "writers",
    names: tuple[str, ...] = METHODS,
) -> DrawnSet:
    methods = {
        method: result_of(a, max(0.0, a - 0.03), min(1.0, a + 0.02))
        for method, a in zip(names, accuracies, strict=False)
    }
    return DrawnSet(n=n, writers=writers, interval=interval, **methods)


@pytest.fixture(scope="module")
def five() -> Figure:
    figure = ablation([model(name, drawn={"pens": entry(accuracies)}) for name, accuracies in ACCURACIES.items()])
    figure.draw_without_rendering()
    return figure


def written(figure: Figure) -> list[matplotlib.text.Text]:
    texts = figure.findobj(lambda artist: isinstance(artist, matplotlib.text.Text))
    return [text for text in texts if text.get_visible() and text.get_text()]


def words(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in written(figure)]


def test_every_line_ends_with_the_name_and_last_accuracy_in_its_color(five: Figure) -> None:
    colors = {text.get_text(): text.get_color() for text in written(five)}
    for place, (name, accuracies) in enumerate(ACCURACIES.items()):
        assert colors[model_lines(name).split("\n")[0]] == series(place)[0]
        assert f"{accuracies[-1]:.2%}" in colors
    assert {"tutorial", "polarity", "center_", "of_mass", "classic", "learned"} <= set(colors)


@pytest.mark.parametrize("added", [(), ("two_tone",), ("two_tone", "thin_lines")])
def test_no_text_covers_another_or_leaves_the_sheet(added: tuple[str, ...]) -> None:
    names = (*METHODS[:4], *added, *METHODS[4:])
    entries = {name: entry((*own, *own[-1:] * len(added)), names=names) for name, own in ACCURACIES.items()}
    figure = ablation([model(name, drawn={"pens": one}) for name, one in entries.items()])
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [(text.get_text(), text.get_window_extent()) for text in written(figure)]
    for index, (one, box) in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, one
        assert [other for other, its in boxes[index + 1 :] if box.overlaps(its)] == [], one


def test_every_point_and_interval_lies_within_the_axes(five: Figure) -> None:
    (axes,) = five.axes
    bottom, top = axes.get_ylim()
    heights = [y for line in axes.lines if line.get_transform() == axes.transData for y in line.get_ydata()]
    assert len(heights) == 5 * (6 * 2 + 6)
    assert min(heights) > bottom > 0.1 and max(heights) < top < 1


def test_accuracies_of_0_and_1_can_be_drawn() -> None:
    figure = ablation([model("cnn", drawn={"pens": entry((0.0, 0.1, 0.5, 0.9, 0.99, 1.0), n=140)})])
    assert {"cnn", "100%"} <= set(words(figure))
    bottom, top = figure.axes[0].get_ylim()
    assert 0 < bottom < 0.5 / 140 and 1 - 0.5 / 140 < top < 1


def test_the_title_names_the_drawings() -> None:
    pens, starter = entry(ACCURACIES["cnn"]), entry(ACCURACIES["cnn"], n=270, writers=1, interval="wilson")
    both = [model("cnn", drawn={"starter": starter, "pens": pens})]
    assert ablation_set(both) == "pens"
    assert "3,498 drawings by 14 writers that no model was trained on," in words(ablation(both))
    assert "with 95% intervals over writers, on a log-odds scale" in words(ablation(both))
    alone = [model("cnn", drawn={"starter": starter, "pens": EMPTY})]
    assert ablation_set(alone) == "starter"
    assert "270 drawings of the starter set," in words(ablation(alone))
    assert "with 95% intervals, on a log-odds scale" in words(ablation(alone))


def test_a_model_without_results_has_no_line() -> None:
    shown = words(
        ablation([model("new", drawn={"pens": EMPTY}), model("cnn", drawn={"pens": entry(ACCURACIES["cnn"])})])
    )
    assert "cnn" in shown and "new" not in shown
    assert ablation_set([model("new")]) is None
    assert words(ablation([model("new")])) == ["no drawings"]


def test_the_image_has_two_pixels_for_each_css_pixel(tmp_path: Path) -> None:
    save(ablation([model("cnn", drawn={"pens": entry(ACCURACIES["cnn"])})]), tmp_path / "ablation.png", SCALE)
    assert Image.open(tmp_path / "ablation.png").width == 1280


def test_labels_are_spread_as_little_as_possible() -> None:
    assert spread([0.1, 0.5, 0.9], [0.1] * 3) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5], [0.1] * 2) == pytest.approx([0.45, 0.55])
    assert spread([0.99, 1.0], [0.2] * 2) == pytest.approx([0.7, 0.9])
    crowd = spread([0.2, 0.21, 0.22, 0.8], [0.1] * 4)
    assert all(above - below >= 0.1 - 1e-9 for below, above in pairwise(crowd))
    assert crowd[3] == pytest.approx(0.8)
    assert np.mean(crowd[:3]) == pytest.approx(0.21)
    assert np.diff(spread([0.5, 0.5, 0.5], [0.1, 0.3, 0.1])) == pytest.approx([0.3, 0.1])


def test_a_label_stands_at_the_end_of_its_line_where_there_is_room(five: Figure) -> None:
    (axes,) = five.axes
    ends = {f"{own[-1]:.2%}": own[-1] for own in ACCURACIES.values()}
    away = []
    for text in written(five):
        if text.get_text() in ends:
            box = text.get_window_extent()
            point = axes.transData.transform((0, ends[text.get_text()]))[1]
            away.append(abs((box.y0 + box.y1) / 2 - point) / five.dpi)
    assert len(away) == 5 and max(away) < 0.3, "inches"
