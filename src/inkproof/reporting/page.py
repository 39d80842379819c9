"""The report page: one HTML file that contains everything. It needs no network, and its script only sorts."""

import base64
import io
import re
from collections.abc import Callable, Mapping, Sequence
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

from inkproof.config.schema import DataConfig
from inkproof.evaluation.results import Accuracy, DrawnResult, DrawnSet
from inkproof.evaluation.statistics import discordant, holm, mcnemar
from inkproof.reporting.ablation import ablation, ablation_set, method_lines
from inkproof.reporting.drawn_figures import accuracy_against, method_bars
from inkproof.reporting.evaluation_figures import confusion_matrix, learning_curves, reliability_diagram
from inkproof.reporting.results import CANVAS_BYTES, ModelResults, all_methods, by_method, credits_for, sets_of
from inkproof.reporting.robustness_figures import RULE_NAMES
from inkproof.reporting.story import story_of
from inkproof.reporting.style import PALETTE, to_svg
from inkproof.reporting.tables import PENS_VALIDATION, SHOWN_METHOD, choose_deployable, leaderboard, read_table
from inkproof.reporting.wording import DATA_NOTES, HERE, SETS, VARIANTS, from_template, method_words, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text


def write_page(
    report_folder: Path,
    data: DataConfig,
    models: Sequence[ModelResults],
    champion: str | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Path:
    """Write `report_folder`/index.html and return its path; the same results give the same bytes.

    `models` come from `load_models`. `champion` is the model trained on `data` that was selected on validation digits.
    The opening is about the best model to deploy (`choose_deployable`), else about the champion, else about the first
    model trained on `data`. `overrides` are the words of params.yaml by model. Raises UserError if one of the models'
    files is broken, which it names, and if `champion` has no results.
    """
    named = {model.name: model for model in models if not model.compare_with}
    if champion is not None and champion not in named:
        raise UserError(f"champion {champion!r} has no results in {report_folder}; choose from {', '.join(named)}")
    rows = leaderboard(models)
    deployable = choose_deployable(rows, data.name)
    opening = deployable or champion or next(iter(named))
    chosen = next(model for model in models if model.name == opening)
    _check_rejections(models)
    sets = sets_of(models)
    filled = [name for name in sets if any(model.by_method(name) for model in models)]
    tabled = [name for name in filled if name not in VARIANTS]
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    first = ablation_set(models)
    judges = "drawings by validation writers" if PENS_VALIDATION in rows else "validation digits"
    limit = f"{CANVAS_BYTES / 1e6:.0f} MB"
    why = f"Of the models with a canvas.tflite of at most {limit}, it has the best accuracy on {judges}."
    story = story_of(models, chosen, data.title, why if deployable else "")
    sections = [section(model, place) for place, model in enumerate(models)]
    images = next(one.before_after for one in sections if one.model is chosen)
    return write_html(
        report_folder,
        "page.html.j2",
        data=data,
        story=story,
        hero=next((image for image in images if image[0] == story.subject), images[0] if images else None),
        champion=champion,
        deployable=deployable,
        judges=judges,
        limit=limit,
        costs=_costs(models, story.subject, data.title),
        chosen=chosen.name,
        overrides=overrides or {},
        models=sections,
        board_sets=[(name, _filled(models, name)) for name in tabled],
        data_notes=DATA_NOTES,
        set_notes={name: one.note for name, one in SETS.items()},
        shown_method=SHOWN_METHOD,
        validation_writers="pens_validation" in filled,
        paired=_paired(models),
        ablation=to_svg(ablation(models), "ablation", _label(models, first)) if first is not None else None,
        ablations=[_lines_of(models, name) for name in tabled if name != first],
        variant_ablations=[_lines_of(models, name) for name in filled if name in VARIANTS],
        variants=[name for name in VARIANTS if any(SHOWN_METHOD in model.by_method(name) for model in models)],
        forms=_forms(models),
        corruptions=next((model.corruptions for model in models if model.corruptions), None),
        rejection=next((model.rejection for model in models if model.rejection), None),
        numbers=any(model.numbers for model in models),
        rule_names=RULE_NAMES,
        empty=[name for name in sets if name not in filled],
        methods=[(method, method_words(method).note) for method in methods],
        credits=[
            *([data.credit] if data.credit else []),
            *credits_for([data.name, *filled, *(model.compare_with for model in models if model.compare_with)]),
        ],
    )


def _entries(models: Sequence[ModelResults], name: str) -> list[DrawnSet | None]:
    """Each model's results on a set of drawings; None for a model without them."""
    return [model.drawn.get(name) for model in models]


def _filled(models: Sequence[ModelResults], name: str) -> DrawnSet:
    """The first results on a set that has some."""
    return next(entry for entry in _entries(models, name) if entry and entry.methods)


def _forms(models: Sequence[ModelResults]) -> dict[str, int]:
    """The numbers of drawings by form, as the first model that counted them has them."""
    counted = (entry.forms for model in models for entry in model.drawn.values() if entry.forms)
    return {form: own.n for form, own in next(counted, {}).items()}


def _label(models: Sequence[ModelResults], name: str) -> str:
    methods = ", ".join(all_methods(_entries(models, name)))
    return f"Accuracy on {set_title(name)} by preprocessing method ({methods}), one line per model"


def _lines_of(models: Sequence[ModelResults], name: str) -> tuple[str, DrawnSet, Markup]:
    """A set of drawings, the first results on it, and the figure of all of them."""
    entries = _entries(models, name)
    figure = method_lines([by_method(entry) for entry in entries], all_methods(entries))
    return name, _filled(models, name), to_svg(figure, f"lines-{slug(name)}", _label(models, name))


def _costs(models: Sequence[ModelResults], subject: str | None, title: str) -> list[tuple[str, Markup]]:
    """The figures of accuracy against the size of canvas.tflite and, where it was measured, against its time."""
    sizes = [model.export["canvas"].kb if "canvas" in model.export else None for model in models]
    medians = [model.timing.median("canvas") if model.timing else None for model in models]
    times = [median / 1000 if median else None for median in medians]
    drawings = [model.by_method(subject or "").get(SHOWN_METHOD) for model in models]
    tests = [(model.test.accuracy, model.test.accuracy_low, model.test.accuracy_high) for model in models]
    digits = [Accuracy(accuracy=accuracy, low=low, high=high) for accuracy, low, high in tests]
    shown = set_title(subject or "")
    figures = []
    for costs, accuracies, on, cost in (
        (sizes, drawings, shown, "size of canvas.tflite in KB"),
        (sizes, digits, f"{title} test digits", "size of canvas.tflite in KB"),
        (times, drawings, shown, "time of canvas.tflite in ms"),
    ):
        if any(all(pair) for pair in zip(costs, accuracies, strict=True)):
            heading = f"{on} against {cost.partition(' ')[0]}"
            label = f"Accuracy: {heading}, a point per model"
            figures.append((heading, to_svg(accuracy_against(costs, accuracies, cost), slug(heading), label)))
    return figures


def _paired(models: Sequence[ModelResults]) -> list[tuple[str, int, int, float, float]]:
    """Compare the first model with each other one on the same test digits.

    A row has the other's name, and how many digits only the first and only the other classifies correctly. Then come
    McNemar's p, and p corrected for the number of rows by Holm's method.
    """
    first, *others = (
        read_table(model.folder / "test" / "predictions.csv", ("label", "prediction")) for model in models
    )
    rows = []
    for model, other in zip(models[1:], others, strict=True):
        if not first.empty and first["label"].equals(other["label"]):
            a, b = (table["label"] == table["prediction"] for table in (first, other))
            rows.append((model.name, *discordant(a, b), mcnemar(a, b)))
    return [(*row, corrected) for row, corrected in zip(rows, holm([row[-1] for row in rows]), strict=True)]


def _check_rejections(models: Sequence[ModelResults]) -> None:
    """Raise UserError, which names the file, if a rejection.json has no results of its own rule."""
    for model in models:
        found = model.rejection
        if found and not (found.rule in found.rules and "all" in found.chosen.rejected):
            raise UserError(
                f"{model.folder / 'rejection.json'}: has no results of its rule or of all samples; run its stage again"
            )


# A model's section.

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
    """Write `folder`/index.html from a template here, with style sheet, colors and script; return its path."""
    css, script = (Markup((HERE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    path = folder / "index.html"
    write_text(path, from_template(template, css=css, script=script, palette=PALETTE, **values))
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
        before_after=[
            (key, shot) for key in model.drawn if (shot := image(model.folder / "drawn" / f"before_after_{key}.png"))
        ],
    )


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
