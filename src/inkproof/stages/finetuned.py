"""Compare a fine-tuned network with its initial weights: what was gained, and what was lost."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from inkproof.config.compose import path_of
from inkproof.config.stages import FinetunedConfig
from inkproof.config.validation import validated
from inkproof.data.digits import data_sha, digits_file, load_test_split, load_test_writers
from inkproof.data.drawings import read_drawings
from inkproof.datasets.finetuning_set import DrawnSplit, FinetuneSource, read_split
from inkproof.datasets.mixture import MixtureSource
from inkproof.datasets.preprocessed import canvases_of, drawings_of, preprocessed_drawings
from inkproof.evaluation.comparison import ComparedSet, FinetunedResult, FinetunedRun, by_writer, compare, verdict
from inkproof.evaluation.results import write_result
from inkproof.models.loading import load_network, load_trained, predict
from inkproof.reporting.drawn_figures import before_after, telling
from inkproof.reporting.page import image, write_html
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.reporting.wording import count, percent, points
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.tracking.identity import weights_file
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import InitialWeights, RunMetadata

EXAMPLES = 8  # drawings shown before and after

MINE = "mine"
TITLES = {
    MINE: ("Your drawings", "test writers"),
    "mnist": ("MNIST", "test digits"),
    "pens": ("Pen tablet", "test writers"),
}
_VERDICTS = {"better": "clearly better", "worse": "clearly worse", "alike": "could be chance"}


def finetuned(metadata: RunMetadata, config: FinetunedConfig) -> FinetunedResult:
    """Write finetuned.json, tables and page of the run in `config.run`; return the content of finetuned.json."""
    folder, report = path_of(config.run), path_of(config.report)
    digits = digits_file(path_of(config.digits))
    initial = initial_weights(metadata, folder)
    split = split_of(metadata, digits)
    source = validated(FinetuneSource, config.data.source.arguments, "data.source")
    mixture = validated(MixtureSource, source.replay.source.arguments, "data.source.replay.source")
    test = load_test_split(digits)
    mnist = load_test_split(path_of(config.replay))
    rendering = config.sets["pens"]
    place = path_of(rendering.folder)
    pens = preprocessed_drawings(place, drawings_of(mixture.pens, rendering, place), rendering, [mixture.method])
    images = {MINE: test.images, "mnist": mnist.images, "pens": pens.methods[mixture.method]}
    labels = {MINE: test.labels, "mnist": mnist.labels, "pens": pens.labels}
    writers = {
        MINE: np.array(split.held_out_writers),
        "mnist": load_test_writers(path_of(config.replay)),
        "pens": pens.writers,
    }

    networks = {"before": load_network(weights_file(initial.file)), "after": load_trained(folder)}
    predicted = {
        name: {moment: predict(network, seen).argmax(axis=1) for moment, network in networks.items()}
        for name, seen in images.items()
    }
    best_epoch, epochs = int(metadata.metrics["best_epoch"]), int(metadata.metrics["epochs"])
    result = FinetunedResult(
        before=InitialWeights(**initial.model_dump(exclude_none=True)),
        after=FinetunedRun(run=metadata.name, key=metadata.key, best_epoch=best_epoch, epochs=epochs),
        writers=split.writers,
        sets={
            name: compare(labels[name], own["before"], own["after"], writers[name]) for name, own in predicted.items()
        },
    )
    rows = by_writer(test.labels, predicted[MINE]["before"], predicted[MINE]["after"], split.held_out_writers)
    drawings = path_of(source.drawings)
    shot = examples(config, drawings, split, test.images, test.labels, predicted[MINE], report)
    write_rows(report / "by_writer.csv", rows)
    write_result(report / "finetuned.json", result)
    write_page(report, result, rows, shot)
    log_stage("finetuned", metadata, folder, metrics_of(result), [(report, "finetuned")])
    return result


def metrics_of(result: FinetunedResult) -> dict[str, float]:
    """Return the metrics of all sets by their names in MLflow."""
    metrics: dict[str, float] = {}
    for name, one in result.sets.items():
        metrics |= {
            f"finetuned_{name}_before": one.before.accuracy,
            f"finetuned_{name}_after": one.after.accuracy,
            f"finetuned_{name}_difference": one.difference.value,
            f"finetuned_{name}_p": one.p,
        }
    return metrics


def initial_weights(metadata: RunMetadata, folder: Path) -> InitialWeights:
    """Return the initial weights of the run; raises UserError if it has none, or the file has changed."""
    initial = metadata.initial_weights
    if initial is None:
        raise UserError(f"{folder}: has no initial weights to compare with; run `make finetune`")
    if sha256_of(weights_file(initial.file)) != initial.sha256:
        raise UserError(f"{initial.file}: not the initial weights of {metadata.name} any more; run `make finetune`")
    return initial


def split_of(metadata: RunMetadata, digits: Path) -> DrawnSplit:
    """Return the test drawings and writers of the run; raises UserError if its digits have changed."""
    split = read_split(digits.parent)
    if not split.sha256 == data_sha(digits) == metadata.data_sha:
        raise UserError(f"{digits}: not the digits that {metadata.name} was trained on; run `make finetune` again")
    return split


def examples(
    config: FinetunedConfig,
    drawings: Path,
    split: DrawnSplit,
    images: np.ndarray,
    labels: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    report: Path,
) -> Path | None:
    """Write examples of the test drawings to before_after.png; return None if some have been deleted."""
    path = report / "before_after.png"
    named = {"pretrained": predicted["before"], "fine-tuned": predicted["after"]}
    shown = telling(labels, named, EXAMPLES)
    ids = [split.held_out[at] for at in shown]
    if not {drawing.id for drawing in read_drawings(drawings)} >= set(ids):
        path.unlink(missing_ok=True)  # someone may have wanted a drawing deleted
        return None
    canvases = canvases_of(ids, drawings, config.sets[MINE])
    figure = before_after(
        canvases, dict.fromkeys(named, images[shown]), labels[shown], {name: own[shown] for name, own in named.items()}
    )
    save(figure, path)
    return path


def write_page(folder: Path, result: FinetunedResult, rows: pd.DataFrame, shot: Path | None) -> Path:
    """Write `folder`/index.html and return its path.

    `rows` come from `comparison.by_writer`, and `shot` is the image of drawings before and after.
    """
    sets = result.sets
    return write_html(
        folder,
        "finetuning_page.html.j2",
        headline=headline(sets),
        losses=what_was_lost(sets),
        lines=[(*TITLES[name], sets[name], _VERDICTS[verdict(sets[name], len(sets))]) for name in TITLES],
        rows=rows.itertuples(index=False),
        image=image(shot) if shot else None,
        result=result,
        few=sets[MINE].interval == "digits",
    )


def headline(sets: Mapping[str, ComparedSet]) -> str:
    """Return a sentence on the accuracy on the drawings of the test writers before and after fine-tuning."""
    mine = sets[MINE]
    before, after = (percent(moment.accuracy, mine.n) for moment in (mine.before, mine.after))
    change = f"{before} before, {after} after" if before != after else f"{after}, before as after"
    effects = {"better": "Your drawings helped", "worse": "Your drawings did harm", "alike": "No clear difference"}
    return f"{effects[verdict(mine, len(sets))]}: {change}, on drawings by {count(mine.writers, 'test writer')}."


def what_was_lost(sets: Mapping[str, ComparedSet]) -> str:
    """Return a sentence on whether the network forgot something, with intervals of the differences."""
    others = {name: entry for name, entry in sets.items() if name != MINE}
    lost = [TITLES[name][0] for name, entry in others.items() if verdict(entry, len(sets)) == "worse"]
    differences = [
        f"{TITLES[name][0]} {points(entry.difference.value, entry.n)} points "
        f"({points(entry.difference.low, entry.n)} to {points(entry.difference.high, entry.n)})"
        for name, entry in others.items()
    ]
    first = f"Something was forgotten on {' and '.join(lost)}" if lost else "No clear loss on what was known before"
    return f"{first}: {', '.join(differences)}."


def lines(config: FinetunedConfig, result: FinetunedResult) -> Iterator[str]:
    """Yield the lines of a comparison for the terminal."""
    yield headline(result.sets)
    yield what_was_lost(result.sets)
    yield f"The page with every figure: {path_of(config.report) / 'index.html'}"
