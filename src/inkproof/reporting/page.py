"""The report page: one HTML file with everything in it, that needs neither network nor script."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.evaluation.statistics import discordant, mcnemar
from inkproof.reporting.ablation import ablation, ablation_set, climb
from inkproof.reporting.results import ModelResults, all_methods, credits_for, methods_of, sets_of
from inkproof.reporting.robustness_figures import RULE_NAMES, words
from inkproof.reporting.section import section, slug, write_html
from inkproof.reporting.story import tell
from inkproof.reporting.style import to_svg
from inkproof.reporting.tables import SHOWN_METHOD, read_table
from inkproof.reporting.wording import (
    DATA_NOTES,
    MISSING,
    SETS,
    VARIANTS,
    count,
    data_title,
    interval,
    measured,
    method_words,
    percent,
    points,
    set_title,
)
from inkproof.runtime.errors import UserError


def write_page(
    report_folder: Path,
    data: Mapping[str, Any],
    models: Sequence[ModelResults],
    champion: str | None = None,
) -> Path:
    """Write `report_folder`/index.html from what `load_models` returns and return its path.

    `data` describes the dataset: `name` (such as "mnist"), and where known `title` and the sizes `train`,
    `val` and `test`; other keys are not looked at. `champion` names the model chosen on validation digits; the
    story is told of it, or of the first of its own. Same results, same bytes. Raises UserError when a file of
    theirs cannot be used (naming it), and when `champion` has no results.
    """
    named = {model.name: model for model in models if not model.compare_with}
    if champion is not None and champion not in named:
        raise UserError(f"champion {champion!r} has no results in {report_folder}; choose from {', '.join(named)}")
    chosen = named[champion] if champion is not None else next(iter(named.values()))
    title = str(data.get("title") or data_title(data["name"]))
    sets = sets_of(models)
    filled = [name for name in sets if any(methods_of(entry) for entry in _entries(models, name))]
    tabled = [name for name in filled if name not in VARIANTS]
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    first = ablation_set(models)
    story = tell(models, chosen, title)
    sections = [section(model, place) for place, model in enumerate(models)]
    images = next(entry["before_after"] for entry in sections if entry["name"] == chosen.name)
    return write_html(
        report_folder,
        "page.html.j2",
        data=data,
        title=title,
        story=story,
        hero=next((shot for shot in images if shot[0] == story.subject), images[0] if images else None),
        champion=champion,
        chosen=chosen.name,
        models=sections,
        board_sets=[(name, _size(models, name)) for name in tabled],
        data_notes=DATA_NOTES,
        shown_method=SHOWN_METHOD,
        kept_writers="pens_validation" in filled,
        paired=_paired(models),
        ablation=to_svg(ablation(models), "ablation", _label(models, first)) if first is not None else None,
        ablations=[_ablation_of(models, name) for name in tabled if name != first],
        variant=[_ablation_of(models, name) for name in filled if name in VARIANTS],
        variants=variants_table(models),
        corruptions=corruptions_table(models),
        rejection=rejection_table(models),
        empty=[name for name in sets if name not in filled],
        methods=[(method, method_words(method).note) for method in methods],
        credits=credits_for(
            [str(data["name"]), *filled, *(model.compare_with for model in models if model.compare_with)]
        ),
    )


def _entries(models: Sequence[ModelResults], name: str) -> list[Mapping[str, Any]]:
    """What each model reads of a set of drawings; empty of a model that has not read it."""
    return [model.drawn.get(name, {}) for model in models]


def _size(models: Sequence[ModelResults], name: str) -> str:
    entry = next(filter(methods_of, _entries(models, name)))
    writers = entry.get("writers")
    return count(entry["n"], "drawing") + (f", {count(writers, 'writer')}" if writers else "")


def _label(models: Sequence[ModelResults], name: str) -> str:
    methods = ", ".join(all_methods(_entries(models, name)))
    return f"Accuracy on {set_title(name)} over the methods {methods}, one line a model"


def _ablation_of(models: Sequence[ModelResults], name: str) -> dict[str, Any]:
    entries = _entries(models, name)
    results = [{method: entry[method] for method in methods_of(entry)} for entry in entries]
    kind = next(filter(methods_of, entries)).get("interval")
    return {
        "title": set_title(name),
        "note": SETS[name].note if name in SETS else "",
        "size": _size(models, name),
        "interval": "bootstrap over writers" if kind == "writers" else "Wilson",
        "figure": to_svg(climb(results, all_methods(entries)), f"climb-{slug(name)}", _label(models, name)),
    }


def _paired(models: Sequence[ModelResults]) -> list[dict[str, Any]]:
    """The first model against each other on the same test digits: who alone was right how often, and p."""
    first, *others = (
        read_table(model.folder / "test" / "predictions.csv", ("label", "prediction")) for model in models
    )
    rows = []
    for model, other in zip(models[1:], others, strict=True):
        if first.empty or not first["label"].equals(other["label"]):
            continue
        a, b = (read["label"] == read["prediction"] for read in (first, other))
        p = mcnemar(a, b)
        only_first, only_other = discordant(a, b)
        settled = p * (len(models) - 1) < 0.05
        rows.append({"name": model.name, "first": only_first, "other": only_other, "p": p, "settled": settled})
    return rows


USUAL = "pens"
"""The set whose drawings the variant sets show in other dress."""


GridRun = tuple[str, str]
"""A figure, and what stands small below it."""


Table = dict[str, Any]
"""`columns`, each a heading and what stands small below it, `rows` of name, place and cells, and where known `size`."""


def variants_table(models: Sequence[ModelResults]) -> Table | None:
    """Return what each model reads of the pen digits in each dress on the shown method, and the change that makes.

    None where no model has read a variant set.
    """
    sets = [name for name in VARIANTS if any(SHOWN_METHOD in model.drawn.get(name, {}) for model in models)]
    if not sets:
        return None
    # "Pen tablet, thin brush" under the headline of the pen tablet.
    titles = [set_title(name).rpartition(", ")[2].capitalize() for name in sets]

    def cells(drawn: Mapping[str, Any]) -> list[GridRun]:
        found: list[GridRun] = []
        usual = drawn.get(USUAL, {}).get(SHOWN_METHOD)
        for name in (USUAL, *sets):
            entry = drawn.get(name, {})
            own, n = entry.get(SHOWN_METHOD), int(entry.get("n", 0))
            accuracy, note = measured(own, n) if own else (MISSING, "")
            if name != USUAL:
                note = f"{points(own['accuracy'] - usual['accuracy'], n)} points" if own and usual else ""
            found.append((accuracy, note))
        return found

    return _table(models, "drawn", [("Usual brush", ""), *((title, "") for title in titles)], cells)


def corruptions_table(models: Sequence[ModelResults]) -> Table | None:
    """Return each model's accuracy on clean canvases, over all corruptions, and under the worst; None without any.

    Raises UserError, naming the file, where a corruptions.json lacks a figure.
    """

    def cells(corruptions: Mapping[str, Any]) -> list[GridRun]:
        means = {name: own["accuracy"] for name, own in corruptions["corruptions"].items()}
        worst = min(means, key=lambda name: means[name])
        return [measured(corruptions["clean"]), measured(corruptions["mca"]), (percent(means[worst]), words(worst))]

    def size(corruptions: Mapping[str, Any]) -> str:
        corruptions = corruptions["corruptions"]
        grades = len(next(iter(corruptions.values()))["severities"])
        return (
            f"{count(corruptions['n'], 'digit')}, {count(len(corruptions), 'corruption')} of severities 1 to {grades}"
        )

    columns = [("Clean", ""), ("Mean corruption accuracy", ""), ("Worst corruption", "")]
    return _table(models, "corruptions", columns, cells, size)


def rejection_table(models: Sequence[ModelResults]) -> Table | None:
    """Return how well each model's rule tells digits from other drawings; None where no model has one.

    Raises UserError, naming the file, where a rejection.json lacks a figure.
    """

    def cells(rejection: Mapping[str, Any]) -> list[GridRun]:
        rule, at = rejection["rules"][rejection["rule"]], rejection["chosen"]
        return [
            (RULE_NAMES.get(rejection["rule"], rejection["rule"]), ""),
            (f"{rule['auroc']:.3f}", f"{rule['low']:.3f}\N{EN DASH}{rule['high']:.3f}"),
            (percent(rule["accuracy_at_95"]), interval(rule["accuracy_at_95_low"], rule["accuracy_at_95_high"])),
            measured(at["rejected"]["all"], key="share"),
            (percent(at["digits"]["coverage"]), ""),
        ]

    def size(rejection: Mapping[str, Any]) -> str:
        at = rejection["chosen"]
        return f"{count(at['digits']['n'], 'drawn digit')} and {count(at['rejected']['all']['n'], 'other')}"

    columns = [
        ("Rule", "by which it refuses"),
        ("AUROC", "digits against the rest"),
        ("Accuracy", "at 95% coverage"),
        ("Others rejected", "at the threshold"),
        ("Digits accepted", "at the threshold"),
    ]
    return _table(models, "rejection", columns, cells, size)


def _table(
    models: Sequence[ModelResults],
    part: str,
    columns: list[GridRun],
    cells: Callable[[Mapping[str, Any]], list[GridRun]],
    size: Callable[[Mapping[str, Any]], str] = lambda content: "",
) -> Table | None:
    """A row a model from the JSON file `part`; one that lacks the file has dashes. None where all lack it."""
    rows = []
    for place, model in enumerate(models):
        content = getattr(model, part)
        try:
            own = cells(content) if content else [(MISSING, "")] * len(columns)
        except (KeyError, TypeError, ValueError) as error:
            path = model.folder / f"{part}.json"
            raise UserError(f"{path} lacks a figure ({error}); run its stage again") from error
        rows.append({"name": model.name, "place": place, "cells": own})
    told = next((getattr(model, part) for model in models if getattr(model, part)), None)
    return {"columns": columns, "rows": rows, "size": size(told)} if told else None
