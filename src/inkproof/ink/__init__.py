"""Ink: from pictures and strokes to the canvas, and from the canvas to what a network sees."""

from typing import TYPE_CHECKING, Any

from inkproof.ink.canvas import load_canvases, to_canvas
from inkproof.ink.pixel_lines import render_in_pixels
from inkproof.ink.rungs import RUNGS, apply_rung
from inkproof.ink.strokes import SIDE, render

if TYPE_CHECKING:
    from inkproof.ink.normalization import InkNormalization

__all__ = [
    "RUNGS",
    "SIDE",
    "InkNormalization",
    "apply_rung",
    "load_canvases",
    "render",
    "render_in_pixels",
    "to_canvas",
]


def __getattr__(name: str) -> Any:
    """Import the layer where it is first used: all else here does without TensorFlow."""
    if name == "InkNormalization":
        from inkproof.ink.normalization import InkNormalization

        return InkNormalization
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
