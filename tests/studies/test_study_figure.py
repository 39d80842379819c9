"""results.png holds the table's figures."""

from itertools import pairwise
from pathlib import Path

import pytest

from inkproof.studies.comparison import groups_of
from inkproof.studies.figure import frontier, study_figure
from support.made_up import grid_run, row, study

GRID_RUNS = [
    grid_run({"size": size, "aug": aug}, seed) for size in ("100", "1000") for aug in ("off", "on") for seed in (0, 1)
]
GROUPS = groups_of(
    GRID_RUNS,
    {
        one.key: row(one, val_acc=int(one.labels["size"]) / 2000 + one.seed / 100, int8_kb=float(one.labels["size"]))
        for one in GRID_RUNS
    },
)


def plan(tmp_path: Path, **figure: object):
    axes = {"size": {"100": {"training.epochs": 1}, "1000": {"training.epochs": 2}}, "aug": ["off", "on"]}
    return study(tmp_path, grid=axes, figure=figure).figure


def drawn(axes, index: int):
    """The points of a series and the ends of its error bars."""
    line, _, (bars,) = axes.containers[index]
    return list(zip(*line.get_data(), strict=True)), [segment.tolist() for segment in bars.get_segments()]


def test_a_row_a_group_with_its_spread(tmp_path: Path):
    axes = study_figure(GROUPS, plan(tmp_path)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["100, off", "100, on", "1000, off", "1000, on"]
    points, bars = drawn(axes, 0)
    assert points[0] == (pytest.approx(0.055), 0)
    assert points[3] == (pytest.approx(0.505), 3)
    assert bars[0][1][0] - bars[0][0][0] == pytest.approx(2 * 0.01 / 2**0.5)


def test_long_names_stand_within_the_figure_and_apart(tmp_path: Path):
    titles = ["numbers_mnist, batches of 128", "mmmmmmmm, wwwwwwww, mmmmmmmm", "short"]
    grid_runs = [grid_run({"recipe": title}, 0) for title in titles]
    figure = study_figure(groups_of(grid_runs, {one.key: row(one, val_acc=0.5) for one in grid_runs}), plan(tmp_path))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert min(box.x0 for box in boxes) >= 0
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))


def test_two_metrics_of_a_row_stand_beside_each_other_and_the_title_within_the_figure(tmp_path: Path):
    title = "Beside names there is room for less than this"
    figure = study_figure(GROUPS, plan(tmp_path, y=["val_acc", "int8_kb"], title=title))
    heights = [drawn(figure.axes[0], index)[0][0][1] for index in (0, 1)]
    assert heights[0] < 0 < heights[1]
    figure.draw_without_rendering()
    assert figure.texts[0].get_window_extent().x1 < figure.bbox.x1


def test_lines_along_an_axis_in_the_order_of_its_numbers(tmp_path: Path):
    figure = study_figure(GROUPS, plan(tmp_path, x="size", lines=["aug"], log=True, target=0.3, title="Curve"))
    axes = figure.axes[0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["off", "on"]
    points, _ = drawn(axes, 0)
    assert [x for x, _ in points] == [100, 1000]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in figure.texts] == ["Curve"]
    assert [0.3, 0.3] in [list(line.get_ydata()) for line in axes.lines]


def test_error_rates_on_a_logarithmic_axis(tmp_path: Path):
    figure = study_figure(GROUPS, plan(tmp_path, x="size", lines=["aug"], log=True, wrong=True, target=0.3))
    axes = figure.axes[0]
    points, _ = drawn(axes, 0)
    assert [y for _, y in points] == [pytest.approx(1 - 0.055), pytest.approx(1 - 0.505)]
    assert axes.get_yscale() == "log" and axes.get_ylabel() == "validation digits, error rate"
    assert [0.7, 0.7] in [list(line.get_ydata()) for line in axes.lines]
    figure.draw_without_rendering()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert "50%" in labels and "100%" in labels


def test_a_frontier_of_files(tmp_path: Path):
    axes = study_figure(GROUPS, plan(tmp_path, pairs=[["int8_kb", "val_acc"]])).axes[0]
    points, _ = drawn(axes, 0)
    assert {x for x, _ in points} == {100, 1000}
    assert frontier([(1, 0.5), (2, 0.4), (2, 0.6), (3, 0.6), (4, 0.7)]) == [(1, 0.5), (2, 0.6), (4, 0.7)]


@pytest.mark.parametrize("figure", [{}, {"x": "size", "lines": ["aug"]}, {"pairs": [["int8_kb", "val_acc"]]}])
def test_a_study_that_has_not_begun_has_an_empty_figure(figure: dict, tmp_path: Path):
    (axes,) = study_figure(groups_of(GRID_RUNS, {}), plan(tmp_path, **figure)).axes
    assert not [x for line in axes.lines for x in line.get_xdata()]


def test_a_figure_has_whole_words_and_says_what_its_bars_are(tmp_path: Path):
    metrics = ["out_of_fold_tta_accuracy", "drawn_pens_validation_classic_accuracy", "val_acc"]
    groups = groups_of(GRID_RUNS, {one.key: row(one, **dict.fromkeys(metrics, 0.5)) for one in GRID_RUNS})
    figure = study_figure(groups, plan(tmp_path, y=metrics))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("test-time augmentation", "Pen tablet, validation writers, classic", "validation digits")
    ]
    assert figure.axes[0].get_xlabel() == "mean ± standard deviation"
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1
