"""The parts of a page, and one model's section: figures redrawn from the tables, images and numbers."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError

from inkproof.evaluation.results import DrawnResult
from inkproof.reporting.drawn_figures import method_bars
from inkproof.reporting.evaluation_figures import confusion_matrix, learning_curves, reliability_diagram
from inkproof.reporting.results import ModelResults
from inkproof.reporting.style import PALETTE, to_svg
from inkproof.reporting.tables import read_table
from inkproof.reporting.wording import HERE, from_template
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

_DIGITS = list("0123456789")


@dataclass(frozen=True)
class EmbeddedImage:
    """A PNG in the page: its data URL and its size in pixels."""

    source: str
    width: int
    height: int


def slug(name: str) -> str:
    """Return `name` in a form for addresses and identifiers."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def image(path: Path) -> EmbeddedImage | None:
    """Return the PNG at `path` for embedding, or None if there is no file; raise UserError if it is not a PNG."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        width, height = Image.open(io.BytesIO(data), formats=["PNG"]).size
    except UnidentifiedImageError as error:
        raise UserError(f"{path} is not a PNG image; run its stage again") from error
    return EmbeddedImage("data:image/png;base64," + base64.b64encode(data).decode("ascii"), width, height)


def write_html(folder: Path, template: str, /, **values: Any) -> Path:
    """Write `folder`/index.html from a template of this folder, with the style sheet and colors; return its path."""
    css = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    path = folder / "index.html"
    write_text(path, from_template(template, css=css, palette=PALETTE, **values))
    return path


@dataclass(frozen=True)
class Section:
    """What the template shows of one model; a figure, image or table without its file is None or empty.

    `place` is its place in the leaderboard, from 0. `writers` has a table for each set of drawings: the set, its
    methods, and a row for each writer with the number of drawings and the accuracies.
    """

    model: ModelResults
    slug: str
    place: int
    curves: Markup | None
    confusion: Markup | None
    reliability: Markup | None
    bars: Markup | None
    mistakes: EmbeddedImage | None
    corruptions: EmbeddedImage | None
    rejection: EmbeddedImage | None
    per_class: pd.DataFrame
    writers: list[tuple[str, list[str], list[tuple[str, int, list[float]]]]]
    before_after: list[tuple[str, EmbeddedImage]]


Table = TypeVar("Table", pd.DataFrame, npt.NDArray[np.int64], DrawnResult)


def section(model: ModelResults, place: int) -> Section:
    """Return what the template shows of `model`, whose place in the leaderboard is `place`, from 0.

    Raises UserError, which names the file, if a file is broken.
    """
    name = slug(model.name)
    test = model.folder / "test"
    history = read_table(test / "history.csv", ("epoch", "accuracy", "loss"))
    curves = partial(learning_curves, kept=model.test.best_epoch)
    bins = read_table(test / "reliability.csv", ("low", "high", "n", "confidence", "accuracy"))
    bins = bins[bins["n"] > 0]
    counts = read_table(test / "confusion.csv", _DIGITS)[_DIGITS].fillna(0)
    if len(counts) not in (0, 10):
        raise UserError(f"{test / 'confusion.csv'} should have ten rows, not {len(counts)}; run its stage again")
    per_class = read_table(test / "per_class.csv", ("digit", "n", "recall", "precision", "f1"))
    filled = {key: entry for key, entry in model.drawn.items() if entry.methods}

    def figure(part: str, draw: Callable[[Table], Figure], content: Table, label: str) -> Markup | None:
        return to_svg(draw(content), f"{name}-{part}", label) if len(content) else None

    return Section(
        model=model,
        slug=name,
        place=place,
        curves=figure("curves", curves, history, f"Learning curves over {len(history)} epochs"),
        confusion=figure(
            "confusion", confusion_matrix, counts.to_numpy(int), "Confusion matrix, true digit by predicted digit"
        ),
        reliability=figure(
            "reliability", reliability_diagram, bins, "Reliability diagram, accuracy by predicted probability"
        ),
        bars=figure("bars", method_bars, filled, "Accuracy on drawings by set and preprocessing method"),
        mistakes=image(test / "mistakes.png"),
        corruptions=image(test / "corruptions.png"),
        rejection=image(model.folder / "rejection.png"),
        per_class=per_class,
        writers=_writers(model.folder / "drawn" / "per_writer.csv"),
        before_after=[(key, shot) for key in model.drawn if (shot := _before_after(model, key))],
    )


def _before_after(model: ModelResults, name: str) -> EmbeddedImage | None:
    return image(model.folder / "drawn" / f"before_after_{name}.png")


def _writers(path: Path) -> list[tuple[str, list[str], list[tuple[str, int, list[float]]]]]:
    """A table for each set, the writers with the lowest accuracy by the last method first."""
    table = read_table(path, ("set", "writer", "method", "n", "accuracy"), texts=("set", "writer", "method"))
    tables = []
    for name, own in table.groupby("set", sort=False):
        methods = own["method"].unique().tolist()
        accuracy = own.pivot(index="writer", columns="method", values="accuracy")[methods]
        drawings = own.groupby("writer")["n"].last()
        ranked = accuracy[methods[-1]].fillna(1.0).sort_values(kind="stable").index
        rows = [(str(writer), int(drawings[writer]), accuracy.loc[writer].tolist()) for writer in ranked]
        tables.append((str(name), methods, rows))
    return tables
