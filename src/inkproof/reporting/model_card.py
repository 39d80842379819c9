"""The model card of models/pretrained: what the file is, how it was made and what it reached.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. The words stand in model_card.md.j2, and every
number comes from what the stages wrote.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES
from inkproof.reporting.card_figures import (
    Share,
    figures_of_rejection,
    figures_of_set,
    figures_of_stress,
    figures_of_test,
    hardest_digit,
    latency,
    reported_sets,
)
from inkproof.reporting.pretrained import PretrainedRun, command
from inkproof.reporting.results import CREDITS, credits_for
from inkproof.reporting.wording import MISSING, count, fill_markdown, from_template, kilobytes, percent
from inkproof.runtime.errors import UserError

CARD = "README.md"
# What the licences want said of a source that was not taken as it is.
_CHANGES = {
    "pens": "They were then brought to 28 x 28 by the normalisation layer.",
    "mnist": "Changed: brought to 28 x 28 again by the normalisation layer.",
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
    "negative_entropy": "the negative entropy of the probabilities, in nats",
    "energy": "the negative free energy of the logits",
}


def model_card(
    run: PretrainedRun, sources: Mapping[str, Sequence[Share]], drawn_as: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the model card of a run as Markdown; the same arguments give the same text.

    Args:
        run: the run, whose reports have been held against its files.
        sources: what each source gave to the splits `train` and `val`.
        drawn_as: how each set of drawings was drawn, as conf/drawings has it.

    Raises:
        UserError: a figure is missing from a report.
    """
    try:
        return fill_markdown(_rendered(run, sources, drawn_as))
    except KeyError as error:
        raise UserError(f"{run.report}: a file there lacks {error}; run `{command(run.name)}` again") from error


def _rendered(
    run: PretrainedRun, sources: Mapping[str, Sequence[Share]], drawn_as: Mapping[str, Mapping[str, Any]]
) -> str:
    config, test = run.record.config, run.test
    shown = reported_sets(run.drawn)
    writers = {share.source: share.writers for share in sources["train"]}
    return from_template(
        "model_card.md.j2",
        name=run.name,
        canvas={"file": run.canvas.name, "kb": _kb(run.canvas)},
        weights={"file": run.weights.name, "kb": _kb(run.weights)},
        model={
            "name": config["model"]["name"],
            "sizes": _values(config["model"].get("build", {})),
            "parameters": count(int(run.record.metrics["parameters"])),
        },
        code={"sha": run.record.code_sha, "data": run.record.data_sha},
        rule={
            "meaning": _MEANINGS.get(run.rejection["rule"], run.rejection["rule"].replace("_", " ")),
            "threshold": f"{run.rejection['threshold']:.4g}",
            "temperature": f"{run.rejection['temperature']:.4g}",
        },
        data=config["data"]["name"],
        sources=_sources(sources),
        credits=_credits([share.source for share in sources["train"]]),
        aug={"name": config["aug"]["name"], "limits": _augmentation(config["aug"])},
        optimizer=_values(config["optimizer"], named=True),
        batch=config["batch_size"],
        seed=config["seed"],
        precision=config["precision"]["policy"],
        length=_length(run),
        time=_time(run),
        sets=[figures_of_set(name, run.drawn[name], drawn_as.get(name, {})) for name in shown],
        test=figures_of_test(test, sources["train"]),
        stress=figures_of_stress(run.stress),
        rejection=figures_of_rejection(run.rejection),
        agreement={
            "share": percent(run.export["canvas"]["agreement"], run.export["canvas"]["n"]),
            "n": count(run.export["canvas"]["n"]),
            "difference": f"{run.export['canvas']['max_difference']:.1e}",
        },
        forms=_forms(run.export, int(test["n"])),
        hardest=hardest_digit(run.drawn, shown),
        latency=latency(run.timing),
        writers=writers.get("pens"),
    )


def _forms(export: Mapping[str, Any], digits: int) -> list[dict[str, str]]:
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


def _kb(path: Path) -> str:
    return kilobytes(path.stat().st_size / 1024)


def _values(settings: Mapping[str, Any], named: bool = False) -> str:
    """Say a group of the configuration in a line: "filters 32, 64; dense 128"."""
    parts = [str(settings["name"])] if named else []
    for key, value in settings.items():
        if key in ("_target_", "name") or value is None:
            continue
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"{key.replace('_', ' ')} {said}")
    return "; ".join(parts)


def _augmentation(aug: Mapping[str, Any]) -> str:
    limits = [
        _LIMITS.get(key, f"{key} {{}}").format(value) for key, value in aug.items() if key != "name" and value != 0
    ]
    return ": in every epoch anew a picture is " + "; ".join(limits) if limits else ": none"


def _length(run: PretrainedRun) -> str:
    metrics, config = run.record.metrics, run.record.config
    monitor = config.get("callbacks", {}).get("keep_best", {}).get("monitor")
    best = f", the best by `{monitor}`" if monitor else ""
    accuracy = metrics.get("val_accuracy")
    reached = f"; validation accuracy {percent(accuracy, config['data']['val'])}" if accuracy is not None else ""
    return (
        f"{count(int(metrics['epochs']), 'epoch')} of at most {config['epochs']} were run; "
        f"the weights are those of epoch {metrics['best_epoch']:.0f}{best}{reached}"
    )


def _time(run: PretrainedRun) -> str:
    seconds = run.record.seconds
    took = count(round(seconds / 60), "minute") if seconds >= 90 else count(round(seconds), "second")
    return f"{took} on {run.record.machine}"


def _sources(sources: Mapping[str, Sequence[Share]]) -> list[dict[str, str]]:
    by_split = {split: {share.source: share for share in shares} for split, shares in sources.items()}
    rows = []
    for name in dict.fromkeys(share.source for shares in sources.values() for share in shares):
        train, val = by_split["train"].get(name), by_split["val"].get(name)
        credit = CREDITS.get(name)
        rows.append(
            {
                "title": credit.title if credit else name,
                "train": count(train.images) if train else MISSING,
                "val": count(val.images) if val else MISSING,
                "made": _made(train, val),
                "licence": credit.licence if credit else MISSING,
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


def _credits(trained: Sequence[str]) -> list[dict[str, str]]:
    # A source alone was taken as it is.
    changes = {CREDITS[name].title: _CHANGES[name] for name in trained if name in _CHANGES and len(trained) > 1}
    return [
        {
            "title": f"{credit.title} ({credit.licence})",
            "citation": credit.citation,
            "link": credit.link,
            "change": f" {changes[credit.title]}" if credit.title in changes else "",
        }
        for credit in credits_for(trained)
    ]
