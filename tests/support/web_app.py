"""Helpers for tests of the web app: an application with its own folder, and requests for it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from PIL import Image

from inkproof.app.server import create_app
from inkproof.config.stages import Limits
from inkproof.data.drawings import Drawing, read_drawings
from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT

PRETRAINED = ROOT / "models" / "pretrained" / "canvas.tflite"
LIMITS = Limits(body_kb=976, pixels=1_000_000, strokes=50, points=2000, length=100, text=60, drawings=5)
HOSTS = ["localhost", "127.0.0.1", "::1"]


def make_app(database: Path, models: dict[str, Path] | None = None, token: str | None = None) -> Flask:
    found = {"pretrained": PRETRAINED} if models is None else models
    return create_app(lambda: found, database, HOSTS, LIMITS, 20.0, token)


def starter() -> list[Drawing]:
    return read_drawings(ROOT / "data" / "drawn" / "starter")


def canvas_of(drawing: Drawing) -> np.ndarray:
    assert drawing.strokes is not None
    return render(drawing.strokes, drawing.canvas)


def png(levels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def to_keep(**changed: Any) -> dict[str, Any]:
    """The JSON with which the page keeps a drawing."""
    asked: dict[str, Any] = {"consent": True, "label": 7, "writer": "anna", "strokes": [[[10, 20, 0], [200, 20, 50]]]}
    asked |= {"canvas": [280, 280], "predicted": 7, "model": "pretrained", "version": "0123456789ab"}
    return {**asked, "device": "phone", "pointer": "touch", **changed}
