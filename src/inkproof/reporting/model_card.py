"""The model card of models/pretrained: what the file is, how it was made and what it reached.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. The words stand in model_card.md.j2, and every
number comes from what the stages wrote.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import UndefinedError

from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES
from inkproof.reporting.pretrained import PretrainedRun, command
from inkproof.reporting.results import CREDITS, credits_for, in_order
from inkproof.reporting.tables import SHOWN_METHOD
from inkproof.reporting.wording import (
    MISSING,
    SETS,
    count,
    fill_markdown,
    from_template,
    kilobytes,
    measured,
    percent,
    set_title,
)
from inkproof.runtime.errors import UserError

CARD = "README.md"
# What the licences want said of a source that was not taken as it is.
_CHANGES = {
    "pens": "They were then brought to 28 x 28 by the normalizer.",
    "mnist": "Changed: brought to 28 x 28 again by the normalizer.",
}
_LIMITS = {
    "rotation": "turned by up to {:g} degrees",
    "zoom": "scaled by up to {:.0%} along each axis",
    "shift": "shifted by up to {:.0%} of the side",
    "slant": "slanted by up to {:g} degrees",
    "elastic": "bent by a smooth displacement of {:g} pixels standard deviation",
    "width": "grown at the edges of its strokes by up to {:g} pixels, or thinned by half of that",
}
_MEANINGS = {
    "maximum_probability": "the largest probability",
    "margin": "the largest probability less the second",
    "negative_entropy": "the ood_sample entropy of the probabilities, in nats",
    "energy": "the ood_sample free energy of the logits",
}
_WORST = 5  # corruptions shown
_NOT_REPORTED = ("mine", "pens_validation")  # the user's own, and those that choices were made on


@dataclass(frozen=True)
class Share:
    """What one source gave to a split: `images` made from so many different `digits` by so many `writers`.

    `source` names it in `reporting.credits`; `writers` is None where the source does not tell them apart.
    """

    source: str
    images: int
    digits: int
    writers: int | None


def shares(names: Sequence[str], data: str, images: int) -> list[Share]:
    """Return what each source gave to a split, in order of appearance.

    `names` are of `data.digits.sources_of`: MNIST's digits, pen digits and authored styles, told apart by how
    their names begin. Where there are none, all `images` are of the dataset `data` itself.
    """
    if not names:
        return [Share(data, images, images, None)]
    found = []
    for begin, own in pd.Series(names).groupby([name.partition("-")[0] for name in names], sort=False):
        # "pens-tra-w01-0001" is by the writer tra-w01.
        writers = len({tuple(name.split("-")[:3]) for name in own}) if begin == "pens" else None
        found.append(Share("styles" if begin == "style" else str(begin), len(own), own.nunique(), writers))
    return found


def model_card(
    run: PretrainedRun, sources: Mapping[str, Sequence[Share]], drawn_as: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the model card of a run as Markdown; the same arguments give the same text.

    Args:
        run: the run, whose reports have been held against its files.
        sources: what each source gave to the splits `train` and `val`.
        drawn_as: how each set of drawings was drawn, as conf/sets has it.

    Raises:
        UserError: a figure is missing from a report.
    """
    try:
        return fill_markdown(_rendered(run, sources, drawn_as))
    except (KeyError, UndefinedError) as error:
        message = f"a file there lacks a figure ({error}); run `{command(run.name)}` again"
        raise UserError(f"{run.report}: {message}") from error


def _rendered(
    run: PretrainedRun, sources: Mapping[str, Sequence[Share]], drawn_as: Mapping[str, Mapping[str, Any]]
) -> str:
    config, rejection, train = run.record.config, run.rejection, sources["train"]
    shown = reported_sets(run.drawn)
    first = CREDITS.get(train[0].source)  # whose test digits they are
    minutes, seconds = round(run.record.seconds / 60), round(run.record.seconds)
    return from_template(
        "model_card.md.j2",
        run=run,
        config=config,
        metrics=run.record.metrics,
        test=run.test,
        corruptions=run.corruptions,
        kb={path.name: kilobytes(path.stat().st_size / 1024) for path in (run.canvas, run.weights)},
        sizes=_values(config["model"].get("build", {})),
        rule={
            "meaning": _MEANINGS.get(rejection["rule"], rejection["rule"].replace("_", " ")),
            "threshold": f"{rejection['threshold']:.4g}",
            "temperature": f"{rejection['temperature']:.4g}",
            **rejection["rules"][rejection["rule"]],
        },
        sources=_sources(sources),
        credits=credits_for([share.source for share in train]),
        # A source alone was taken as it is.
        changes={CREDITS[name].title: change for name, change in _CHANGES.items()} if len(train) > 1 else {},
        limits="; ".join(_limits(config["aug"])),
        optimizer=f"{config['optimizer']['name']}; {_values(config['optimizer'])}",
        time=count(minutes, "minute") if run.record.seconds >= 90 else count(seconds, "second"),
        sets=[(set_title(name), run.drawn[name], _drawn(drawn_as.get(name, {}))) for name in shown],
        tested=first.title if first else run.test["data"],
        mixed=len(train) > 1,
        worst=sorted(run.corruptions["corruptions"].items(), key=lambda item: (item[1]["accuracy"], item[0]))[:_WORST],
        accepted=rejection["chosen"]["digits"],
        rejected=rejection["chosen"]["rejected"],
        kinds=[_kind(kind) for kind in rejection["chosen"]["rejected"] if kind != "all"],
        rejection=rejection_rows(rejection),
        forms=_quantizations(run.export, int(run.test["n"])),
        hardest=hardest_digit(run.drawn, shown),
        writers=next((share.writers for share in train if share.source == "pens"), None),
    )


def reported_sets(drawn: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the sets of a drawn.json that are reported on: read on the method `classic`, and nothing chosen by them."""
    return [
        name
        for name in in_order(set(drawn), SETS)
        if name not in _NOT_REPORTED and drawn[name].get("n") and SHOWN_METHOD in drawn[name]
    ]


def rejection_rows(rejection: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is accepted and rejected, by the chosen rule and by the 60% rule; `rejection` is rejection.json."""
    chosen, sixty = rejection["chosen"], rejection["sixty_percent"]
    n = chosen["digits"]["n"]

    def row(what: str, cell: Callable[[Mapping[str, Any]], str]) -> tuple[str, str, str]:
        return what, cell(chosen), cell(sixty)

    def rejected(kind: str, name: str) -> tuple[str, str, str]:
        what = f"{count(chosen['rejected'][kind]['n'])} {name}: rejected"
        return row(what, lambda rule: _share(rule["rejected"][kind], "share"))

    return [
        row(f"{count(n)} drawn digits: accepted", lambda rule: percent(rule["digits"]["coverage"], n)),
        row("accepted digits: read right", lambda rule: _share(rule["digits"], "accuracy")),
        rejected("all", "drawings that are no digit"),
        *(rejected(kind, _kind(kind)) for kind in chosen["rejected"] if kind != "all"),
    ]


def hardest_digit(drawn: Mapping[str, Mapping[str, Any]], shown: Sequence[str]) -> tuple[str, str, float] | None:
    """Return the set that says most, and which digit is read worst there and how; None where all are read right."""
    name = "pens" if "pens" in shown else next(iter(shown), None)
    if name is None:
        return None
    digits = {digit: own for digit, own in drawn[name][SHOWN_METHOD]["per_digit"].items() if own is not None}
    digit = min(digits, key=lambda one: (digits[one], one))
    return (set_title(name), digit, digits[digit]) if digits[digit] < 1 else None


def _drawn(how: Mapping[str, Any]) -> str:
    if not how:
        return "as they are"
    brush = f"a brush of {how['brush']:g} pixels on a canvas of 280"
    pen = "hard one-pixel lines straight into 28 x 28, as in Paint" if how["pixels"] else brush
    return f"{pen}, {'white on black' if how['inverted'] else 'black on white'}"


def _kind(kind: str) -> str:
    return {"digits": "several digits at once", "blank": "blanks and specks"}.get(kind, f"{kind}s")


def _share(entry: Mapping[str, Any], key: str) -> str:
    n = int(entry.get("n", 0))
    return "{} ({})".format(*measured(entry, n, key))


def _quantizations(export: Mapping[str, Any], digits: int) -> list[dict[str, str]]:
    """One row a file that the export made, with what it was tried on; there are so many test `digits`."""
    canvases = {"canvas" if form == "float32" else f"canvas_{form}": file for form, file in CANVAS_FILES.items()}
    rows = []
    for kind, file in {**canvases, **MODEL_FILES, "coreml": COREML_FILE}.items():
        if (entry := export.get(kind)) is not None:
            n = int(entry.get("n", 0))
            tried = count(n, "drawing" if kind in canvases else "test digit") if n else "every test digit"
            agreement = percent(entry["agreement"], n or digits)
            rows.append({"file": file, "kb": kilobytes(entry["kb"]), "agreement": agreement, "on": tried})
    return rows


def _values(settings: Mapping[str, Any]) -> str:
    """Say a group of the configuration in a line: "filters 32, 64; dense 128"."""
    parts = []
    for key, value in settings.items():
        if key in ("_target_", "name") or value is None:
            continue
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"{key.replace('_', ' ')} {said}")
    return "; ".join(parts)


def _limits(aug: Mapping[str, Any]) -> list[str]:
    """Say within what limits digits are varied, a limit each."""
    varied = {key: value for key, value in aug.items() if key != "name" and value != 0}
    return [_LIMITS.get(key, f"{key} {{}}").format(value) for key, value in varied.items()]


def _sources(sources: Mapping[str, Sequence[Share]]) -> list[dict[str, str]]:
    by_split = {split: {share.source: share for share in shares} for split, shares in sources.items()}
    rows = []
    for name in dict.fromkeys(share.source for shares in sources.values() for share in shares):
        train, val = by_split["train"].get(name), by_split["val"].get(name)
        credit = CREDITS.get(name)
        rows.append(
            {
                "title": credit.title if credit else name,
                "train": count(train.images if train else None),
                "val": count(val.images if val else None),
                "made": _made(train, val),
                "license": credit.license if credit else MISSING,
            }
        )
    return rows


def _made(train: Share | None, val: Share | None) -> str:
    """Say of how many digits and writers the images of a source were made."""
    said = []
    for share, use in ((train, "to train on"), (val, "to choose by")):
        if share is not None and (share.writers or share.images != share.digits):
            by = f" by {count(share.writers, 'writer')}" if share.writers else ""
            said.append(f"{count(share.digits, 'digit')}{by} {use}")
    return ", ".join(said) or "one image of each"
