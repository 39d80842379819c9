"""Make models/pretrained of a finished run."""

import shutil
from pathlib import Path

import numpy as np

from inkproof.config.compose import path_of
from inkproof.config.stages import PretrainedConfig, Rendering
from inkproof.data.digits import data_sha, load_digits, sources_of
from inkproof.data.drawings import read_drawings
from inkproof.datasets.preprocessed import draw
from inkproof.exporting.canvas_model import up_to_logits
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.exporting.verify import check_same_network, compare_canvases
from inkproof.models.loading import load_trained, predict
from inkproof.reporting.model_card import CARD, Share, model_card, shares
from inkproof.reporting.pretrained import CHECKED_SET, PretrainedRun, check_files, check_predictions, load_run
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing


def pretrained(config: PretrainedConfig) -> dict[str, Path]:
    """Write the two files and the model card of the run in `config.run`; return their paths by name."""
    name = f"{config.data.name}-{config.name}"
    run = load_run(name, path_of(config.run), path_of(config.exports), path_of(config.report))
    check_files(run)
    sources = trained_on(run, path_of(config.digits))
    compare_files(run, config.sets[CHECKED_SET])
    card = model_card(run, sources, config.sets)
    out = {file: path_of(config.out) / file for file in (run.canvas.name, run.weights.name, CARD)}
    # Each gets its name only when all three are complete.
    canvas, weights, text = out.values()
    with replacing(canvas) as new_canvas, replacing(weights) as new_weights, replacing(text) as new_card:
        shutil.copyfile(run.canvas, new_canvas)
        shutil.copyfile(run.weights, new_weights)
        new_card.write_text(card, encoding="utf-8")
    return out


def trained_on(run: PretrainedRun, digits: Path) -> dict[str, list[Share]]:
    """Return the shares of the sources in training and validation digits; raises UserError if those have changed."""
    if data_sha(digits) != run.metadata.data_sha:
        raise UserError(f"{digits}: not what {run.name} was trained on; run `dvc repro train@{run.name}`")
    data = run.metadata.config.data.name
    splits = ("train", "val")
    return {split: shares(sources_of(digits, split), data, len(load_digits(digits, split).labels)) for split in splits}


def compare_files(run: PretrainedRun, rendering: Rendering) -> None:
    """Classify the drawings of one set with both files; raises UserError if they, or drawn.json, do not agree."""
    folder = path_of(rendering.folder)
    drawings = [drawing for drawing in read_drawings(folder) if drawing.label is not None]
    predicted = CanvasPredictor(run.canvas).predict(draw(folder, drawings, rendering))
    labels = np.array([drawing.label for drawing in drawings])
    check_predictions(run, predicted.probabilities.argmax(axis=1), labels)
    network = load_trained(run.weights.parent)
    check_same_network(compare_canvases(predicted, predict(up_to_logits(network), predicted.seen), run.rule, labels))
