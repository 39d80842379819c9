"""One visual style for all figures: a palette of named colors, quiet axes, one column width.

A figure is as wide as a phone's screen and half a desktop page (`WIDTH`), so it is legible on both. The series colors
follow the palette of M. Okabe and K. Ito, "Color Universal Design" (2008), darkened for contrast on paper. Where a
color has a meaning (correct, wrong), a sign has it too.
"""

import html
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from PIL import Image

from inkproof.runtime.files import replacing

WIDTH = 4.0
"""Width of every figure in inches."""

DPI = 160
"""Pixels per inch of saved images: a figure is 640 pixels wide, so a digit's pixels are whole pixels."""

# The page replaces each of these colors by the style sheet's variable of the same name, so that one figure serves the
# light and the dark page. Therefore all values differ.
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
SERIES = tuple(color for name, color in PALETTE.items() if name.startswith("series-"))
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

styled = matplotlib.rc_context(_RC)
"""Decorator: the function draws in the style of this module and leaves matplotlib's settings unchanged."""


def sheet(height: float) -> Figure:
    """Return an empty figure of `WIDTH` and `height` inches that is in no global list of figures."""
    return Figure(figsize=(WIDTH, round(height * DPI) / DPI))


def remark(height: float, text: str) -> Figure:
    """Return a figure of `height` inches with a text that says why there is no drawing."""
    figure = sheet(height)
    figure.text(0.5, 0.5, text, ha="center", va="center", color=PALETTE["muted"])
    return figure


def place(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Add axes with these margins in inches.

    A layout engine would draw every figure twice to measure its texts.
    """
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )


def percent_axis(axes: Axes, which: str = "y") -> None:
    """Label an axis of fractions in percent, with as many decimals as its ticks need."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value * 100, 6):g}%"))


def as_table(axes: Axes) -> None:
    """Remove spines and ticks from axes that show a table, and put the column names above."""
    axes.tick_params(length=0, labelcolor=PALETTE["ink"])
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)


def cell(axes: Axes, x: float, y: float, height: float = 0.94, **how: Any) -> None:
    """Fill the cell around (x, y), in the color of errors unless `how` has another style."""
    style: dict[str, Any] = {"facecolor": PALETTE["wrong"], "linewidth": 0} | how
    axes.add_patch(Rectangle((x - 0.47, y - height / 2), 0.94, height, **style))


def series(index: int) -> tuple[str, str]:
    """Return the color and marker of the model with this place in the leaderboard, from 0."""
    return SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]


def lines_of(name: str) -> list[str]:
    """Return the name of a preprocessing method in one line, or in two if it is long."""
    first, mark, rest = name.partition("_")
    return [f"{first}_", rest] if mark and len(name) > 7 else [name]


Block = tuple[int, int, npt.NDArray[np.uint8]]


def _pixels(figure: Figure) -> tuple[int, int]:
    """Width and height of a figure in pixels."""
    width, height = figure.get_size_inches()
    return round(width * DPI), round(height * DPI)


def write(figure: Figure, x: float, y: float, text: str, **how: Any) -> None:
    """Write `text` unchanged into a figure of images; its baseline begins at pixel x, y from the top left."""
    width, height = _pixels(figure)
    # A dollar sign in a file name would start a formula.
    figure.text(x / width, 1 - y / height, text, parse_math=False, **how)


def enlarged(image: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
    """Return an image whose pixels are squares of `scale` x `scale`."""
    return np.kron(image, np.ones((scale, scale), np.uint8))


def paint(figure: Figure, blocks: Sequence[Block]) -> None:
    """Cover `figure` with images given as (left, top, image), in pixels: gray (H, W) or colored (H, W, 3).

    Everything becomes one image: axes for each image would take a hundred times as long.
    """
    width, height = _pixels(figure)
    paper = np.array([round(255 * part) for part in to_rgb(PALETTE["paper"])], dtype=np.uint8)
    page = np.broadcast_to(paper, (height, width, 3)).copy()
    for left, top, image in blocks:
        rows, columns = image.shape[:2]
        page[top : top + rows, left : left + columns] = image if image.ndim == 3 else image[..., None]
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=-1)
    axes.imshow(page, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.set_axis_off()


def shrunk(canvas: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Return a canvas reduced to `side` x `side` pixels, each the mean of its area."""
    return np.asarray(Image.fromarray(canvas).resize((side, side), Image.Resampling.BOX))


def framed(left: int, top: int, image: npt.NDArray[np.uint8]) -> list[Block]:
    """Return the image on a gray square that is one pixel larger: a white canvas has no visible edge."""
    rows, columns = image.shape
    return [(left - 1, top - 1, np.full((rows + 2, columns + 2), 190, np.uint8)), (left, top, image)]


# Text, lines and gray levels need few colors, and fewer colors halve the file.
COLORS = 96


def save(figure: Figure, path: Path, scale: int = 1) -> None:
    """Write `figure` to `path` as a palette PNG, whole or not at all; the same figure gives the same bytes.

    A figure without pixels of digits may have `scale` times the resolution, for screens that can show it.
    """
    buffer = io.BytesIO()
    # Little compression here: the final file is written below.
    figure.savefig(buffer, format="png", dpi=scale * DPI, pil_kwargs={"compress_level": 1})
    image = Image.open(buffer).convert("RGB")
    small = image.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        small.save(temporary, format="PNG", optimize=True)


def to_svg(figure: Figure, name: str, label: str) -> Markup:
    """Return `figure` as an SVG element for a page; the same figure gives the same text.

    `name` makes its identifiers unique on the page, and `label` describes it for people who cannot see it. The
    palette's colors become variables of the page's style sheet (`var(--ink, #1d2129)`), and texts take the page's font.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None  # matplotlib always writes one
    svg = re.sub(r"^<svg[^>]*>", "", svg)
    # This rule would apply to the whole page; page.css has it for figures only.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*"', "", svg)

    def rounded(tag: re.Match[str]) -> str:
        # A tenth of a point is finer than any screen can show.
        return re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), tag[0])

    # Only inside tags: numbers in the texts must stay unchanged.
    svg = re.sub(r"<[^>]*>", rounded, svg)
    for token, color in PALETTE.items():
        svg = svg.replace(color, f"var(--{token},{color})")
    svg = re.sub(r"\s*\n\s*", " ", svg)
    svg = svg.replace("> <", "><").strip()
    return Markup(f'<svg class="figure" {box[0]} role="img" aria-label="{html.escape(label)}">{svg}')
