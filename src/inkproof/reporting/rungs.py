"""The climb from rung to rung: accuracy on drawings as the preparation of the picture gets better."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inkproof.reporting.results import RUNGS, in_order, rungs_of
from inkproof.reporting.style import PALETTE, percent_axis, place, series, sheet, styled
from inkproof.reporting.wording import set_title


@styled
def rung_bars(drawn: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw one model's accuracy as a bar for every set and rung, with its interval.

    `drawn` is the content of `drawn.json`. A set without drawings stands there with the remark that it is
    empty.
    """
    rungs = in_order({rung for entry in drawn.values() for rung in rungs_of(entry)}, RUNGS)
    bar, gap = 0.17, 0.34
    lines = [(name, rungs_of(entry)) for name, entry in drawn.items()]
    height = sum(gap + bar * max(1, len(own)) for _, own in lines) + 0.5
    figure = sheet(height)
    if not drawn:
        figure.text(0.5, 0.5, "no drawings", ha="center", va="center", color=PALETTE["muted"])
        return figure
    axes = place(figure, 0.95, 0.35, 0.6, 0.0)
    y = height - 0.35
    ticks: list[tuple[float, str]] = []
    for name, own in lines:
        y -= gap
        heading = set_title(name)
        count = int(drawn[name].get("n", 0))
        title = f"{heading}, {count:,} drawings" if count else heading
        axes.text(0, y + 0.07, title, fontsize=8.5, fontweight="bold", color=PALETTE["ink"])
        if not own:
            axes.text(0, y - bar / 2, "no drawings yet", color=PALETTE["muted"], va="center_baseline")
        for rung in own:
            y -= bar
            result = drawn[name][rung]
            strength = 0.35 + 0.65 * (rungs.index(rung) + 1) / len(rungs)
            axes.barh(y + bar / 2, result["accuracy"], height=bar * 0.8, color=PALETTE["accent"], alpha=strength)
            axes.plot([result["low"], result["high"]], [y + bar / 2] * 2, color=PALETTE["ink"], linewidth=1.2)
            axes.text(
                max(result["high"], result["accuracy"]) + 0.02,
                y + bar / 2,
                f"{result['accuracy']:.1%}",
                va="center_baseline",
                fontsize=8,
            )
            ticks.append((y + bar / 2, rung))
        if not own:
            y -= bar
    axes.set_ylim(y - 0.06, height - 0.35)
    axes.set_yticks([at for at, _ in ticks], [rung for _, rung in ticks])
    axes.set_xlim(0, 1)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    percent_axis(axes, "x")
    return figure


@styled
def climb(results: Sequence[Mapping[str, Mapping[str, float]] | None], rungs: Sequence[str]) -> Figure:
    """Draw accuracy over the rungs for one set of drawings, one line a model, with intervals.

    `results` holds for each model, in the order of the leaderboard (which gives colour and mark), its
    summaries by rung, or None where the model has not read this set.
    """
    figure = sheet(2.7)
    axes = place(figure, 0.5, 0.35, 0.15, 0.12)
    lows = [summary["low"] for own in results if own for summary in own.values()]
    plot_climb(axes, results, rungs)
    axes.set_xticks(range(len(rungs)), list(rungs))
    axes.set_xlim(-0.4, len(rungs) - 0.6)
    axes.set_ylim(max(0.0, min(lows, default=0.0) - 0.05), 1.02)
    axes.grid(axis="y")
    axes.tick_params(axis="x", labelcolor=PALETTE["ink"])
    percent_axis(axes)
    return figure


def plot_climb(
    axes: Axes, results: Sequence[Mapping[str, Mapping[str, float]] | None], rungs: Sequence[str], step: float = 0.07
) -> dict[int, tuple[float, float]]:
    """Plot a line with intervals for each model into `axes`; return where each line ends, by the model's place.

    The rungs stand at 0, 1, 2 and so on, the models `step` beside one another: the intervals of four models would
    else lie on one line.
    """
    ends = {}
    for index, summaries in enumerate(results):
        if not summaries:
            continue
        colour, marker = series(index)
        shift = (index - (len(results) - 1) / 2) * step
        own = [(place_ + shift, summaries[rung]) for place_, rung in enumerate(rungs) if rung in summaries]
        for x, summary in own:
            axes.plot([x, x], [summary["low"], summary["high"]], color=colour, linewidth=3, alpha=0.35)
        points = [(x, summary["accuracy"]) for x, summary in own]
        axes.plot(
            *zip(*points, strict=True),
            color=colour,
            linewidth=1.4,
            marker=marker,
            markersize=5,
            markeredgecolor=PALETTE["paper"],
            markeredgewidth=0.6,
        )
        ends[index] = points[-1]
    return ends
