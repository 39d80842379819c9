"""The report page: one HTML file that contains everything and needs neither network nor script."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from inkproof.config.schema import DataConfig
from inkproof.evaluation.results import DrawnSet
from inkproof.evaluation.statistics import discordant, mcnemar
from inkproof.reporting.ablation import ablation, ablation_set, method_lines
from inkproof.reporting.results import ModelResults, all_methods, by_method, credits_for, sets_of
from inkproof.reporting.robustness_figures import RULE_NAMES
from inkproof.reporting.section import section, slug, write_html
from inkproof.reporting.story import story_of
from inkproof.reporting.style import to_svg
from inkproof.reporting.tables import SHOWN_METHOD, read_table
from inkproof.reporting.wording import DATA_NOTES, SETS, VARIANTS, method_words, set_title
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
    _check_rejections(models)
    sets = sets_of(models)
    filled = [name for name in sets if any(model.by_method(name) for model in models)]
    tabled = [name for name in filled if name not in VARIANTS]
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    first = ablation_set(models)
    story = story_of(models, chosen, data.title)
    sections = [section(model, place) for place, model in enumerate(models)]
    images = next(one.before_after for one in sections if one.model is chosen)
    return write_html(
        report_folder,
        "page.html.j2",
        data=data,
        story=story,
        hero=next((image for image in images if image[0] == story.subject), images[0] if images else None),
        champion=champion,
        chosen=chosen.name,
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
        corruptions=next((model.corruptions for model in models if model.corruptions), None),
        rejection=next((model.rejection for model in models if model.rejection), None),
        rule_names=RULE_NAMES,
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


def _label(models: Sequence[ModelResults], name: str) -> str:
    methods = ", ".join(all_methods(_entries(models, name)))
    return f"Accuracy on {set_title(name)} by preprocessing method ({methods}), one line per model"


def _lines_of(models: Sequence[ModelResults], name: str) -> tuple[str, DrawnSet, Markup]:
    """A set of drawings, the first results on it, and the figure of all of them."""
    entries = _entries(models, name)
    figure = method_lines([by_method(entry) for entry in entries], all_methods(entries))
    return name, _filled(models, name), to_svg(figure, f"lines-{slug(name)}", _label(models, name))


def _paired(models: Sequence[ModelResults]) -> list[tuple[str, int, int, float]]:
    """Compare the first model with each other one on the same test digits.

    A row has the other's name, how many digits only the first and only the other classifies correctly, and McNemar's p.
    """
    first, *others = (
        read_table(model.folder / "test" / "predictions.csv", ("label", "prediction")) for model in models
    )
    rows = []
    for model, other in zip(models[1:], others, strict=True):
        if not first.empty and first["label"].equals(other["label"]):
            a, b = (table["label"] == table["prediction"] for table in (first, other))
            rows.append((model.name, *discordant(a, b), mcnemar(a, b)))
    return rows


def _check_rejections(models: Sequence[ModelResults]) -> None:
    """Raise UserError, which names the file, if a rejection.json has no results of its own rule."""
    for model in models:
        found = model.rejection
        if found and not (found.rule in found.rules and "all" in found.chosen.rejected):
            raise UserError(
                f"{model.folder / 'rejection.json'}: has no results of its rule or of all samples; run its stage again"
            )
