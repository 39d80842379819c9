"""results.png: the figure of a study, with the spread over seeds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Literal

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from inkproof.reporting.style import PALETTE, percent_axis, place, series, sheet, styled
from inkproof.reporting.wording import set_title
from inkproof.studies.comparison import Group
from inkproof.studies.definition import FigurePlan, number_of
from inkproof.studies.metrics import heading, is_share

ROW = 0.26  # inches per line of the dot plot
TALL = 0.34  # inches per line where names take two lines of text
MARK = 0.1  # least inches per mark of a line
NAME = 27  # letters in a line of a name
ENTRY = 0.19  # inches per line of the legend
APART = 0.2  # distance of the marks of one line, in lines
WORDS = {
    "test": "test digits",
    "val": "validation digits",
    "out of fold plain": "no test-time augmentation",
    "out of fold tta": "test-time augmentation",
}
MANY = 300  # ratio of the ends of an axis from which on ticks at 1, 2, 5 would touch


@styled
def study_figure(groups: Sequence[Group], plan: FigurePlan) -> Figure:
    """Return the figure that `plan` describes, of the groups with a finished grid run. Every point has its sd."""
    done = [group for group in groups if group.n]
    figure, axes = (_plane if plan.pairs or plan.x is not None else _dots)(done, plan)
    handles, labels = axes.get_legend_handles_labels()
    if _room(labels, plan):
        figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.01, 0.01), ncols=_columns(labels))
    if plan.title:  # at the edge of the figure: above the axes there is too little room beside long names
        style = {"size": rcParams["axes.titlesize"], "weight": rcParams["axes.titleweight"]}
        figure.text(0.01, 1 - 0.08 / figure.get_figheight(), plan.title, va="top", **style)
    return figure


def _entry(metric: str) -> str:
    """Return a metric as the legend names it: in whole words, without the unit that the axis has."""
    text = heading(metric).removesuffix(" (%)")
    drawn_set, comma, method = text.partition(", ")
    return WORDS.get(text, f"{set_title(drawn_set)}{comma}{method}")


def _name(title: str) -> str:
    """Return the name of a line, in two lines of text if it is long, broken after its last comma if that is enough."""
    first, _, last = title.rpartition(", ")
    parts = (f"{first},", last)
    return "\n".join(parts) if len(title) > NAME >= max(map(len, parts)) and first else fill(title, NAME)


def _widest(names: Sequence[str]) -> float:
    """Return the width in inches of the widest line of text in names."""
    lines = [line for name in names for line in name.splitlines()]
    widths = [TextPath((0, 0), line, rcParams["font.size"]).get_extents().width for line in lines if line.strip()]
    return max(widths, default=0.0) / 72


def _columns(labels: Sequence[str]) -> int:
    return 2 if max(map(len, labels), default=0) < 24 else 1


def _room(labels: Sequence[str], plan: FigurePlan) -> float:
    """Return the height of the legend in inches: none where the title replaces its only entry."""
    return 0.0 if len(labels) == 1 and plan.title else ENTRY * -(-len(labels) // _columns(labels))


def _dots(groups: Sequence[Group], plan: FigurePlan) -> tuple[Figure, Axes]:
    """One line per group, one mark per metric, with a bar of one standard deviation to either side."""
    names = [_name(group.title()) for group in groups]
    row = max(TALL if any("\n" in name for name in names) else ROW, MARK * len(plan.y))
    left = 0.2 + _widest(names)
    below = 0.55 + _room([_entry(metric) for metric in plan.y], plan)
    figure = sheet(0.3 + row * max(1, len(groups)) + below)
    axes = place(figure, left=left, bottom=below, right=0.15, top=0.3)
    axes.grid(axis="x")
    for index, metric in enumerate(plan.y):
        color, marker = series(index)
        places = [place for place, group in enumerate(groups) if group.mean(metric) is not None]
        means = [groups[place].mean(metric) or 0.0 for place in places]
        spread = [groups[place].sd(metric) or 0.0 for place in places]
        beside = [place + APART * (index - (len(plan.y) - 1) / 2) for place in places]
        axes.errorbar(means, beside, xerr=spread, fmt=marker, color=color, capsize=2, label=_entry(metric))
    axes.set_xlabel("mean ± standard deviation", fontsize=8)
    axes.set_yticks(range(len(groups)), names)
    axes.set_ylim(max(1, len(groups)) - 0.5, -0.5)
    _target(axes, plan, upright=True)
    if is_share(plan.y[0]):
        percent_axis(axes, "x")
    axes.locator_params(axis="x", nbins=5 if left < 1.9 else 4)  # more would touch where they have two decimals
    return figure, axes


def _points(groups: Sequence[Group], plan: FigurePlan) -> Mapping[str, list[tuple[float, float, float]]]:
    """Return the points (x, y, sd of y) by their entry in the legend: for each of `plan.pairs`, or each line."""
    points = defaultdict(list)
    for group in groups:
        line = ", ".join(group.labels[axis] for axis in plan.lines if axis in group.labels)
        for x, metric in plan.pairs or [(str(plan.x), metric) for metric in plan.y]:
            along = number_of(group.labels[x]) if x in group.labels else group.mean(x)
            mean = group.mean(metric)
            name = line if line and len(plan.y) == 1 else ", ".join(filter(None, (line, _entry(metric))))
            label = x.removesuffix("_kb") if plan.pairs else name
            if along is not None and mean is not None:
                height = 1 - mean if plan.wrong and is_share(metric) else mean
                points[label].append((along, height, group.sd(metric) or 0.0))
    return points


def _plane(groups: Sequence[Group], plan: FigurePlan) -> tuple[Figure, Axes]:
    """Points in a plane: lines along `plan.x`; or files, of which a line joins those that no smaller file beats."""
    points = _points(groups, plan)
    legend = _room(list(points), plan)
    figure = sheet(2.8 + legend)
    axes = place(figure, left=0.62, bottom=0.5 + legend, right=0.12, top=0.3)
    axes.grid(axis="y")
    for index, (label, own) in enumerate(points.items()):
        color, marker = series(index)
        places, means, spread = zip(*sorted(own), strict=True)
        shape = marker if plan.pairs else f"-{marker}"
        axes.errorbar(places, means, yerr=spread, fmt=shape, color=color, capsize=2, label=label)
    best = frontier([(x, y) for own in points.values() for x, y, _ in own]) if plan.pairs else []
    if best:
        axes.plot(*zip(*best, strict=True), color=PALETTE["muted"], linewidth=0.8, zorder=1)
    if plan.log or plan.pairs:
        _log_axis(axes, "x")
    _target(axes, plan)
    metric = plan.pairs[0][1] if plan.pairs else plan.y[0]
    if is_share(metric):
        percent_axis(axes, "y")
    axes.set_ylabel(_entry(metric))
    if plan.wrong:
        _log_axis(axes, "y", 0.01, "%")
        axes.set_ylabel(f"{_entry(metric)}, error rate")
    if plan.pairs:
        axes.set_ylabel("" if plan.title else "accuracy")
    axes.set_xlabel("kilobytes" if plan.pairs else heading(str(plan.x)))
    return figure, axes


def frontier(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (size, accuracy), by size, that no other point of the same size or less reaches."""
    best: list[tuple[float, float]] = []
    for size, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or accuracy > best[-1][1]:
            best.append((size, accuracy))
    return best


def _log_axis(axes: Axes, which: Literal["x", "y"], unit: float = 1, sign: str = "") -> None:
    """Make an axis logarithmic, with ticks at 10, 20, 50, 100, or at 10, 30, 100 where those would touch.

    Numbers are shown in `unit`, 0.01 for percent, followed by its `sign`.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < MANY * low else (1, 3)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{_short(value / unit)}{sign}"))
    axis.set_minor_locator(NullLocator())


def _short(value: float) -> str:
    return f"{value:,.0f}" if round(value, 6) >= 1 else f"{value:g}"


def _target(axes: Axes, plan: FigurePlan, upright: bool = False) -> None:
    if plan.target is not None:
        draw = axes.axvline if upright else axes.axhline
        level = 1 - plan.target if plan.wrong else plan.target
        draw(level, color=PALETTE["wrong"], linewidth=0.8, linestyle="--", zorder=1)
