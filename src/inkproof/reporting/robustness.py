"""The page's tables beyond the test digits: drawings in other dress, the stress suite, saying "not a digit"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inkproof.reporting.results import ModelResults
from inkproof.reporting.robustness_figures import RULE_NAMES, words
from inkproof.reporting.tables import SHOWN_RUNG
from inkproof.reporting.wording import DRESSES, MISSING, count, interval, measured, percent, points, set_title
from inkproof.runtime.errors import UserError

USUAL = "pens"
"""The set whose drawings the dressed sets show in other dress."""


Cell = tuple[str, str]
"""A figure, and what stands small below it."""


Table = dict[str, Any]
"""`columns`, each a heading and what stands small below it, `rows` of name, place and cells, and where known `size`."""


def dress_table(models: Sequence[ModelResults]) -> Table | None:
    """Return what each model reads of the pen digits in each dress on the shown rung, and the change that makes.

    None where no model has read a dressed set.
    """
    sets = [name for name in DRESSES if any(SHOWN_RUNG in model.drawn.get(name, {}) for model in models)]
    if not sets:
        return None
    # "Pen tablet, thin brush" under the headline of the pen tablet.
    titles = [set_title(name).rpartition(", ")[2].capitalize() for name in sets]

    def cells(drawn: Mapping[str, Any]) -> list[Cell]:
        found: list[Cell] = []
        usual = drawn.get(USUAL, {}).get(SHOWN_RUNG)
        for name in (USUAL, *sets):
            entry = drawn.get(name, {})
            own, n = entry.get(SHOWN_RUNG), int(entry.get("n", 0))
            accuracy, note = measured(own, n) if own else (MISSING, "")
            if name != USUAL:
                note = f"{points(own['accuracy'] - usual['accuracy'], n)} points" if own and usual else ""
            found.append((accuracy, note))
        return found

    columns = [("Usual brush", ""), *((title, "") for title in titles)]
    return {"columns": columns, "rows": _rows(models, "drawn", cells, len(columns))}


def stress_table(models: Sequence[ModelResults]) -> Table | None:
    """Return each model's accuracy on clean canvases, over all corruptions, and under the worst; None without any.

    Raises UserError, naming the file, where a stress.json lacks a figure.
    """

    def cells(stress: Mapping[str, Any]) -> list[Cell]:
        means = {name: own["accuracy"] for name, own in stress["corruptions"].items()}
        worst = min(means, key=lambda name: means[name])
        return [measured(stress["clean"]), measured(stress["mca"]), (percent(means[worst]), words(worst))]

    told = next((model.stress for model in models if model.stress), None)
    if told is None:
        return None
    columns = [("Clean", ""), ("Mean corruption accuracy", ""), ("Worst corruption", "")]
    rows = _rows(models, "stress", cells, len(columns))
    grades = len(next(iter(told["corruptions"].values()))["severities"])
    size = (
        f"{count(int(told['n']), 'digit')}, {count(len(told['corruptions']), 'corruption')} of severities 1 to {grades}"
    )
    return {"columns": columns, "rows": rows, "size": size}


def rejection_table(models: Sequence[ModelResults]) -> Table | None:
    """Return how well each model's rule tells digits from other drawings; None where no model has one.

    Raises UserError, naming the file, where a rejection.json lacks a figure.
    """

    def cells(rejection: Mapping[str, Any]) -> list[Cell]:
        rule, at = rejection["rules"][rejection["rule"]], rejection["chosen"]
        return [
            (RULE_NAMES.get(rejection["rule"], rejection["rule"]), ""),
            (f"{rule['auroc']:.3f}", f"{rule['low']:.3f}\N{EN DASH}{rule['high']:.3f}"),
            (percent(rule["accuracy_at_95"]), interval(rule["accuracy_at_95_low"], rule["accuracy_at_95_high"])),
            measured(at["refused"]["all"], key="share"),
            (percent(at["digits"]["coverage"]), ""),
        ]

    told = next((model.rejection for model in models if model.rejection), None)
    if told is None:
        return None
    columns = [
        ("Rule", "by which it refuses"),
        ("AUROC", "digits against the rest"),
        ("Accuracy", "at 95% coverage"),
        ("Others refused", "at the threshold"),
        ("Digits accepted", "at the threshold"),
    ]
    rows = _rows(models, "rejection", cells, len(columns))
    at = told["chosen"]
    size = f"{count(int(at['digits']['n']), 'drawn digit')} and {count(int(at['refused']['all']['n']), 'other')}"
    return {"columns": columns, "rows": rows, "size": size}


def _rows(
    models: Sequence[ModelResults], part: str, cells: Callable[[Mapping[str, Any]], list[Cell]], width: int
) -> list[dict[str, Any]]:
    """A row a model from the JSON file `part`; one that lacks the file has dashes."""
    rows = []
    for place, model in enumerate(models):
        content = getattr(model, part)
        try:
            own = cells(content) if content else [(MISSING, "")] * width
        except (KeyError, TypeError, ValueError) as error:
            path = model.folder / f"{part}.json"
            raise UserError(f"{path} lacks a figure ({error}); run its stage again") from error
        rows.append({"name": model.name, "place": place, "cells": own})
    return rows
