"""The preprocessing ablation: accuracy on drawn digits by preprocessing method."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.optimize import isotonic_regression

from inkproof.evaluation.results import Accuracy, DrawnSet
from inkproof.reporting.results import ModelResults, all_methods, by_method
from inkproof.reporting.style import PALETTE, lines_of, percent_axis, place, remark, series, sheet, styled
from inkproof.reporting.wording import count, method_words, model_lines, percent, set_title

SETS = ("pens", "starter")
"""The sets of drawings for the ablation. The first one is preferred: it has many writers, the second has one author."""

SCALE = 2  # READMEs show the image, and many screens have two pixels for each CSS pixel

# Ticks of a log-odds scale, where halving the errors is about the same distance everywhere near the top.
_MARKS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_LABEL, _VALUE, _LETTER = 0.18, 0.56, 0.066  # inches: height of a label, width of its accuracy and of a letter
_AS_DRAWN = 6  # methods whose names have room beside each other
_LINE = 0.12  # inches more for each line of a name that is too long to stand beside its accuracy


def ablation_set(models: Sequence[ModelResults]) -> str | None:
    """Return the set of drawings for the ablation of `models`, or None if they have results on no such set."""
    return next((name for name in SETS if any(model.by_method(name) for model in models)), None)


@styled
def method_lines(results: Sequence[Mapping[str, Accuracy] | None], methods: Sequence[str]) -> Figure:
    """Draw accuracy by method on one set of drawings, one line per model, with intervals.

    `results` has the accuracies by method of each model, in the order of the leaderboard, which decides color and
    marker. A model without results on this set has None or nothing.
    """
    figure = sheet(2.8)
    axes = place(figure, 0.5, 0.45, 0.15, 0.12)
    lows = [one.low for own in results if own for one in own.values()]
    _plot(axes, results, methods)
    axes.set_xticks(range(len(methods)), ["\n".join(lines_of(method)) for method in methods])
    axes.set_xlim(-0.4, len(methods) - 0.6)
    axes.set_ylim(max(0.0, min(lows, default=0.0) - 0.05), 1.02)
    axes.grid(axis="y")
    axes.tick_params(axis="x", labelcolor=PALETTE["ink"])
    percent_axis(axes)
    return figure


def _plot(
    axes: Axes, results: Sequence[Mapping[str, Accuracy] | None], methods: Sequence[str], step: float = 0.07
) -> dict[int, tuple[float, float]]:
    """Plot a line with intervals for each model; return the end of each line by the model's place.

    The methods are at 0, 1, 2 and so on. The models are `step` apart, so that their intervals do not overlap.
    """
    ends = {}
    for index, by_name in enumerate(results):
        if not by_name:
            continue
        color, marker = series(index)
        shift = (index - (len(results) - 1) / 2) * step
        own = [(at + shift, by_name[method]) for at, method in enumerate(methods) if method in by_name]
        for x, one in own:
            axes.plot([x, x], [one.low, one.high], color=color, linewidth=3, alpha=0.35)
        points = [(x, one.accuracy) for x, one in own]
        axes.plot(
            *zip(*points, strict=True),
            color=color,
            linewidth=1.4,
            marker=marker,
            markersize=5,
            markeredgecolor=PALETTE["paper"],
            markeredgewidth=0.6,
        )
        ends[index] = points[-1]
    return ends


@styled
def ablation(models: Sequence[ModelResults]) -> Figure:
    """Draw accuracy by method, one line per model with its name at the end, with 95% intervals.

    `models` are in the order of the leaderboard, which decides color and marker. The log-odds scale separates 98% from
    99% and still has room for 20%. Without drawings the figure says so.
    """
    name = ablation_set(models)
    if name is None:
        return remark(1, "no drawings")
    entries = [model.drawn.get(name) for model in models]
    methods = all_methods(entries)
    n = max(model.drawings(name) for model in models)
    # On this scale 0 and 1 lie at infinity: they are drawn half a drawing away.
    edge = 0.5 / n
    results = [
        {
            method: Accuracy(**{key: min(max(getattr(one, key), edge), 1 - edge) for key in Accuracy.model_fields})
            for method, one in by_method(entry).items()
        }
        for entry in entries
    ]
    drawn = [index for index, own in enumerate(results) if own]
    names = {index: model_lines(models[index].name) for index in drawn}
    widths = [_VALUE * ("\n" not in name) + _LETTER * max(map(len, name.split("\n"))) for name in names.values()]
    figure = sheet(max(3.8, 1.45 + sum(map(_room, names.values()))))
    axes = place(figure, 0.5, 0.8, 0.18 + max(11 * _LETTER, *widths), 0.6)
    axes.set_yscale("logit")
    ends = _plot(axes, results, methods, 0.36 / max(len(models), 4))
    axes.set_xlim(-0.3, len(methods) - 0.7)
    _scale(axes, [bound for own in results for one in own.values() for bound in (one.low, one.high)])
    _methods(axes, methods)
    last = {index: percent(list(by_method(entries[index]).values())[-1].accuracy, n) for index in drawn}
    _labels(figure, axes, {index: (names[index], last[index], ends[index]) for index in drawn})
    _heading(figure, name, next(entry for entry in entries if entry and entry.methods))
    return figure


def _heading(figure: Figure, name: str, entry: DrawnSet) -> None:
    whose = f"by {count(entry.writers, 'writer')} that no model was trained on"
    what = whose if name == "pens" else f"of the {set_title(name).lower()}"
    over = " over writers" if entry.interval == "writers" else ""
    lines = (
        (0.17, "Accuracy on drawn digits by preprocessing method", 9, "bold", PALETTE["ink"]),
        (0.325, f"{count(entry.n, 'drawing')} {what},", 8, "normal", PALETTE["muted"]),
        (0.455, f"with 95% intervals{over}, on a log-odds scale", 8, "normal", PALETTE["muted"]),
    )
    height = figure.get_size_inches()[1]
    for down, text, size, weight, color in lines:
        figure.text(0.015, 1 - down / height, text, fontsize=size, fontweight=weight, color=color, va="baseline")


def _methods(axes: Axes, methods: Sequence[str]) -> None:
    """Write the methods below the axis, a long name in two lines, and in other lines what they do."""
    below: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center"}
    axes.set_xticks(range(len(methods)), [""] * len(methods))
    smaller = min(1.0, (_AS_DRAWN - 0.4) / (len(methods) - 0.4))  # as their distance is, so that no name covers another
    for x, method in enumerate(methods):
        # Line by line, since texts of two lines would not share a baseline.
        for line, text in enumerate(lines_of(method)):
            axes.annotate(text, (x, 0), (0, -12 - 9 * line), fontsize=6.5 * smaller, color=PALETTE["ink"], **below)
        for line, text in enumerate(method_words(method).brief.split("\n")):
            axes.annotate(text, (x, 0), (0, -35 - 8.5 * line), fontsize=6 * smaller, color=PALETTE["muted"], **below)


def _scale(axes: Axes, bounds: Sequence[float]) -> None:
    """Scale the axis from just below the lowest bound to just above the highest, with familiar ticks."""
    low, high = (np.log(value / (1 - value)) for value in (min(bounds), max(bounds)))
    room = 0.03 * (high - low)
    bottom, top = (1 / (1 + np.exp(-value)) for value in (low - room, high + room))
    axes.set_ylim(bottom, top)
    axes.yaxis.set_major_locator(FixedLocator([mark for mark in _MARKS if bottom <= mark <= top]))
    axes.yaxis.set_minor_locator(NullLocator())
    percent_axis(axes)
    axes.grid(axis="y")


def _room(name: str) -> float:
    """Return the height of a model's label in inches: a name of two lines is below its accuracy, not beside it."""
    return _LABEL + _LINE * (1 + name.count("\n")) * ("\n" in name)


def _labels(figure: Figure, axes: Axes, named: Mapping[int, tuple[str, str, tuple[float, float]]]) -> None:
    """Write each model's name and last accuracy at the right, as close to the end of its line as there is room."""
    height = figure.get_size_inches()[1] * axes.get_position().height
    to_axes = axes.transData + axes.transAxes.inverted()
    starts = {index: to_axes.transform(end) for index, (_, _, end) in named.items()}
    order = sorted(named, key=lambda index: starts[index][1])
    rooms = [_room(named[index][0]) / height for index in order]
    for index, y in zip(order, spread([starts[index][1] for index in order], rooms), strict=True):
        title, accuracy, _ = named[index]
        color, _ = series(index)
        x = 1.035
        style: dict[str, Any] = {"color": color, "transform": axes.transAxes}
        from_x, from_y = starts[index]
        axes.plot([from_x, x - 0.008], [from_y, y], linewidth=0.8, clip_on=False, zorder=1, **style)
        below = title.split("\n") if "\n" in title else []
        style |= {"parse_math": False, "va": "center_baseline"}
        value = axes.text(x, y, accuracy, fontsize=9, fontweight="bold", **style)
        for line, text in enumerate(below, start=1):
            axes.text(x, y - (0.03 + _LINE * line) / height, text, fontsize=8, **style)
        if not below:
            beside: dict[str, Any] = {"xycoords": value, "textcoords": "offset points", "va": "bottom"}
            axes.annotate(title, (1, 0), (4, 0), fontsize=8, color=color, parse_math=False, **beside)


def spread(wanted: Sequence[float], rooms: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return positions close to the `wanted` ones, which ascend, within 0 to 1, each at least its room above the last.

    They are closest in the least-squares sense, by isotonic regression of the positions minus the rooms below them. If
    there is not enough room, they start at 0 and go beyond 1.
    """
    below = np.cumsum(rooms) - rooms[0]
    nearest = isotonic_regression(np.asarray(wanted, float) - below).x
    lowest = rooms[0] / 2
    return np.clip(nearest, lowest, max(lowest, 1 - rooms[-1] / 2 - below[-1])) + below
