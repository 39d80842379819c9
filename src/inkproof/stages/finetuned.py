"""Say what fine-tuning on drawings gave, and what it cost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inkproof.config.compose import path_of
from inkproof.data.digits import data_sha, digits_file, load_test_split
from inkproof.data.drawings import read_drawings
from inkproof.datasets.finetuning_set import DrawnSplit, read_split
from inkproof.datasets.preprocessed import canvases_of, drawings_of, preprocessed_drawings
from inkproof.evaluation.comparison import by_writer, compare
from inkproof.models.loading import load_network, load_trained, predict
from inkproof.reporting.drawn_figures import before_after, telling
from inkproof.reporting.finetuning_page import MINE, headline, what_was_lost, write_page
from inkproof.reporting.style import save
from inkproof.reporting.tables import write_rows
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.tracking.identity import weights_file, weights_sha
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata

EXAMPLES = 8  # drawings shown before and after


def finetuned(config: dict[str, Any]) -> dict[str, Any]:
    """Write finetuned.json, tables and page of the run in `config["run"]`; return what finetuned.json holds."""
    folder, report = path_of(config["run"]), path_of(config["report"])
    record = RunMetadata.read(folder)
    digits = digits_file(path_of(config["digits"]))
    parent = parent_file(record, folder)
    split = split_of(record, digits)
    held = load_test_split(digits)
    mnist = load_test_split(path_of(config["replay"]))
    replay, how = config["data"]["replay"], config["sets"]["pens"]
    place = path_of(how["folder"])
    pens = preprocessed_drawings(place, drawings_of(replay["pens"], how, place), how, [replay["method"]])
    images = {MINE: held.images, "mnist": mnist.images, "pens": pens.methods[replay["method"]]}
    labels = {MINE: held.labels, "mnist": mnist.labels, "pens": pens.labels}
    writers = {MINE: np.array(split.held_out_writers), "pens": pens.writers}

    networks = {"before": load_network(parent), "after": load_trained(folder)}
    read = {
        name: {moment: predict(network, seen).argmax(axis=1) for moment, network in networks.items()}
        for name, seen in images.items()
    }
    found: dict[str, Any] = {
        "before": record.parent,
        "after": {
            "run": record.name,
            "key": record.key,
            **{n: int(record.metrics[n]) for n in ("best_epoch", "epochs")},
        },
        "writers": split.writers,
        "sets": {
            name: compare(labels[name], answers["before"], answers["after"], writers.get(name))
            for name, answers in read.items()
        },
    }
    rows = by_writer(held.labels, read[MINE]["before"], read[MINE]["after"], split.held_out_writers)
    shot = examples(config, split, held.images, held.labels, read[MINE], report)
    write_rows(report / "by_writer.csv", rows)
    write_json(report / "finetuned.json", found)
    write_page(report, found, rows, shot)
    metrics: dict[str, float] = {}
    for name, one in found["sets"].items():
        metrics |= {f"finetuned_{name}_{moment}": one[moment]["accuracy"] for moment in networks}
        metrics |= {f"finetuned_{name}_difference": one["difference"]["value"], f"finetuned_{name}_p": one["p"]}
    log_stage("finetuned", record, folder, metrics, [(report, "finetuned")])
    return found


def parent_file(record: RunMetadata, folder: Path) -> Path:
    """Return the file with the weights that the run began with; raises UserError where there is none, or another."""
    if record.parent is None:
        raise UserError(f"{folder}: it began with random weights, so there is no before; run `make finetune`")
    name = record.parent["file"]
    if weights_sha(name) != record.parent["sha256"]:
        raise UserError(f"{name}: no longer the weights that {record.name} began with; run `make finetune` again")
    return weights_file(name)


def split_of(record: RunMetadata, digits: Path) -> DrawnSplit:
    """Return who was held out of the digits of the run; raises UserError where they are others by now."""
    split = read_split(digits.parent)
    if not split.sha256 == data_sha(digits) == record.data_sha:
        raise UserError(f"{digits}: not what {record.name} was trained on; run `make finetune` again")
    return split


def examples(
    config: dict[str, Any],
    split: DrawnSplit,
    images: np.ndarray,
    labels: np.ndarray,
    read: dict[str, np.ndarray],
    report: Path,
) -> Path | None:
    """Draw telling drawings of held-out writers to before_after.png; None where some are gone from the set by now."""
    folder, path = path_of(config["data"]["drawings"]), report / "before_after.png"
    named = {"pretrained": read["before"], "fine-tuned": read["after"]}
    shown = telling(labels, named, EXAMPLES)
    ids = [split.held_out[at] for at in shown]
    if not {drawing.id for drawing in read_drawings(folder)} >= set(ids):
        path.unlink(missing_ok=True)  # somebody may have wanted a drawing deleted
        return None
    canvases = canvases_of(ids, folder, config["sets"][MINE])
    figure = before_after(
        canvases, dict.fromkeys(named, images[shown]), labels[shown], {name: own[shown] for name, own in named.items()}
    )
    save(figure, path)
    return path


def lines(config: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Yield what is said of a comparison on the terminal."""
    yield headline(found["sets"])
    yield what_was_lost(found["sets"])
    yield f"The page with every figure: {path_of(config['report']) / 'index.html'}"
