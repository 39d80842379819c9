"""The report page: one HTML file that contains everything and needs neither network nor script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from markupsafe import Markup

from inkproof.config.schema import DataConfig
from inkproof.evaluation.results import CorruptionsResult, DrawnResult, DrawnSet, RejectionResult
from inkproof.evaluation.statistics import discordant, mcnemar
from inkproof.reporting.ablation import ablation, ablation_set, method_lines
from inkproof.reporting.results import ModelResults, all_methods, by_method, credits_for, sets_of
from inkproof.reporting.robustness_figures import RULE_NAMES, words
from inkproof.reporting.section import section, slug, write_html
from inkproof.reporting.story import story_of
from inkproof.reporting.style import to_svg
from inkproof.reporting.tables import SHOWN_METHOD, read_table
from inkproof.reporting.wording import (
    DATA_NOTES,
    MISSING,
    SETS,
    VARIANTS,
    accuracy_of,
    count,
    interval,
    measured,
    method_words,
    percent,
    points,
    set_title,
)
from inkproof.runtime.errors import UserError


def write_page(
    report_folder: Path, data: DataConfig, models: Sequence[ModelResults], champion: str | None = None
) -> Path:
    """Write `report_folder`/index.html and return its path; the same results give the same bytes.

    `models` come from `load_models`. `champion` is the model that was selected on validation digits. The opening is
    about it, or about the first model trained on `data`. Raises UserError if one of the models' files is broken, which
    it names, and if `champion` has no results.
    """
    named = {model.name: model for model in models if not model.compare_with}
    if champion is not None and champion not in named:
        raise UserError(f"champion {champion!r} has no results in {report_folder}; choose from {', '.join(named)}")
    chosen = named[champion] if champion is not None else next(iter(named.values()))
    sets = sets_of(models)
    filled = [name for name in sets if any(model.by_method(name) for model in models)]
    tabled = [name for name in filled if name not in VARIANTS]
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    first = ablation_set(models)
    story = story_of(models, chosen, data.title)
    sections = [section(model, place) for place, model in enumerate(models)]
    images = next(one.before_after for one in sections if one.name == chosen.name)
    return write_html(
        report_folder,
        "page.html.j2",
        data=data,
        story=story,
        hero=next((image for image in images if image[0] == story.subject), images[0] if images else None),
        champion=champion,
        chosen=chosen.name,
        models=sections,
        board_sets=[(name, _size(models, name)) for name in tabled],
        data_notes=DATA_NOTES,
        shown_method=SHOWN_METHOD,
        validation_writers="pens_validation" in filled,
        paired=_paired(models),
        ablation=to_svg(ablation(models), "ablation", _label(models, first)) if first is not None else None,
        ablations=[_lines_of(models, name) for name in tabled if name != first],
        variant_ablations=[_lines_of(models, name) for name in filled if name in VARIANTS],
        variants=variants_table(models),
        corruptions=corruptions_table(models),
        rejection=rejection_table(models),
        empty=[name for name in sets if name not in filled],
        methods=[(method, method_words(method).note) for method in methods],
        credits=credits_for([data.name, *filled, *(model.compare_with for model in models if model.compare_with)]),
    )


def _entries(models: Sequence[ModelResults], name: str) -> list[DrawnSet | None]:
    """Each model's results on a set of drawings; None for a model without them."""
    return [model.drawn.get(name) for model in models]


def _filled(models: Sequence[ModelResults], name: str) -> DrawnSet:
    """The first results on a set that has some."""
    return next(entry for entry in _entries(models, name) if entry and entry.methods)


def _size(models: Sequence[ModelResults], name: str) -> str:
    entry = _filled(models, name)
    return count(entry.n, "drawing") + (f", {count(entry.writers, 'writer')}" if entry.writers else "")


def _label(models: Sequence[ModelResults], name: str) -> str:
    methods = ", ".join(all_methods(_entries(models, name)))
    return f"Accuracy on {set_title(name)} by preprocessing method ({methods}), one line per model"


@dataclass(frozen=True)
class SetFigure:
    """A figure of one set of drawings, with its title, what the set is, its size, and the kind of its intervals."""

    title: str
    note: str
    size: str
    interval: str
    figure: Markup


def _lines_of(models: Sequence[ModelResults], name: str) -> SetFigure:
    entries = _entries(models, name)
    figure = method_lines([by_method(entry) for entry in entries], all_methods(entries))
    return SetFigure(
        title=set_title(name),
        note=SETS[name].note if name in SETS else "",
        size=_size(models, name),
        interval="bootstrap over writers" if _filled(models, name).interval == "writers" else "Wilson",
        figure=to_svg(figure, f"lines-{slug(name)}", _label(models, name)),
    )


@dataclass(frozen=True)
class Pair:
    """The first model against another on the same digits: how many only one of them classifies correctly, and p."""

    name: str
    only_first: int
    only_other: int
    p: float
    clear: bool


def _paired(models: Sequence[ModelResults]) -> list[Pair]:
    """Compare the first model with each other one on the same test digits."""
    first, *others = (
        read_table(model.folder / "test" / "predictions.csv", ("label", "prediction")) for model in models
    )
    pairs = []
    for model, other in zip(models[1:], others, strict=True):
        if first.empty or not first["label"].equals(other["label"]):
            continue
        a, b = (table["label"] == table["prediction"] for table in (first, other))
        p = mcnemar(a, b)
        pairs.append(Pair(model.name, *discordant(a, b), p, clear=p * (len(models) - 1) < 0.05))
    return pairs


USUAL = "pens"
"""The set whose drawings the rendering variants show."""


Cell = tuple[str, str]
"""A value, and the small text below it."""


@dataclass(frozen=True)
class Row:
    """A model's row of a table; `place` is its place in the leaderboard, from 0."""

    name: str
    place: int
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """A table with a row for each model: its headings, its rows, and how much data is behind it."""

    columns: list[Cell]
    rows: list[Row]
    size: str = ""


def variants_table(models: Sequence[ModelResults]) -> Table | None:
    """Return each model's accuracy on the rendering variants of the pen digits, and the change against the usual brush.

    All figures are for the shown preprocessing method. None if no model has results on a variant.
    """
    sets = [name for name in VARIANTS if any(SHOWN_METHOD in model.by_method(name) for model in models)]
    if not sets:
        return None
    # "Pen tablet, thin brush": the table is about the pen tablet, so the rest is enough.
    titles = [set_title(name).rpartition(", ")[2].capitalize() for name in sets]

    def cells(drawn: DrawnResult) -> list[Cell]:
        found: list[Cell] = []
        usual = by_method(drawn.get(USUAL)).get(SHOWN_METHOD)
        for name in (USUAL, *sets):
            own, n = by_method(drawn.get(name)).get(SHOWN_METHOD), drawn[name].n if name in drawn else 0
            accuracy, note = accuracy_of(own, n) if own else (MISSING, "")
            if name != USUAL:
                note = f"{points(own.accuracy - usual.accuracy, n)} points" if own and usual else ""
            found.append((accuracy, note))
        return found

    columns = [("Usual brush", ""), *((title, "") for title in titles)]
    return Table(columns, _rows(models, lambda model: model.drawn or None, columns, cells))


def corruptions_table(models: Sequence[ModelResults]) -> Table | None:
    """Return each model's accuracy on clean canvases, over all corruptions, and under the worst; None without any."""

    def cells(found: CorruptionsResult) -> list[Cell]:
        worst = min(found.corruptions, key=lambda name: found.corruptions[name].accuracy)
        means = [accuracy_of(found.clean), accuracy_of(found.mca)]
        return [*means, (percent(found.corruptions[worst].accuracy), words(worst))]

    some = next((model.corruptions for model in models if model.corruptions), None)
    if some is None:
        return None
    severities = len(next(iter(some.corruptions.values())).severities)
    kinds = count(len(some.corruptions), "corruption")
    columns = [("Clean", ""), ("Mean corruption accuracy", ""), ("Worst corruption", "")]
    return Table(
        columns,
        _rows(models, lambda model: model.corruptions, columns, cells),
        f"{count(some.n, 'digit')}, {kinds} of severities 1 to {severities}",
    )


def rejection_table(models: Sequence[ModelResults]) -> Table | None:
    """Return how well each model's rule separates digits from out-of-distribution samples; None without any.

    Raises UserError, which names the file, if a rejection.json has no results of its own rule.
    """

    def cells(found: RejectionResult) -> list[Cell]:
        rule, digits, rejected = found.rules[found.rule], found.chosen.digits, found.chosen.rejected["all"]
        return [
            (RULE_NAMES.get(found.rule, found.rule), ""),
            (f"{rule.auroc:.3f}", f"{rule.low:.3f}\N{EN DASH}{rule.high:.3f}"),
            (percent(rule.accuracy_at_95), interval(rule.accuracy_at_95_low, rule.accuracy_at_95_high)),
            measured(rejected.share, rejected.low, rejected.high),
            (percent(digits.coverage), ""),
        ]

    for model in models:
        if model.rejection and not _complete(model.rejection):
            raise UserError(
                f"{model.folder / 'rejection.json'}: has no results of its rule or of all samples; run its stage again"
            )
    some = next((model.rejection for model in models if model.rejection), None)
    if some is None:
        return None
    columns = [
        ("Rule", "for the score"),
        ("AUROC", "digits against samples"),
        ("Accuracy", "at 95% coverage"),
        ("Samples rejected", "at the threshold"),
        ("Digits accepted", "at the threshold"),
    ]
    digits, samples = some.chosen.digits.n, some.chosen.rejected["all"].n
    return Table(
        columns,
        _rows(models, lambda model: model.rejection, columns, cells),
        f"{count(digits, 'drawn digit')} and {count(samples, 'out-of-distribution sample')}",
    )


def _complete(found: RejectionResult) -> bool:
    return found.rule in found.rules and "all" in found.chosen.rejected


Part = TypeVar("Part")


def _rows(
    models: Sequence[ModelResults],
    part: Callable[[ModelResults], Part | None],
    columns: list[Cell],
    cells: Callable[[Part], list[Cell]],
) -> list[Row]:
    """A row for each model from a `part` of its results; a model without that part has dashes."""
    rows = []
    for place, model in enumerate(models):
        own = part(model)
        rows.append(Row(model.name, place, [(MISSING, "")] * len(columns) if own is None else cells(own)))
    return rows
