"""What refusing buys: accuracy of the digits that are accepted, and how many of the rest are let through."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from inkproof.reporting.style import PALETTE, percent_axis, place, series, sheet, styled

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
_FEWEST = 0.001  # digits refused, at the left edge of the lower panel


@styled
def rejection_figure(
    coverage: Sequence[Mapping[str, Any]], refusals: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> Figure:
    """Draw accuracy over coverage for every rule, above the share of negatives refused for each kind.

    Args:
        coverage: rows of `inkproof.scoring.rejection_curves.coverage_rows`.
        refusals: rows of `refusal_rows`, of the rule that was chosen.
        summary: from `inkproof.scoring.rejection.summarise_rejection`; its two operating points, of the chosen
            rule and of the 60% rule, are marked in both panels.

    Raises:
        ValueError: a table has no row.
    """
    if not coverage or not refusals:
        raise ValueError("the figure of rejection needs rows of coverage and of refusals")
    figure = sheet(6.3)
    above = place(figure, 0.72, 3.86, 0.28, 0.3)
    below = place(figure, 0.72, 0.9, 0.28, 3.15)
    _coverage(above, coverage, summary)
    _refusals(below, refusals, summary)
    for axes in (above, below):
        axes.grid()
        axes.yaxis.set_label_coords(-0.18, 0.5)
    return figure


def _coverage(axes: Axes, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> None:
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    for index, rule in enumerate(rules):
        own = [row for row in rows if row["rule"] == rule]
        colour, _ = series(index)
        axes.plot(
            [float(row["coverage"]) for row in own],
            [float(row["accuracy"]) for row in own],
            color=colour,
            linewidth=1.3,
            linestyle=_DASHES[index % len(_DASHES)],
            label=RULE_NAMES.get(rule, rule),
        )
    marks = (("sixty_percent", "X", "the 60% rule"), ("chosen", "o", "chosen threshold"))
    for name, marker, label in marks:
        at = summary[name]["digits"]
        if at["accuracy"] is None:
            continue
        rule = "maximum_probability" if name == "sixty_percent" else summary["rule"]
        colour = series(rules.index(rule))[0] if rule in rules else PALETTE["ink"]
        axes.plot(
            at["coverage"],
            at["accuracy"],
            marker=marker,
            markersize=7.5,
            color=colour,
            markeredgecolor=PALETTE["paper"],
            markeredgewidth=0.9,
            linestyle="none",
            label=label,
            zorder=3,
        )
    axes.set_title("digits: fewer accepted, more of them right")
    axes.set_xlabel("digits accepted")
    axes.set_ylabel("accepted digits read right")
    axes.margins(x=0.02)
    axes.legend(loc="lower left", handlelength=1.6, fontsize=8)
    percent_axis(axes)
    percent_axis(axes, "x")


def _refusals(axes: Axes, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> None:
    present = {row["kind"] for row in rows}
    kinds = [kind for kind in KIND_NAMES if kind in present] + sorted(present - set(KIND_NAMES))
    for index, kind in enumerate(kinds):
        # A logarithmic axis has no place for a threshold that refuses no digit at all.
        own = [row for row in rows if row["kind"] == kind and float(row["digits_refused"]) >= _FEWEST]
        colour, _ = series(index)
        axes.plot(
            [float(row["digits_refused"]) for row in own],
            [float(row["refused"]) for row in own],
            color=colour,
            linewidth=1.3,
            label=KIND_NAMES.get(kind, kind),
        )
        by_sixty = summary["sixty_percent"]["refused"].get(kind)
        if by_sixty is not None:
            axes.plot(
                max(1 - float(summary["sixty_percent"]["digits"]["coverage"]), _FEWEST),
                by_sixty["share"],
                marker="X",
                markersize=6,
                color=colour,
                markeredgecolor=PALETTE["paper"],
                markeredgewidth=0.8,
                linestyle="none",
                clip_on=False,
                zorder=3,
            )
    refused = 1 - float(summary["chosen"]["digits"]["coverage"])
    if refused >= _FEWEST:
        axes.axvline(refused, color=PALETTE["muted"], linewidth=1, linestyle=":")
        axes.text(refused * 0.93, 1.0, "chosen", color=PALETTE["muted"], ha="right", va="top", fontsize=8)
    axes.plot([], [], marker="X", markersize=6, color=PALETTE["muted"], linestyle="none", label="by the 60% rule")
    axes.set_xscale("log")
    axes.set_xlim(_FEWEST, 1)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.02, 1.03)
    axes.set_title(f"not digits: refused by {RULE_NAMES.get(summary['rule'], summary['rule'])}")
    axes.set_xlabel("digits refused")
    axes.set_ylabel("others refused")
    # No corner stays free: where the curves run depends on the network.
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.42, -0.19), ncols=3, handlelength=1.3, columnspacing=1.1, fontsize=8
    )
    percent_axis(axes)
    percent_axis(axes, "x")
