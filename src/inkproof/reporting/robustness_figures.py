"""Figures of the corruptions and of rejection."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from inkproof.reporting.results import in_order
from inkproof.reporting.style import PALETTE, as_table, cell, percent_axis, place, series, sheet, styled

# The strongest color stands for this share of errors and more: a model that guesses is wrong nine times in ten.
_WORST = 0.9


@styled
def corruptions_heatmap(summary: Mapping[str, Any]) -> Figure:
    """Draw accuracy in per cent by corruption (row) and severity (column) of a `summarize_corruptions`.

    The first column is accuracy on clean canvases, one cell for all; the last is each corruption's mean, and
    below it stands their mean, the mean corruption accuracy. The darker a cell, the more digits are misread.
    """
    corruptions = summary["corruptions"]
    names = list(corruptions)
    grades = len(next(iter(corruptions.values()))["severities"])
    # Between the clean column, the severities and the means lies a gap.
    mean_x = grades + 1.3
    figure = sheet(0.6 + 0.245 * (len(names) + 1.25))
    axes = place(figure, 1.22, 0.06, 0.06, 0.5)
    _cell(axes, -0.15, (len(names) - 1) / 2, summary["clean"]["accuracy"], len(names))
    for y, name in enumerate(names):
        for x, accuracy in enumerate(corruptions[name]["severities"], start=1):
            _cell(axes, x, y, accuracy)
        _cell(axes, mean_x, y, corruptions[name]["accuracy"], bold=True)
    bottom = len(names) + 0.25
    _cell(axes, mean_x, bottom, summary["mca"]["accuracy"], bold=True)
    axes.text(mean_x - 0.65, bottom, "mean corruption accuracy", ha="right", va="center_baseline", fontsize=8.5)
    axes.set_xlim(-0.7, mean_x + 0.55)
    axes.set_ylim(bottom + 0.55, -0.55)
    axes.set_xticks(
        [-0.15, *range(1, grades + 1), mean_x], ["clean", *(str(grade) for grade in range(1, grades + 1)), "mean"]
    )
    axes.set_yticks(range(len(names)), [words(name) for name in names])
    as_table(axes)
    axes.text((grades + 1) / 2, -1.6, "severity", ha="center", va="center_baseline", fontsize=8, color=PALETTE["muted"])
    axes.text(-0.85, -1.0, "% read right", ha="right", va="center_baseline", fontsize=8, color=PALETTE["muted"])
    return figure


def _cell(axes: Axes, x: float, y: float, accuracy: float, rows: int = 1, bold: bool = False) -> None:
    """One accuracy in its cell, `rows` rows high around y."""
    share = min(1.0, (1 - accuracy) / _WORST) ** 0.7
    cell(axes, x, y, rows - 0.08, alpha=0.04 + 0.86 * share)
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


def words(name: str) -> str:
    """Return a corruption's name for people."""
    return name.replace("_", " ")


RULE_NAMES = {
    "maximum_probability": "largest probability",
    "margin": "margin",
    "negative_entropy": "entropy",
    "energy": "energy",
}
KIND_NAMES = {
    "scribble": "scribbles",
    "letter": "letters",
    "shape": "shapes",
    "digits": "several digits",
    "blank": "blanks and specks",
}
# Three of the rules nearly agree on digits, so their lines need gaps to be seen through.
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), "-")
_MARK: dict[str, Any] = {"markeredgecolor": PALETTE["paper"], "linestyle": "none", "zorder": 3}
_FEWEST = 0.001  # digits rejected, at the left edge of the lower panel


@styled
def rejection_figure(
    coverage: Sequence[Mapping[str, Any]], rejections: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> Figure:
    """Draw accuracy over coverage for every rule, above the share of ood_samples rejected for each kind.

    Args:
        coverage: rows of `inkproof.evaluation.rejection.coverage_rows`.
        rejections: rows of `rejection_rows`, of the rule that was chosen.
        summary: from `inkproof.evaluation.rejection.summarize_rejection`; its two operating points, of the chosen
            rule and of the 60% rule, are marked in both panels.

    Raises:
        ValueError: a table has no row.
    """
    if not coverage or not rejections:
        raise ValueError("the figure of rejection needs rows of coverage and of rejections")
    figure = sheet(6.3)
    above = place(figure, 0.72, 3.86, 0.28, 0.3)
    below = place(figure, 0.72, 0.9, 0.28, 3.15)
    _coverage(above, pd.DataFrame(coverage), summary)
    _rejections(below, pd.DataFrame(rejections), summary)
    for axes in (above, below):
        axes.grid()
        axes.yaxis.set_label_coords(-0.18, 0.5)
        percent_axis(axes)
        percent_axis(axes, "x")
    return figure


def _coverage(axes: Axes, rows: pd.DataFrame, summary: Mapping[str, Any]) -> None:
    rules = rows["rule"].unique().tolist()
    for index, rule in enumerate(rules):
        own = rows[rows["rule"] == rule]
        color, _ = series(index)
        dashes = _DASHES[index % len(_DASHES)]
        label = RULE_NAMES.get(rule, rule)
        axes.plot(own["coverage"], own["accuracy"], color=color, linewidth=1.3, linestyle=dashes, label=label)
    marks = (("sixty_percent", "X", "the 60% rule"), ("chosen", "o", "chosen threshold"))
    for name, marker, label in marks:
        at = summary[name]["digits"]
        if at["accuracy"] is None:
            continue
        rule = "maximum_probability" if name == "sixty_percent" else summary["rule"]
        color = series(rules.index(rule))[0] if rule in rules else PALETTE["ink"]
        style = _MARK | {"marker": marker, "markersize": 7.5, "markeredgewidth": 0.9}
        axes.plot(at["coverage"], at["accuracy"], color=color, label=label, **style)
    axes.set_title("digits: fewer accepted, more of them right")
    axes.set_xlabel("digits accepted")
    axes.set_ylabel("accepted digits read right")
    axes.margins(x=0.02)
    axes.legend(loc="lower left", handlelength=1.6, fontsize=8)


def _rejections(axes: Axes, rows: pd.DataFrame, summary: Mapping[str, Any]) -> None:
    sixty = float(summary["sixty_percent"]["digits"]["coverage"])
    # A logarithmic axis has no place for a threshold that refuses no digit at all.
    shown = rows[rows["digits_rejected"] >= _FEWEST]
    for index, kind in enumerate(in_order(set(rows["kind"]), KIND_NAMES)):
        own = shown[shown["kind"] == kind]
        color, _ = series(index)
        label = KIND_NAMES.get(kind, kind)
        axes.plot(own["digits_rejected"], own["rejected"], color=color, linewidth=1.3, label=label)
        by_sixty = summary["sixty_percent"]["rejected"].get(kind)
        if by_sixty is not None:
            style = _MARK | {"marker": "X", "markersize": 6, "markeredgewidth": 0.8}
            axes.plot(max(1 - sixty, _FEWEST), by_sixty["share"], color=color, clip_on=False, **style)
    rejected = 1 - float(summary["chosen"]["digits"]["coverage"])
    if rejected >= _FEWEST:
        axes.axvline(rejected, color=PALETTE["muted"], linewidth=1, linestyle=":")
        axes.text(rejected * 0.93, 1.0, "chosen", color=PALETTE["muted"], ha="right", va="top", fontsize=8)
    axes.plot([], [], marker="X", markersize=6, color=PALETTE["muted"], linestyle="none", label="by the 60% rule")
    axes.set_xscale("log")
    axes.set_xlim(_FEWEST, 1)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.02, 1.03)
    axes.set_title(f"not digits: rejected by {RULE_NAMES.get(summary['rule'], summary['rule'])}")
    axes.set_xlabel("digits rejected")
    axes.set_ylabel("others rejected")
    # No corner stays free: where the curves run depends on the network.
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.42, -0.19), ncols=3, handlelength=1.3, columnspacing=1.1, fontsize=8
    )
