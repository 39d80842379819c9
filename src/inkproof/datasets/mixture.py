"""The digits of `data=mnist_plus_strokes` and `data=mnist_normalized`, all brought to 28 x 28 by one method.

They are digits of MNIST, pen digits, UNIPEN's digits, drawings by glyph templates, and drawings that are no digit. This
module is in datasets because it draws: inkproof.data knows nothing of canvases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from pydantic import Field, StrictBool

from inkproof.config.schema import Config, DataConfig, Natural, Number, Positive
from inkproof.config.stages import Share
from inkproof.config.validation import validated
from inkproof.data import pens, unipen
from inkproof.data.digits import (
    NOT_A_DIGIT,
    SPLITS,
    Digits,
    digits_file,
    load_test_split,
    load_test_writers,
    write_digits,
)
from inkproof.data.download import prepare_absent
from inkproof.data.drawings import CANVAS_SIDE, FILE_NAME, Drawing, must, read_drawings
from inkproof.data.splits import train_and_val
from inkproof.preprocessing.canvas import block_canvases, load_canvases
from inkproof.preprocessing.methods import METHODS, apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import tally
from inkproof.synthetic import glyph_templates
from inkproof.synthetic.deform import paths_of
from inkproof.synthetic.inking import SIDE
from inkproof.synthetic.ood_samples import LIKE_DIGITS, row
from inkproof.synthetic.paper import page
from inkproof.synthetic.redrawn import ADDED, redrawn, with_added_stroke
from inkproof.synthetic.rerendered import Strokes, Variation, deformed, rerendered_canvas, rerendered_drawing

Canvas = NDArray[np.uint8]
Images = NDArray[np.uint8]

_BATCH = 128  # canvases at a time, 78 kB each, and several times that within a method
# The first number of the seed of each kind of drawing, so that no two kinds share random numbers.
_PENS, _GLYPHS, _ADDED, _REDRAWN, _UNIPEN, _NOT_DIGITS = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True)
class Part:
    """Images of one kind, with their labels.

    Attributes:
        labels: uint8 (N,).
        names: what each was made from.
        draw: makes a canvas uint8 (280, 280), which is then preprocessed; None if the images are there already.
        chosen: the arguments of `draw` for each, or the image uint8 (28, 28) alone.
    """

    labels: NDArray[np.uint8]
    names: Sequence[str]
    draw: Callable[..., Canvas] | None
    chosen: Sequence[tuple[Any, ...]]

    def batches(self, bring: Callable[[Canvas], Images]) -> list[Callable[[], Images]]:
        """Return functions that each draw some canvases (n, 280, 280) and preprocess them by `bring`."""
        firsts = range(0, len(self.chosen), _BATCH)
        return [partial(_brought, bring, self.draw, self.chosen[first : first + _BATCH]) for first in firsts]


_Method = Annotated[str, must(METHODS.__contains__, "unknown method; choose one of " + ", ".join(METHODS))]


class MixtureSource(Config):
    """`source` of conf/data/mnist_plus_strokes.yaml and mnist_normalized.yaml, which explain the values."""

    mnist: DataConfig
    normalize_mnist: StrictBool
    pens: DataConfig
    unipen: DataConfig
    validation_drawings: StrictBool
    brush: Annotated[Number, Field(gt=0)]
    method: _Method
    added: Natural
    redrawn: Natural
    copies: Natural
    unipen_copies: Natural
    glyphs: Natural
    not_digits: Natural
    paper: Share
    seed: Natural
    workers: Positive
    vary: Variation


def prepare(data: DataConfig, out: Path, mirror: str | None) -> None:
    """Write `out/digits.npz`: MNIST's splits, with drawings added to those for training and validation.

    `data` is `conf/data/mnist_plus_strokes.yaml` or `mnist_normalized.yaml`. The datasets `mnist`, `pens` and
    `unipen` of its source are made first if they are absent.

    - Training has MNIST's digits, as they are or, with `normalize_mnist`, preprocessed like the drawings. `added`
      times it has each of its 1s, 7s and 9s with the stroke that they lack (see `synthetic.redrawn`), and `redrawn`
      times each of both with another stroke width. It has `copies` re-rendered drawings of each pen digit by the
      training writers, `unipen_copies` of each digit of UNIPEN, and `glyphs` drawings by glyph templates. `not_digits`
      are labeled `NOT_A_DIGIT`: letters and symbols of UNIPEN's training writers, and digits side by side. The share
      `paper` of all drawings lies on generated pages.
    - Validation has MNIST's digits. With `validation_drawings` it also has the validation writers' drawings as they
      are, UNIPEN's too if they are trained on.
    - Test has MNIST's digits.

    Without `copies` and `validation_drawings` the pen digits are not even fetched. All but MNIST's digits are brought
    to 28 x 28 by `method`. The extra arrays `train_source` and `val_source` name the digit or drawing that each row
    was made from.

    Raises:
        UserError: a source dataset cannot be made, or a value of `data` does not fit.
    """
    source = validated(MixtureSource, data.source.arguments, "data.source")
    digits = digits_file(ROOT / source.mnist.folder)
    splits = parts(source, mirror)
    counts = [len(part.labels) for part in splits["val"]]
    if sum(counts) != data.val:
        raise UserError(
            f"data.val={data.val}: {counts[0]:,} digits of {source.mnist.name} and {sum(counts[1:]):,} of the "
            f"validation writers are {sum(counts):,}; write that"
        )
    all_made = made(splits, partial(apply_method, source.method), data.name, source.workers)
    names = {split: [name for part in splits[split] for name in part.names] for split in ("train", "val")}
    extra = {f"{split}_source": np.array(own, np.bytes_) for split, own in names.items()}
    writers = load_test_writers(digits)
    write_digits(out, all_made, extra=extra if writers is None else extra | {"test_writers": writers})


def parts(source: MixtureSource, mirror: str | None) -> dict[str, list[Part]]:
    """Return what each split is made of, in order; the source datasets are made if they are absent."""
    digits, drawings, samples = _fetched(source, mirror)
    train, val = train_and_val(digits, source.mnist.split)
    free = pens.of_role(drawings, source.pens, "training") * source.copies if source.copies else []
    validating = pens.of_role(drawings, source.pens, "validation") if source.validation_drawings else []
    characters = ROOT / source.unipen.folder
    writing = read_drawings(characters / "validation") if source.validation_drawings and source.unipen_copies else []
    return {
        "train": [
            _published(train, "mnist-train", source),
            _with_added(train, source.added, source.seed),
            _with_other_pens(train, source.redrawn, source.added, source.seed),
            _rerendered(free, source),
            _rerendered_samples(samples, source),
            _by_glyph_templates(source),
            _not_digits(samples, free, source),
        ],
        "val": [
            _published(val, "mnist-val", source),
            _as_drawn(validating, source.brush),
            _as_drawn([replace(one, id=f"unipen-{one.writer}-{one.id}") for one in writing], source.brush),
        ],
        "test": [_published(load_test_split(digits), "mnist-test", source)],
    }


def _fetched(source: MixtureSource, mirror: str | None) -> tuple[Path, list[Drawing], list[unipen.Sample]]:
    """MNIST's digits file and, if the mixture has any, all pen drawings and characters; made if they are absent."""
    digits, folder, characters = digits_file(ROOT / source.mnist.folder), ROOT / source.pens.folder, []
    prepare_absent(source.mnist, digits, mirror)
    if source.unipen_copies or source.not_digits:
        prepare_absent(source.unipen, ROOT / source.unipen.folder / unipen.FILE_NAME, mirror)
        characters = unipen.read(ROOT / source.unipen.folder)
    if not source.copies and not source.validation_drawings:
        return digits, [], characters
    prepare_absent(source.pens, folder / FILE_NAME, mirror)
    return digits, read_drawings(folder), characters


def _published(digits: Digits, name: str, source: MixtureSource) -> Part:
    """Digits that are 28 x 28 already, or each on a canvas as blocks of 10 x 10, which the methods bring back."""
    names = [f"{name}-{index:05d}" for index in range(len(digits.labels))]
    draw = block_canvases if source.normalize_mnist else None
    return part_of(digits.labels, names, draw, [(image,) for image in digits.images])


def _with_added(digits: Digits, times: int, seed: int) -> Part:
    """Each digit that lacks a stroke, `times` times with it."""

    def draw(index: int, copy: int) -> Canvas:
        rng = np.random.default_rng([seed, _ADDED, copy, index])
        return with_added_stroke(digits.images[index], int(digits.labels[index]), rng)

    chosen = [(index, copy) for copy in range(times) for index in _lacking(digits)]
    names = [f"mnist-train-{index:05d}-added{copy}" for index, copy in chosen]
    return part_of([digits.labels[index] for index, _ in chosen], names, draw, chosen)


def _with_other_pens(digits: Digits, times: int, added: int, seed: int) -> Part:
    """Each digit `times` times, and those that lack a stroke as many times more with it as they were added with it."""

    def draw(index: int, copy: int, stroke: bool) -> Canvas:
        rng = np.random.default_rng([seed, _REDRAWN, copy, index, stroke])
        digit = digits.images[index]
        return redrawn(with_added_stroke(digit, int(digits.labels[index]), rng) if stroke else digit, rng)

    plain = [(index, copy, False) for copy in range(times) for index in range(len(digits.labels))]
    chosen = plain + [(index, copy, True) for copy in range(times * added) for index in _lacking(digits)]
    names = [f"mnist-train-{index:05d}-{'added-' if stroke else ''}pen{copy}" for index, copy, stroke in chosen]
    return part_of([digits.labels[index] for index, _, _ in chosen], names, draw, chosen)


def _lacking(digits: Digits) -> list[int]:
    return np.flatnonzero(np.isin(digits.labels, ADDED)).tolist()


def _rerendered(drawings: list[Drawing], source: MixtureSource) -> Part:
    def draw(number: int, drawing: Drawing) -> Canvas:
        rng = np.random.default_rng([source.seed, _PENS, number])
        return _on_paper(rerendered_drawing(drawing, source.vary, rng), source.paper, rng)

    return part_of(*labels_and_ids(drawings), draw, list(enumerate(drawings)))


def _rerendered_samples(samples: list[unipen.Sample], source: MixtureSource) -> Part:
    def draw(number: int, sample: unipen.Sample) -> Canvas:
        rng = np.random.default_rng([source.seed, _UNIPEN, number])
        canvas = rerendered_canvas(deformed(sample.strokes, source.vary, rng), int(sample.label), source.vary, rng)
        return _on_paper(canvas, source.paper, rng)

    free = unipen.chosen(samples, "training", "digit") * source.unipen_copies
    labels, names = [int(sample.label) for sample in free], [_name(sample) for sample in free]
    return part_of(labels, names, draw, list(enumerate(free)))


def _name(sample: unipen.Sample) -> str:
    return f"unipen-{sample.writer}-{sample.id}"


# Of the drawings that are no digit, one in so many has several digits.
_SEVERAL = 5


def _not_digits(samples: list[unipen.Sample], drawings: list[Drawing], source: MixtureSource) -> Part:
    """Letters and symbols that nobody takes for a digit, and two or three digits side by side."""
    others: dict[str, list[unipen.Sample]] = {}  # by label, each as frequent as the others
    for sample in (*unipen.chosen(samples, "training", "letter"), *unipen.chosen(samples, "training", "symbol")):
        if sample.label not in LIKE_DIGITS:
            others.setdefault(sample.label, []).append(sample)

    def draw(number: int, sample: unipen.Sample | None, digits: list[Drawing]) -> Canvas:
        rng = np.random.default_rng([source.seed, _NOT_DIGITS, number])
        several = [paths_of(one.strokes or []) for one in digits]
        strokes: Strokes = sample.strokes if sample is not None else row(several, int(rng.integers(2, 4)))(rng)
        canvas = rerendered_canvas(deformed(strokes, source.vary, rng), 0, source.vary, rng)
        return _on_paper(canvas, source.paper, rng)

    rng = np.random.default_rng([source.seed, _NOT_DIGITS])
    chosen: list[tuple[int, unipen.Sample | None, list[Drawing]]] = []
    for number in range(source.not_digits if others else 0):
        if number % _SEVERAL == 0 and drawings:
            chosen.append((number, None, [drawings[index] for index in rng.integers(len(drawings), size=3)]))
        else:
            same = others[sorted(others)[rng.integers(len(others))]]
            chosen.append((number, same[rng.integers(len(same))], []))
    names = [digits[0].id if sample is None else _name(sample) for _, sample, digits in chosen]
    return part_of([NOT_A_DIGIT] * len(chosen), names, draw, chosen)


def _on_paper(canvas: Canvas, share: float, rng: np.random.Generator) -> Canvas:
    """Lay a drawing, black on white, on a generated page with the probability `share`."""
    if rng.random() >= share:
        return canvas
    ink = 1 - np.asarray(Image.fromarray(canvas).reduce(CANVAS_SIDE // SIDE), np.float32) / 255
    return np.asarray(Image.fromarray(page(ink, rng).image).resize(canvas.shape, Image.Resampling.BILINEAR))


def _as_drawn(drawings: list[Drawing], brush: float) -> Part:
    def draw(drawing: Drawing) -> Canvas:
        return load_canvases(Path(), [drawing], brush)[0]

    return part_of(*labels_and_ids(drawings), draw, [(one,) for one in drawings])


def _by_glyph_templates(source: MixtureSource) -> Part:
    def draw(number: int) -> Canvas:
        strokes = glyph_templates.drawing(number, source.seed).strokes or []
        rng = np.random.default_rng([source.seed, _GLYPHS, number])
        canvas = rerendered_canvas(strokes, glyph_templates.label(number), source.vary, rng)
        return _on_paper(canvas, source.paper, rng)

    numbers = range(source.glyphs)
    names = [glyph_templates.name(number, source.seed) for number in numbers]
    labels = list(map(glyph_templates.label, numbers))
    return part_of(labels, names, draw, [(number,) for number in numbers])


def labels_and_ids(drawings: Sequence[Drawing]) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the first two arguments of `part_of` for labeled `drawings`."""
    return np.array([drawing.label for drawing in drawings], np.uint8), [drawing.id for drawing in drawings]


def part_of(
    labels: ArrayLike, names: Sequence[str], draw: Callable[..., Canvas] | None, chosen: Sequence[tuple[Any, ...]]
) -> Part:
    """Return the part whose canvases `draw` makes, each of the arguments in one of `chosen`; see `Part`."""
    return Part(np.asarray(labels, np.uint8), names, draw, chosen)


def _brought(
    bring: Callable[[Canvas], Images], draw: Callable[..., Canvas] | None, chosen: Sequence[tuple[Any, ...]]
) -> Images:
    """A batch, in a worker process if there are any."""
    if draw is None:
        return np.stack([image for (image,) in chosen])
    return bring(np.stack([draw(*one) for one in chosen]))


def made(
    splits: Mapping[str, Sequence[Part]], bring: Callable[[Canvas], Images], name: str, workers: int
) -> dict[str, Digits]:
    """Draw all canvases, preprocess them by `bring`, and put them together, split by split."""
    labels = {split: np.concatenate([part.labels for part in splits[split]]) for split in SPLITS}
    images: dict[str, list[Images]] = {split: [] for split in SPLITS}
    batches = [(split, batch) for split in SPLITS for part in splits[split] for batch in part.batches(bring)]
    with tally(f"{name}: digits", sum(map(len, labels.values()))) as advance:
        for (split, _), own in zip(batches, in_order([batch for _, batch in batches], workers), strict=True):
            images[split].append(own)
            advance(len(own))
    whole = {split: np.concatenate(images[split]) for split in SPLITS}
    # A training image without any ink left, as from some pages with faint ink, is labeled as no digit.
    labels["train"][~whole["train"].any(axis=(1, 2))] = NOT_A_DIGIT
    return {split: Digits(whole[split], labels[split]) for split in SPLITS}
