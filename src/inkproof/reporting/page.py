"""The report page: one HTML file with everything in it, that needs neither network nor script."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from inkproof.evaluation.statistics import discordant, mcnemar
from inkproof.preprocessing.rungs import RUNGS
from inkproof.reporting.drawn_figures import climb
from inkproof.reporting.ladder import ladder, ladder_set
from inkproof.reporting.results import ModelResults, credits_for, in_order, rungs_of, sets_of
from inkproof.reporting.robustness import dress_table, rejection_table, stress_table
from inkproof.reporting.section import section, slug
from inkproof.reporting.story import tell
from inkproof.reporting.style import PALETTE, to_svg
from inkproof.reporting.tables import SHOWN_RUNG
from inkproof.reporting.wording import (
    DATA_NOTES,
    DRESSES,
    HERE,
    RUNG_WORDS,
    SETS,
    UNKNOWN_RUNG,
    count,
    data_title,
    from_template,
    interval,
    kilobytes,
    measured,
    p_value,
    percent,
    set_title,
)
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text


def write_page(
    report_folder: Path,
    data: Mapping[str, Any],
    models: Sequence[ModelResults],
    champion: str | None = None,
) -> Path:
    """Write `report_folder`/index.html from what `load_models` returns and return its path.

    `data` describes the data set: `name` (such as "mnist"), and where known `title` and the sizes `train`,
    `val` and `test`; other keys are not looked at. `champion` names the model chosen on validation digits; the
    story is told of it, or of the first of its own. Same results, same bytes. Raises UserError when a file of
    theirs cannot be used (naming it), and when `champion` has no results.
    """
    named = {model.name: model for model in models if not model.beside}
    if champion is not None and champion not in named:
        raise UserError(f"champion {champion!r} has no results in {report_folder}; choose from {', '.join(named)}")
    chosen = named[champion] if champion is not None else next(iter(named.values()))
    title = str(data.get("title") or data_title(data["name"]))
    sets = sets_of(models)
    filled = [name for name in sets if any(rungs_of(model.drawn.get(name, {})) for model in models)]
    tabled = [name for name in filled if name not in DRESSES]
    story = tell(models, chosen, title)
    sections = [section(model, place) for place, model in enumerate(models)]
    pictures = next(entry["before_after"] for entry in sections if entry["name"] == chosen.name)
    page = from_template(
        "page.html.j2",
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        data=data,
        title=title,
        story=story,
        hero=next((shot for shot in pictures if shot[0] == story.subject), pictures[0] if pictures else None),
        champion=champion,
        chosen=chosen.name,
        models=sections,
        board=[_line(model, place, tabled) for place, model in enumerate(models)],
        board_sets=[(set_title(name), _size(models, name)) for name in tabled],
        shown_rung=SHOWN_RUNG,
        kept_writers="pens_kept" in filled,
        paired=_paired(models),
        ladder=_ladder(models),
        climbs=[_climb(models, name) for name in tabled if name != ladder_set(models)],
        dressed=[_climb(models, name) for name in filled if name in DRESSES],
        dresses=dress_table(models),
        stress=stress_table(models),
        rejection=rejection_table(models),
        empty=[name for name in sets if name not in filled],
        rungs=[(rung, RUNG_WORDS.get(rung, UNKNOWN_RUNG).note) for rung in _rungs(models)],
        credits=credits_for([str(data["name"]), *filled, *(model.beside for model in models if model.beside)]),
        palette=PALETTE,
    )
    target = report_folder / "index.html"
    write_text(target, page)
    return target


def _rungs(models: Sequence[ModelResults], name: str | None = None) -> list[str]:
    entries = [entry for model in models for own, entry in model.drawn.items() if name in (None, own)]
    return in_order({rung for entry in entries for rung in rungs_of(entry)}, RUNGS)


def _size(models: Sequence[ModelResults], name: str) -> str:
    entry = next(model.drawn[name] for model in models if rungs_of(model.drawn.get(name, {})))
    writers = entry.get("writers")
    return count(int(entry["n"]), "drawing") + (f", {count(int(writers), 'writer')}" if writers else "")


def _line(model: ModelResults, place: int, sets: Sequence[str]) -> dict[str, Any]:
    """One line of the leaderboard; each figure comes with its interval."""
    test = model.test
    entries = [model.drawn.get(name, {}) for name in sets]
    return {
        "name": model.name,
        "slug": slug(model.name),
        "place": place,
        "aug": test.get("aug"),
        "trained_on": data_title(model.beside) if model.beside else None,
        "note": DATA_NOTES.get(model.beside or ""),
        "accuracy": percent(test["accuracy"], test["n"]),
        "interval": interval(test["accuracy_low"], test["accuracy_high"], test["n"]),
        "drawn": [measured(own[SHOWN_RUNG], int(own["n"])) if SHOWN_RUNG in own else None for own in entries],
        "float32": kilobytes(model.export.get("float32", {}).get("kb")),
        "int8": kilobytes(model.export.get("int8", {}).get("kb")),
        "parameters": count(test.get("parameters")),
    }


def _ladder(models: Sequence[ModelResults]) -> Markup | None:
    name = ladder_set(models)
    return to_svg(ladder(models), "ladder", _label(name, _rungs(models, name))) if name is not None else None


def _label(name: str, rungs: Sequence[str]) -> str:
    return f"Accuracy on {set_title(name)} over the rungs {', '.join(rungs)}, one line a model"


def _climb(models: Sequence[ModelResults], name: str) -> dict[str, Any]:
    rungs = _rungs(models, name)
    results = [{rung: entry[rung] for rung in rungs_of(entry)} for entry in (m.drawn.get(name, {}) for m in models)]
    kind = next((m.drawn[name].get("interval") for m in models if rungs_of(m.drawn.get(name, {}))), "wilson")
    return {
        "title": set_title(name),
        "note": SETS[name].note if name in SETS else "",
        "size": _size(models, name),
        "interval": "bootstrap over writers" if kind == "writers" else "Wilson",
        "figure": to_svg(climb(results, rungs), f"climb-{slug(name)}", _label(name, rungs)),
    }


def _paired(models: Sequence[ModelResults]) -> list[dict[str, Any]]:
    """The first model against each other on the same test digits: who alone was right how often, and p."""
    outcomes = [_outcomes(model.folder / "test" / "predictions.csv") for model in models]
    first = outcomes[0]
    rows = []
    for model, other in zip(models[1:], outcomes[1:], strict=True):
        if first is None or other is None or not np.array_equal(first[0], other[0]):
            continue
        a, b = first[0] == first[1], other[0] == other[1]
        p = mcnemar(a, b)
        only_first, only_other = discordant(a, b)
        settled = p * (len(models) - 1) < 0.05
        rows.append({"name": model.name, "first": only_first, "other": only_other, "p": p_value(p), "settled": settled})
    return rows


def _outcomes(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Return labels and predictions (N,) from predictions.csv, or None where there is none."""
    if not path.is_file():
        return None
    try:
        table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2), dtype=np.int64, ndmin=2)
    except ValueError as error:
        raise UserError(f"{path} is not a table of predictions ({error}); run its stage again") from error
    return table[:, 0], table[:, 1]
