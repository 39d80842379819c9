"""What a page is made of, and one model's section: its figures redrawn from the tables, its images, its numbers."""

import base64
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError

from inkproof.reporting.drawn_figures import method_bars
from inkproof.reporting.evaluation_figures import confusion_matrix, learning_curves, reliability_diagram
from inkproof.reporting.results import ModelResults, methods_of
from inkproof.reporting.style import PALETTE, to_svg
from inkproof.reporting.tables import read_table
from inkproof.reporting.wording import HERE, count, from_template, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

_DIGITS = list("0123456789")


@dataclass(frozen=True)
class EmbeddedImage:
    """A PNG as it stands in the page: data address and size in pixels."""

    source: str
    width: int
    height: int


def slug(name: str) -> str:
    """Return `name` as it may stand in an address or an identifier."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def image(path: Path) -> EmbeddedImage | None:
    """Return the PNG at `path` for embedding, None where there is none; raise UserError if it is no PNG."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        width, height = Image.open(io.BytesIO(data), formats=["PNG"]).size
    except UnidentifiedImageError as error:
        raise UserError(f"{path} is not a PNG image; run its stage again") from error
    return EmbeddedImage("data:image/png;base64," + base64.b64encode(data).decode("ascii"), width, height)


def write_html(folder: Path, template: str, /, **values: Any) -> Path:
    """Write `folder`/index.html from a template of this folder, in the house's style and colors; return its path."""
    css = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    path = folder / "index.html"
    write_text(path, from_template(template, css=css, palette=PALETTE, **values))
    return path


def section(model: ModelResults, place: int) -> dict[str, Any]:
    """Return what the template shows of `model`, which stands at `place` (from 0) in the leaderboard.

    A figure or table whose file is missing is None or empty and left out of the page. Raises UserError,
    naming the file, when one cannot be used.
    """
    name = slug(model.name)
    test = model.folder / "test"
    history = read_table(test / "history.csv", ("epoch", "accuracy", "loss"))
    curves = partial(learning_curves, kept=model.test.get("best_epoch"))
    bins = read_table(test / "reliability.csv", ("low", "high", "n", "confidence", "accuracy"))
    bins = bins[bins["n"] > 0]
    counts = read_table(test / "confusion.csv", _DIGITS)[_DIGITS].fillna(0)
    if len(counts) not in (0, 10):
        raise UserError(f"{test / 'confusion.csv'} should have ten rows, not {len(counts)}; run its stage again")
    filled = {key: entry for key, entry in model.drawn.items() if methods_of(entry)}

    def figure(part: str, draw: Callable[[Any], Figure], content: Any, label: str) -> Markup | None:
        return to_svg(draw(content), f"{name}-{part}", label) if len(content) else None

    return {
        "name": model.name,
        "slug": name,
        "place": place,
        "test": model.test,
        "drawn": model.drawn,
        "export": model.export,
        "compare_with": model.compare_with,
        "curves": figure("curves", curves, history, f"Learning curves over {len(history)} epochs"),
        "confusion": figure(
            "confusion", confusion_matrix, counts.to_numpy(int), "Confusion matrix, true digit by digit read"
        ),
        "reliability": figure(
            "reliability", reliability_diagram, bins, "Reliability diagram, accuracy over stated confidence"
        ),
        "mistakes": image(test / "mistakes.png"),
        "corruptions": image(test / "corruptions.png"),
        "rejection": image(model.folder / "rejection.png"),
        "per_class": read_table(test / "per_class.csv", ("digit", "n", "recall", "precision", "f1")).to_dict("records"),
        "exports": _exports(model),
        "machine": model.timing.get("machine"),
        "bars": figure("bars", method_bars, filled, "Accuracy on drawings by set and method"),
        "digits": [(set_title(key), _by_digit(entry)) for key, entry in filled.items()],
        "writers": _writers(model.folder / "drawn" / "per_writer.csv"),
        "before_after": _before_after(model),
    }


def _before_after(model: ModelResults) -> list[tuple[str, str, EmbeddedImage]]:
    """The name, the title and the image of every set of drawings that has one."""
    found = ((name, image(model.folder / "drawn" / f"before_after_{name}.png")) for name in model.drawn)
    return [(name, set_title(name), shot) for name, shot in found if shot]


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


def _exports(model: ModelResults) -> list[dict[str, Any]]:
    """What is known of each exported file; `on` is what it was tried on where that is not every test digit."""
    rows = []
    for key, title in _FORMATS.items():
        entry = model.export.get(key)
        if not isinstance(entry, Mapping):
            continue
        figures = ("kb", "accuracy", "accuracy_difference", "agreement", "max_difference")
        tried = "drawing" if key.startswith("canvas") else "test digit"
        rows.append(
            {
                **{figure: entry.get(figure) for figure in figures},
                "title": title,
                "n": entry.get("n", model.test["n"]),
                "on": count(entry["n"], tried) if "n" in entry else "",
                "micros": model.timing.get(f"{key}_us"),
                "p95": model.timing.get(f"{key}_p95_us"),
            }
        )
    return rows


def _by_digit(entry: Mapping[str, Any]) -> list[tuple[str, list[float | None]]]:
    """Each method with the accuracy on every digit, None where the set has none of it."""
    return [
        (method, [entry[method].get("per_digit", {}).get(digit) for digit in _DIGITS]) for method in methods_of(entry)
    ]


def _writers(path: Path) -> list[dict[str, Any]]:
    """One table a set: the writers, worst on the last method first, with their accuracy on each method."""
    table = read_table(path, ("set", "writer", "method", "n", "accuracy"), texts=("set", "writer", "method"))
    tables = []
    for name, own in table.groupby("set", sort=False):
        methods = own["method"].unique().tolist()
        accuracy = own.pivot(index="writer", columns="method", values="accuracy")[methods]
        drawings = own.groupby("writer")["n"].last()
        ranked = accuracy[methods[-1]].fillna(1.0).sort_values(kind="stable").index
        rows = [(writer, drawings[writer], accuracy.loc[writer].tolist()) for writer in ranked]
        tables.append({"set": set_title(str(name)), "methods": methods, "rows": rows})
    return tables
