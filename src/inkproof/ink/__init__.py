"""Ink: from pictures and strokes to the canvas, and from the canvas to what a network sees."""

from inkproof.ink.canvas import load_canvases, to_canvas
from inkproof.ink.rungs import RUNGS, apply_rung
from inkproof.ink.strokes import SIDE, render

__all__ = ["RUNGS", "SIDE", "apply_rung", "load_canvases", "render", "to_canvas"]
