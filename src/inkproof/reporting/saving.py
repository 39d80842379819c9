"""Figures as files: a small PNG for folders and MLflow, an SVG that takes the page's colours and fonts."""

import io
import re
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from inkproof.atomic import replacing
from inkproof.reporting.style import DPI, PALETTE

# Text, rules and a grey ramp need few colours; fewer colours are half the bytes.
COLOURS = 96


def save(figure: Figure, path: Path, scale: int = 1) -> None:
    """Write `figure` to `path` as a palette PNG, whole or not at all; the same figure, the same bytes.

    A picture without digits' pixels may have `scale` times as many pixels each way, for screens that show them.
    """
    buffer = io.BytesIO()
    # Packed lightly at first: the file that counts is written below.
    figure.savefig(buffer, format="png", dpi=scale * DPI, pil_kwargs={"compress_level": 1})
    picture = Image.open(buffer).convert("RGB")
    small = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        small.save(temporary, format="PNG", optimize=True)


def _rounded(number: re.Match[str]) -> str:
    """A coordinate to a tenth of a point, which is finer than any screen shows it."""
    return f"{float(number[0]):.1f}".removesuffix(".0")


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Return `figure` as an SVG element to stand inside a page.

    `name` keeps its identifiers apart from those of other figures on the page, `label` says what it shows to
    those who cannot see it. The palette's colours become the variables of the page's style sheet
    (`var(--ink, #1d2129)`), texts stay texts and take the page's font, and nothing depends on the clock.
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
    # The rule would reach every element of the page; the style sheet says the same for figures alone.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*"', "", svg)
    # Only inside tags: the texts between them hold figures that must stay as they are.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{2,}", _rounded, tag[0]), svg)
    for token, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{token},{colour})")
    svg = re.sub(r"\s*\n\s*", " ", svg)
    svg = svg.replace("> <", "><")
    escaped = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return f'<svg class="figure" {box[0]} role="img" aria-label="{escaped}">{svg.strip()}'
