"""Figures of the accuracy under corruptions and of rejection."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from inkproof.evaluation.results import CorruptionsResult, RejectionResult
from inkproof.reporting.results import in_order
from inkproof.reporting.style import PALETTE, as_table, cell, percent_axis, place, series, sheet, styled

# This share of errors and more have the strongest color: a model that guesses is wrong nine times in ten.
_WORST = 0.9


@styled
def corruptions_heatmap(result: CorruptionsResult) -> Figure:
    """Draw accuracy in percent by corruption (row) and severity (column).

    The last column is each corruption's mean. Below are the mean of these, which is the mean corruption accuracy, and
    the accuracy on clean canvases. A darker cell has more errors.
    """
    corruptions = result.corruptions
    names = list(corruptions)
    severities = len(next(iter(corruptions.values())).severities)
    # There is a gap between the severities and the means, and one above the last two rows.
    mean_x = severities + 1.3
    figure = sheet(0.6 + 0.245 * (len(names) + 2.25))
    axes = place(figure, 1.22, 0.06, 0.06, 0.5)
    for y, name in enumerate(names):
        for x, accuracy in enumerate(corruptions[name].severities, start=1):
            _cell(axes, x, y, accuracy)
        _cell(axes, mean_x, y, corruptions[name].accuracy, bold=True)
    bottom = len(names) + 0.25
    for place_y, label, accuracy in (
        (bottom, "mean corruption accuracy", result.mca.accuracy),
        (bottom + 1, "clean, without any corruption", result.clean.accuracy),
    ):
        _cell(axes, mean_x, place_y, accuracy, bold=True)
        axes.text(mean_x - 0.65, place_y, label, ha="right", va="center_baseline", fontsize=8.5)
    axes.set_xlim(0.4, mean_x + 0.55)
    axes.set_ylim(bottom + 1.55, -0.55)
    columns = range(1, severities + 1)
    axes.set_xticks([*columns, mean_x], [*map(str, columns), "mean"])
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    as_table(axes)
    axes.text(
        (severities + 1) / 2, -1.6, "severity", ha="center", va="center_baseline", fontsize=8, color=PALETTE["muted"]
    )
    axes.text(0.25, -1.0, "accuracy, %", ha="right", va="center_baseline", fontsize=8, color=PALETTE["muted"])
    return figure


def _cell(axes: Axes, x: float, y: float, accuracy: float, bold: bool = False) -> None:
    """Draw one accuracy in its cell."""
    share = min(1.0, (1 - accuracy) / _WORST) ** 0.7
    cell(axes, x, y, 0.92, alpha=0.04 + 0.86 * share)
    axes.text(
        x,
        y,
        "100" if accuracy == 1 else f"{100 * accuracy:.1f}",
        ha="center",
        va="center_baseline",
        fontsize=8,
        fontweight="bold" if bold else "normal",
        color=PALETTE["paper"] if share > 0.8 else PALETTE["ink"],
    )


RULE_NAMES = {
    "maximum_probability": "largest probability",
    "margin": "margin",
    "negative_entropy": "entropy",
    "energy": "energy",
}
KIND_NAMES = {
    "scribble": "scribbles",
    "letter": "letters",
    "unipen": "UNIPEN's letters",
    "shape": "shapes",
    "digits": "several digits",
    "blank": "blanks and specks",
}
# Three of the rules nearly agree on digits, so their lines are dashed.
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), "-")
_MARK: dict[str, Any] = {"markeredgecolor": PALETTE["paper"], "linestyle": "none", "zorder": 3}
_FEWEST = 0.001  # share of digits rejected at the left edge of the lower panel


@styled
def rejection_figure(coverage: pd.DataFrame, rejections: pd.DataFrame, result: RejectionResult) -> Figure:
    """Draw accuracy over coverage for every rule, above the share of rejected out-of-distribution samples by kind.

    Args:
        coverage: rows of `inkproof.evaluation.rejection.coverage_rows`.
        rejections: rows of `rejection_rows` for the chosen rule.
        result: its two operating points, of the chosen rule and of the 60% rule, are marked in both panels.
    """
    figure = sheet(6.3)
    above = place(figure, 0.72, 3.86, 0.28, 0.3)
    below = place(figure, 0.72, 0.9, 0.28, 3.15)
    _coverage(above, coverage, result)
    _rejections(below, rejections, result)
    for axes in (above, below):
        axes.grid()
        axes.yaxis.set_label_coords(-0.18, 0.5)
        percent_axis(axes)
        percent_axis(axes, "x")
    return figure


def _coverage(axes: Axes, rows: pd.DataFrame, result: RejectionResult) -> None:
    rules = rows["rule"].unique().tolist()
    for index, rule in enumerate(rules):
        own = rows[rows["rule"] == rule]
        color, _ = series(index)
        dashes = _DASHES[index % len(_DASHES)]
        label = RULE_NAMES.get(rule, rule)
        axes.plot(own["coverage"], own["accuracy"], color=color, linewidth=1.3, linestyle=dashes, label=label)
    marks = (
        (result.sixty_percent.digits, "maximum_probability", "X", "the 60% rule"),
        (result.chosen.digits, result.rule, "o", "chosen threshold"),
    )
    for at, rule, marker, label in marks:
        if at.accuracy is None:
            continue
        color = series(rules.index(rule))[0] if rule in rules else PALETTE["ink"]
        style = _MARK | {"marker": marker, "markersize": 7.5, "markeredgewidth": 0.9}
        axes.plot(at.coverage, at.accuracy, color=color, label=label, **style)
    axes.set_title("Drawn digits: accuracy of the accepted ones")
    axes.set_xlabel("digits accepted (coverage)")
    axes.set_ylabel("accuracy of accepted digits")
    axes.margins(x=0.02)
    axes.legend(loc="lower left", handlelength=1.6, fontsize=8)


def _rejections(axes: Axes, rows: pd.DataFrame, result: RejectionResult) -> None:
    sixty = result.sixty_percent.digits.coverage
    # A logarithmic axis cannot show a threshold that rejects no digit at all.
    shown = rows[rows["digits_rejected"] >= _FEWEST]
    for index, kind in enumerate(in_order(set(rows["kind"]), KIND_NAMES)):
        own = shown[shown["kind"] == kind]
        color, _ = series(index)
        label = KIND_NAMES.get(kind, kind)
        axes.plot(own["digits_rejected"], own["rejected"], color=color, linewidth=1.3, label=label)
        by_sixty = result.sixty_percent.rejected.get(kind)
        if by_sixty is not None:
            style = _MARK | {"marker": "X", "markersize": 6, "markeredgewidth": 0.8}
            axes.plot(max(1 - sixty, _FEWEST), by_sixty.share, color=color, clip_on=False, **style)
    rejected = 1 - result.chosen.digits.coverage
    if rejected >= _FEWEST:
        axes.axvline(rejected, color=PALETTE["muted"], linewidth=1, linestyle=":")
        side, away = ("right", 0.93) if rejected > 10 * _FEWEST else ("left", 1.08)  # where the text has room
        style = {"color": PALETTE["muted"], "ha": side, "va": "top", "fontsize": 8}
        axes.text(rejected * away, 1.0, "chosen threshold", **style)
    axes.plot([], [], marker="X", markersize=6, color=PALETTE["muted"], linestyle="none", label="by the 60% rule")
    axes.set_xscale("log")
    axes.set_xlim(_FEWEST, 1)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.02, 1.03)
    axes.set_title(f"Not digits: rejected by {RULE_NAMES.get(result.rule, result.rule)}")
    axes.set_xlabel("drawn digits rejected (logarithmic scale)")
    axes.set_ylabel("drawings of no digit rejected")
    # No corner is free for every network, so the legend is below.
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.42, -0.19), ncols=3, handlelength=1.3, columnspacing=1.1, fontsize=8
    )
