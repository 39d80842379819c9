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

from inkproof.evaluation.results import CanvasFile, DrawnResult, DrawnSet, ExportResult, ImageFile, TestResult
from inkproof.reporting.drawn_figures import method_bars
from inkproof.reporting.evaluation_figures import confusion_matrix, learning_curves, reliability_diagram
from inkproof.reporting.results import ModelResults, by_method
from inkproof.reporting.style import PALETTE, to_svg
from inkproof.reporting.tables import read_table
from inkproof.reporting.wording import HERE, count, from_template, set_title
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
class DigitRow:
    """One digit of the test set; a fraction of nothing is NaN."""

    digit: float
    n: float
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True)
class ExportRow:
    """An exported file; `on` is empty where it was compared on every test digit, and `micros` are microseconds."""

    title: str
    kb: float
    n: int
    on: str
    accuracy: float | None
    accuracy_difference: float | None
    agreement: float | None
    max_difference: float | None
    micros: float | None
    p95: float | None


@dataclass(frozen=True)
class WritersTable:
    """A set's writers with their drawings and their accuracy by method, the worst on the last method first."""

    set: str
    methods: list[str]
    rows: list[tuple[str, int, list[float]]]


@dataclass(frozen=True)
class Section:
    """What the template shows of one model; a figure, image or table without its file is None or empty."""

    name: str
    slug: str
    place: int
    test: TestResult
    drawn: DrawnResult
    export: ExportResult
    compare_with: str | None
    curves: Markup | None
    confusion: Markup | None
    reliability: Markup | None
    bars: Markup | None
    mistakes: EmbeddedImage | None
    corruptions: EmbeddedImage | None
    rejection: EmbeddedImage | None
    per_class: list[DigitRow]
    exports: list[ExportRow]
    machine: str | None
    digits: list[tuple[str, list[tuple[str, list[float | None]]]]]
    writers: list[WritersTable]
    before_after: list[tuple[str, str, EmbeddedImage]]


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
        name=model.name,
        slug=name,
        place=place,
        test=model.test,
        drawn=model.drawn,
        export=model.export,
        compare_with=model.compare_with,
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
        per_class=[DigitRow(*row) for row in per_class[list(DigitRow.__annotations__)].itertuples(index=False)],
        exports=_exports(model),
        machine=model.timing.machine if model.timing else None,
        digits=[(set_title(key), _by_digit(entry)) for key, entry in filled.items()],
        writers=_writers(model.folder / "drawn" / "per_writer.csv"),
        before_after=_before_after(model),
    )


def _before_after(model: ModelResults) -> list[tuple[str, str, EmbeddedImage]]:
    """The name, title and image of every set of drawings that has an image."""
    found = ((name, image(model.folder / "drawn" / f"before_after_{name}.png")) for name in model.drawn)
    return [(name, set_title(name), shot) for name, shot in found if shot]


# The exported files by their names in export.json.
_FORMATS = {
    "saved_model": "SavedModel",
    "float32": "LiteRT float32",
    "float16": "LiteRT float16",
    "dynamic": "LiteRT dynamic range",
    "int8": "LiteRT int8, uint8 input and output",
    "canvas": "LiteRT, canvas input",
    "canvas_float16": "LiteRT, canvas input, network float16",
    "canvas_dynamic": "LiteRT, canvas input, network dynamic range",
    "canvas_int8": "LiteRT, canvas input, network int8",
    "coreml": "Core ML float32",
}


def _exports(model: ModelResults) -> list[ExportRow]:
    """A row for each exported file."""
    rows = []
    for key, title in _FORMATS.items():
        entry = model.export.get(key)
        if entry is None:
            continue
        compared = entry if isinstance(entry, ImageFile | CanvasFile) else None
        n = compared.n if compared else None
        rows.append(
            ExportRow(
                title=title,
                kb=entry.kb,
                n=model.test.n if n is None else n,
                on="" if n is None else count(n, "drawing" if key.startswith("canvas") else "test digit"),
                accuracy=compared.accuracy if compared else None,
                accuracy_difference=compared.accuracy_difference if compared else None,
                agreement=compared.agreement if compared else None,
                max_difference=compared.max_difference if compared else None,
                micros=model.timing.median(key) if model.timing else None,
                p95=model.timing.p95(key) if model.timing else None,
            )
        )
    return rows


def _by_digit(entry: DrawnSet) -> list[tuple[str, list[float | None]]]:
    """Each method with its accuracy on every digit, None for a digit that the set does not have."""
    return [(method, [own.per_digit.get(digit) for digit in _DIGITS]) for method, own in by_method(entry).items()]


def _writers(path: Path) -> list[WritersTable]:
    """A table for each set."""
    table = read_table(path, ("set", "writer", "method", "n", "accuracy"), texts=("set", "writer", "method"))
    tables = []
    for name, own in table.groupby("set", sort=False):
        methods = own["method"].unique().tolist()
        accuracy = own.pivot(index="writer", columns="method", values="accuracy")[methods]
        drawings = own.groupby("writer")["n"].last()
        ranked = accuracy[methods[-1]].fillna(1.0).sort_values(kind="stable").index
        rows = [(str(writer), int(drawings[writer]), accuracy.loc[writer].tolist()) for writer in ranked]
        tables.append(WritersTable(set_title(str(name)), methods, rows))
    return tables
