"""Make models/pretrained of a finished run, and the test vectors with which apps check their use of it."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkproof.config.compose import path_of
from inkproof.config.stages import PretrainedConfig, Rendering
from inkproof.data.digits import data_sha, load_digits, sources_of
from inkproof.data.drawings import CANVAS_SIDE, Drawing, read_drawings
from inkproof.datasets.preprocessed import draw
from inkproof.exporting.canvas_model import up_to_logits
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.exporting.verify import check_same_network, compare_canvases
from inkproof.models.loading import load_trained, predict
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.strokes import render, render_in_pixels
from inkproof.reporting.model_card import CARD, Share, model_card, shares
from inkproof.reporting.pretrained import CHECKED_SET, PretrainedRun, check_files, check_predictions, command, load_run
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, sha256_of

NOT_DIGITS = "data/drawn/not_digits"  # letters and scribbles for the test vectors; every clone has them


def pretrained(config: PretrainedConfig) -> dict[str, Path]:
    """Write the files, the model card and the vectors of the run in `config.run`; return their paths by name."""
    name = f"{config.data.name}-{config.name}"
    run = load_run(name, path_of(config.run), path_of(config.exports), path_of(config.report))
    check_files(run)
    sources = trained_on(run, path_of(config.digits))
    compare_files(run, config.sets[CHECKED_SET])
    card = model_card(run, sources, config.sets)
    vectors = app_vectors(run.canvas, config.sets[CHECKED_SET])
    out = {file: path_of(config.out) / file for file in (run.canvas.name, run.weights.name, CARD)}
    # Each gets its name only when all are complete.
    canvas, weights, text = out.values()
    out["vectors"] = path_of(config.vectors)
    with replacing(canvas) as new_canvas, replacing(weights) as new_weights, replacing(text) as new_card:
        shutil.copyfile(run.canvas, new_canvas)
        shutil.copyfile(run.weights, new_weights)
        new_card.write_text(card, encoding="utf-8")
        with replacing(out["vectors"]) as new_vectors:
            new_vectors.write_text(vectors, encoding="utf-8")
    return out


def trained_on(run: PretrainedRun, digits: Path) -> dict[str, list[Share]]:
    """Return the shares of the sources in training and validation digits; raises UserError if those have changed."""
    if data_sha(digits) != run.metadata.data_sha:
        raise UserError(f"{digits}: not what {run.name} was trained on; run `{command(run.name, 'train')}`")
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


_Canvas = NDArray[np.uint8]
# Results of different processors and runtimes differ by less than a hundredth of these.
TOLERANCE = {"probabilities": 0.001, "score": 0.01, "seen": 1}
_CLEAR = 0.5  # the least distance of a vector's score from the threshold: no platform is to decide otherwise


def _photo(strokes: Any) -> _Canvas:
    """Faint ink on shaded paper, in 32 gray levels, so that the file stays small."""
    down, right = np.mgrid[:CANVAS_SIDE, :CANVAS_SIDE]
    ink = (255 - render(strokes, brush=12)) / 255
    return ((225 - 0.3 * down - 0.15 * right) * (1 - 0.55 * ink)).astype(np.uint8) // 8 * 8


# Name of a vector, what is drawn (a digit, or part of an id in NOT_DIGITS) and how.
_VECTORS: list[tuple[str, int | str, Callable[[Any], _Canvas]]] = [
    ("0, black on white", 0, render),
    ("1, thin", 1, lambda strokes: render(strokes, brush=6)),
    ("2, small, near a corner", 2, lambda strokes: np.roll(render(strokes, (560, 560), 12), (-30, -40), (0, 1))),
    ("3, white on black", 3, lambda strokes: render(strokes, ink=255, ground=0)),
    ("4, thick", 4, lambda strokes: render(strokes, brush=32)),
    ("5, single pixels, enlarged", 5, lambda strokes: to_canvas(render_in_pixels(strokes))),
    ("7, on shaded paper", 7, _photo),
    ("8, gray on gray", 8, lambda strokes: render(strokes, ink=90, ground=140)),
    ("a letter", "not-digit-letter", render),
    ("two digits", "not-digit-two-digits", render),
    ("a scribble", "not-digit-zigzag", render),
    ("blank", "", lambda strokes: render([])),
]


def app_vectors(canvas: Path, rendering: Rendering) -> str:
    """Return canvases, and what the file `canvas` makes of them, as the JSON text of examples/vectors.json.

    Arrays of gray levels are runs, [level, count, level, count, ...], row by row from the top left corner, which every
    language unpacks without a library.
    """
    predictor = CanvasPredictor(canvas)
    starter = read_drawings(path_of(rendering.folder))
    others = read_drawings(path_of(NOT_DIGITS))
    vectors = []
    for name, wanted, drawn in _VECTORS:
        drawings = [one for one in starter if one.label == wanted] or [one for one in others if str(wanted) in one.id]
        vectors.append({"name": name, **_clear_vector(predictor, drawings, drawn)})
    head = {
        "about": "What canvas.tflite makes of some canvases. canvas (280 x 280) and seen (28 x 28) are runs: "
        "[level, count, level, count, ...], row by row from the top left corner. digit is null if seen is black.",
        "model": predictor.metadata.get("model"),
        "sha256": sha256_of(canvas),
        "threshold": predictor.threshold,
        "tolerance": TOLERANCE,
    }
    lines = ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in vectors)
    return f'{json.dumps(head, indent=1)[:-2]},\n "vectors": [\n{lines}\n]\n}}\n'


def _clear_vector(
    predictor: CanvasPredictor, drawings: Sequence[Drawing], drawn: Callable[[Any], _Canvas]
) -> dict[str, Any]:
    """The first drawing that is predicted as its label, far from the threshold, or the last: canvas and outputs."""
    for drawing in drawings:
        canvas = drawn(drawing.strokes)
        found = predictor.predict(canvas[np.newaxis])
        probabilities, seen, score = found.probabilities[0], found.seen[0], float(found.score[0])
        digit = int(probabilities.argmax()) if seen.any() else None
        accepted = digit is not None and bool(found.accepted[0])
        if abs(score - predictor.threshold) >= _CLEAR and (digit if accepted else None) == drawing.label:
            break
    return {
        "canvas": _runs(canvas),
        "probabilities": [round(float(one), 7) for one in probabilities],
        "score": round(score, 5),
        "seen": _runs(seen),
        "digit": digit,
        "accepted": accepted,
    }


def _runs(levels: NDArray[np.uint8]) -> list[int]:
    """Return [level, count, level, count, ...] of levels row by row."""
    flat = levels.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=np.int16(-1)))
    counts = np.diff(starts, append=flat.size)
    return np.column_stack([flat[starts], counts]).ravel().tolist()
