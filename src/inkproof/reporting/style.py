"""One visual style for every figure: a palette of named colours, quiet axes, one column width.

Figures are as wide as a phone's screen and half a desktop page (`WIDTH`), so the same figure can be read on
both. The series colours follow the palette of M. Okabe and K. Ito, "Color Universal Design" (2008), darkened
for contrast on paper; where colour carries a meaning (right, wrong), a sign carries it too.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

WIDTH = 4.0
"""Width of every figure in inches."""

DPI = 160
"""Pixels an inch of saved pictures: 640 pixels a figure, so the pixels of digits fall on whole pixels."""

# The page replaces each of these colours by the style sheet's variable of the same name, which is how one
# figure serves the light and the dark page. Hence every value differs from every other.
PALETTE = {
    "ink": "#1d2129",
    "muted": "#5c6370",
    "grid": "#dcd8cf",
    "paper": "#fdfcf8",
    "accent": "#1f5f99",
    "right": "#00795c",
    "wrong": "#bf4408",
    "series-1": "#0a6cb8",
    "series-2": "#cf5800",
    "series-3": "#008f68",
    "series-4": "#b04a93",
    "series-5": "#a87400",
    "series-6": "#5a6b85",
}
SERIES = tuple(colour for name, colour in PALETTE.items() if name.startswith("series-"))
MARKERS = ("o", "s", "D", "^", "v", "P")

_RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": PALETTE["ink"],
    "axes.edgecolor": PALETTE["muted"],
    "axes.labelcolor": PALETTE["muted"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": PALETTE["muted"],
    "ytick.color": PALETTE["muted"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "grid.color": PALETTE["grid"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PALETTE["paper"],
    "figure.dpi": DPI,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function under the house style, leaving matplotlib's own settings as they were."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(_RC):
            return draw(*args, **kwargs)

    return inner


def sheet(height: float) -> Figure:
    """Return an empty figure of the house width and `height` inches; no global figure list is involved."""
    return Figure(figsize=(WIDTH, round(height * DPI) / DPI))


def place(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Add axes whose edges lie this many inches from the figure's left, bottom, right and top edge.

    Fixed margins in place of a layout engine, which would draw every figure twice to measure its texts.
    """
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )


def percent_axis(axes: Axes, which: str = "y") -> None:
    """Label an axis of fractions in per cent, with as many decimals as its ticks need."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value * 100, 6):g}%"))


def series(index: int) -> tuple[str, str]:
    """Return the colour and the marker of the model with this place in the leaderboard, from 0."""
    return SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]
