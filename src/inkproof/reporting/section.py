"""One model's section of the page: its figures redrawn from the tables, its pictures, its numbers as rows."""

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from inkproof.reporting.drawn_figures import rung_bars
from inkproof.reporting.evaluation_figures import confusion_matrix, learning_curves, reliability_diagram
from inkproof.reporting.results import ModelResults, rungs_of
from inkproof.reporting.style import to_svg
from inkproof.reporting.tables import read_rows
from inkproof.reporting.wording import MISSING, count, data_title, interval, kilobytes, percent, points, set_title
from inkproof.runtime.errors import UserError


@dataclass(frozen=True)
class Picture:
    """A PNG as it stands in the page: data address and size in pixels."""

    source: str
    width: int
    height: int


def slug(name: str) -> str:
    """Return `name` as it may stand in an address or an identifier."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def picture(path: Path) -> Picture | None:
    """Return the PNG at `path` for embedding, None where there is none; raise UserError if it is no PNG."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        width, height = Image.open(io.BytesIO(data), formats=["PNG"]).size
    except UnidentifiedImageError as error:
        raise UserError(f"{path} is not a PNG picture; run its stage again") from error
    return Picture("data:image/png;base64," + base64.b64encode(data).decode("ascii"), width, height)


def section(model: ModelResults, place: int) -> dict[str, Any]:
    """Return what the template shows of `model`, which stands at `place` (from 0) in the leaderboard.

    A figure or table whose file is missing is None or empty and left out of the page. Raises UserError,
    naming the file, when one cannot be used.
    """
    name = slug(model.name)
    test = model.folder / "test"
    return {
        "name": model.name,
        "slug": name,
        "place": place,
        "test": model.test,
        "trained_on": data_title(model.beside) if model.beside else None,
        "n": count(model.test["n"]),
        "errors": count(model.test["errors"]),
        "parameters": count(model.test.get("parameters")),
        "accuracy": percent(model.test["accuracy"], model.test["n"]),
        "interval": interval(model.test["accuracy_low"], model.test["accuracy_high"], model.test["n"]),
        "curves": _curves(test / "history.csv", name, model.test.get("best_epoch")),
        "confusion": _confusion(test / "confusion.csv", name),
        "reliability": _reliability(test / "reliability.csv", name),
        "mistakes": picture(test / "mistakes.png"),
        "stress": picture(test / "stress.png"),
        "rejection": picture(model.folder / "rejection.png"),
        "per_class": _per_class(test / "per_class.csv"),
        "exports": _exports(model),
        "machine": model.timing.get("machine"),
        "bars": _bars(model.drawn, name),
        "digits": _digits(model.drawn),
        "writers": _writers(model.folder / "drawn" / "per_writer.csv"),
        "before_after": _before_after(model),
    }


def _before_after(model: ModelResults) -> list[tuple[str, str, Picture]]:
    """The name, the title and the picture of every set of drawings that has one."""
    found = ((name, picture(model.folder / "drawn" / f"before_after_{name}.png")) for name in model.drawn)
    return [(name, set_title(name), shot) for name, shot in found if shot]


def _numbers(path: Path, needed: tuple[str, ...], wanted: tuple[str, ...] = ()) -> list[dict[str, float | None]]:
    """Read the columns of a CSV file as numbers; a blank, or a wanted column that is not there, is None."""
    try:
        return [
            {column: float(row[column]) if row.get(column) else None for column in needed + wanted}
            for row in read_rows(path, needed)
        ]
    except ValueError as error:
        raise UserError(f"{path} holds something that is no number ({error}); run its stage again") from error


def _curves(path: Path, name: str, kept: int | None) -> Markup | None:
    rows = _numbers(path, ("epoch", "accuracy", "loss"), ("val_accuracy", "val_loss"))
    if not rows:
        return None
    return to_svg(learning_curves(rows, kept), f"{name}-curves", f"Learning curves over {len(rows)} epochs")


def _confusion(path: Path, name: str) -> Markup | None:
    rows = _numbers(path, tuple("0123456789"))
    if not rows:
        return None
    counts = np.array([[row[digit] or 0 for digit in "0123456789"] for row in rows], dtype=np.int64)
    if counts.shape != (10, 10):
        raise UserError(f"{path} should have ten rows, not {len(rows)}; run its stage again")
    return to_svg(confusion_matrix(counts), f"{name}-confusion", "Confusion matrix, true digit by digit read")


def _reliability(path: Path, name: str) -> Markup | None:
    rows = _numbers(path, ("low", "high", "n", "confidence", "accuracy"))
    if not any(row["n"] for row in rows):
        return None
    label = "Reliability diagram, accuracy over stated confidence"
    return to_svg(reliability_diagram(rows), f"{name}-reliability", label)


def _per_class(path: Path) -> list[dict[str, str]]:
    return [
        {
            "digit": f"{row['digit']:.0f}",
            "n": f"{row['n']:,.0f}",
            **{key: percent(row[key]) for key in ("recall", "precision", "f1")},
        }
        for row in _numbers(path, ("digit", "n", "recall", "precision", "f1"))
    ]


# The exported files by their names in export.json.
_FORMATS = {
    "saved_model": "SavedModel",
    "float32": "LiteRT float32",
    "float16": "LiteRT float16",
    "dynamic": "LiteRT dynamic range",
    "int8": "LiteRT int8, uint8 in and out",
    "canvas": "LiteRT, raw canvas in",
    "canvas_float16": "LiteRT, raw canvas in, network float16",
    "canvas_dynamic": "LiteRT, raw canvas in, network dynamic range",
    "canvas_int8": "LiteRT, raw canvas in, network int8",
    "coreml": "Core ML float32",
}


def _exports(model: ModelResults) -> list[dict[str, str]]:
    rows = []
    for key, title in _FORMATS.items():
        entry = model.export.get(key)
        if not isinstance(entry, Mapping):
            continue
        n = entry.get("n", model.test["n"])
        # Said where it is not every test digit.
        on = count(int(n), "drawing" if key.startswith("canvas") else "test digit") if "n" in entry else ""
        difference, largest = entry.get("accuracy_difference"), entry.get("max_difference")
        median, p95 = (model.timing.get(f"{key}{ending}") for ending in ("_us", "_p95_us"))
        rows.append(
            {
                "title": title,
                "kb": kilobytes(entry.get("kb")),
                "accuracy": percent(entry["accuracy"], n) if "accuracy" in entry else "",
                "difference": points(difference, n) if difference is not None else "",
                "agreement": percent(entry["agreement"], n) if "agreement" in entry else "",
                "largest": f"{largest:.2g}" if largest is not None else "",
                "on": on,
                "micros": f"{median:,.0f}" if median is not None else "",
                "p95": f"{p95:,.0f}" if p95 is not None else "",
            }
        )
    return rows


def _bars(drawn: Mapping[str, Mapping[str, Any]], name: str) -> Markup | None:
    filled = {key: entry for key, entry in drawn.items() if rungs_of(entry)}
    if not filled:
        return None
    return to_svg(rung_bars(filled), f"{name}-bars", "Accuracy on drawings by set and rung")


def _digits(drawn: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One group a set and a line a rung: accuracy by digit, with how strongly its cell is tinted."""
    groups = []
    for name, entry in drawn.items():
        rows = []
        for rung in rungs_of(entry):
            values = [entry[rung].get("per_digit", {}).get(digit) for digit in "0123456789"]
            cells = [
                {"text": f"{100 * value:.0f}", "tint": round(70 * (1 - value))}
                if value is not None
                else {"text": MISSING, "tint": 0}
                for value in values
            ]
            rows.append({"rung": rung, "cells": cells})
        if rows:
            groups.append({"title": set_title(name), "rows": rows})
    return groups


def _writers(path: Path) -> list[dict[str, Any]]:
    """One table a set: the writers, worst on the last rung first, with their accuracy on each rung."""
    columns = ("set", "writer", "rung", "n", "accuracy")
    try:
        table = pd.DataFrame(read_rows(path, columns), columns=columns).astype({"n": int, "accuracy": float})
    except ValueError as error:
        raise UserError(f"{path} holds something that is no number ({error}); run its stage again") from error
    tables = []
    for name, own in table.groupby("set", sort=False):
        rungs = own["rung"].unique().tolist()
        writers = {writer: lines.set_index("rung") for writer, lines in own.groupby("writer")}
        ranked = sorted(writers, key=lambda writer: (writers[writer]["accuracy"].get(rungs[-1], 1.0), writer))
        rows = [
            {
                "writer": writer,
                "n": f"{writers[writer]['n'].iloc[-1]:,}",
                "cells": [percent(writers[writer]["accuracy"].get(rung)) for rung in rungs],
            }
            for writer in ranked
        ]
        tables.append({"set": set_title(str(name)), "rungs": rungs, "rows": rows})
    return tables
