"""The fine-tuning set: writers are split, drawings rendered, and digits added that the network has already learned.

Writers are kept apart, since one writer's digits are alike.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictBool

from inkproof.config.schema import Config, DataConfig, Number, Positive, Text
from inkproof.config.validation import validated
from inkproof.data.digits import Digits, data_sha, digits_file, write_digits
from inkproof.data.download import prepare_absent, validation_digits
from inkproof.data.drawings import Drawing, read_drawings
from inkproof.data.splits import cut, train_and_val
from inkproof.datasets.mixture import MixtureSource, labels_and_ids, part_of
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import ROOT
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import say, tally
from inkproof.synthetic.rerendered import rerendered_drawing
from inkproof.tracking.identity import code_sha


def split_writers(writers: Iterable[str], held_out: float, validation: float, seed: int) -> dict[str, list[str]]:
    """Return the writers by split, `train`, `val` and `test`, each sorted; the same writers are always split alike.

    They are ordered by a hash of seed and name. The first of them, the share `held_out` and at least one, are `test`;
    the next, the share `validation`, are `val`; all others, at least one, are `train`. Of few writers none is `val`.
    There are two writers or more.
    """
    names = sorted(set(writers), key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    test = min(max(1, round(held_out * len(names))), len(names) - 1)
    val = min(round(validation * len(names)), len(names) - test - 1)
    ends = {"test": (0, test), "val": (test, test + val), "train": (test + val, len(names))}
    return {split: sorted(names[slice(*ends[split])]) for split in ("train", "val", "test")}


SPLIT_FILE = "split.json"
# The code that decides what is drawn: if it changes, the digits are made again.
_CODE = ("data", "datasets", "preprocessing", "synthetic")

# A drawing as it was drawn; the copies from 1 on are re-rendered.
_AS_DRAWN = 0


@dataclass(frozen=True)
class DrawnSplit:
    """Which drawings a digits file was made of.

    Attributes:
        made_of: a hash of everything that the digits follow from.
        sha256: of the digits that this belongs to (`data_sha`).
        writers: how many drawings each writer gave to `train`, `val` and `test`.
        held_out: ids of the drawings of the test split, in its order.
        held_out_writers: who drew each of them.
    """

    made_of: str
    sha256: str
    writers: dict[str, dict[str, int]]
    held_out: list[str]
    held_out_writers: list[str]


class FinetuneSource(Config):
    """`source` of conf/data/finetune.yaml, which explains the values."""

    replay: DataConfig
    drawings: Text
    grows: StrictBool
    held_out: Annotated[Number, Field(ge=0, lt=1)]
    validation: Annotated[Number, Field(ge=0, lt=1)]
    copies: Positive
    drawn: Positive
    replayed: Positive | None


def prepare(data: DataConfig, out: Path, mirror: str | None) -> None:
    """Write `out/digits.npz` and, beside it, `split.json`, which lists who drew what; nothing if both are current.

    `data` is `conf/data/finetune.yaml`.

    - Training has `replayed` training digits of the dataset `replay`, which is made first if it is missing. It also
      has the drawings of the training writers, each at least once and up to `copies` times, `drawn` in all if these
      are more. Strokes are re-rendered for each, images stay as they are.
    - One half of the `val` validation digits are drawings of the validation writers, in turn, the first time as they
      were drawn. The others are validation digits of the replay. With too few writers for that, all are.
    - Test has the held-out writers' drawings as they were drawn.

    All are brought to 28 x 28 by the replay's method.

    Raises:
        UserError: there are no labeled drawings by two writers, or a value of `data` does not fit.
    """
    source = validated(FinetuneSource, data.source.arguments, "data.source")
    mixture = validated(MixtureSource, source.replay.source.arguments, "data.source.replay.source")
    val = validation_digits(data)
    if val < 2:
        raise UserError(f"data.val={val}: expected at least 2, one of the replay and one drawing")
    folder, replay = ROOT / source.drawings, ROOT / source.replay.folder
    drawings = labeled_drawings(folder)
    writers = _writers(drawings, folder, source, mixture.seed)
    prepare_absent(source.replay, digits_file(replay), mirror)
    made_of = _made_of(data, folder, drawings, replay)
    if _current(out, made_of):
        return
    by = {split: [drawing for drawing in drawings if drawing.writer in names] for split, names in writers.items()}
    validating = _in_turn(by["val"], val // 2) if by["val"] else []
    train, rest = train_and_val(replay, source.replay.split)
    replayed = _sample(train, source.replayed, mixture.seed, "data.source.replayed")
    replayed_val = _sample(rest, val - len(validating), mixture.seed, "data.val")
    count = len(by["train"])
    rerendered = _in_turn(by["train"], max(count, min(count * source.copies, source.drawn)), first=1)
    say(
        f"finetune: renders {count:,} drawings {len(rerendered):,} times, beside "
        f"{len(replayed.labels):,} digits of the replay"
    )
    nothing = Digits(train.images[:0], train.labels[:0])
    splits = {
        "train": _made(rerendered, folder, mixture, f"{data.name}: drawings, train", replayed),
        "val": _made(validating, folder, mixture, f"{data.name}: drawings, val", replayed_val),
        "test": _made(_in_turn(by["test"], len(by["test"])), folder, mixture, f"{data.name}: drawings, test", nothing),
    }
    write_digits(out, splits)
    counts = {split: dict(Counter(drawing.writer for drawing in own)) for split, own in by.items()}
    held = by["test"]
    split = DrawnSplit(made_of, data_sha(out), counts, [one.id for one in held], [one.writer for one in held])
    write_json(out / SPLIT_FILE, asdict(split))


def read_split(folder: Path) -> DrawnSplit:
    """Return what `prepare` wrote beside the digits in `folder`; raises UserError if it cannot be read."""
    path = folder / SPLIT_FILE
    try:
        return DrawnSplit(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `python src/download.py data=finetune`") from error


def labeled_drawings(folder: Path) -> list[Drawing]:
    """Return the drawings of the set in `folder` that are digits and have ink; raises UserError if there are none."""
    drawings = read_drawings(folder)
    if not drawings:
        raise UserError(
            f"{folder}: no drawings; draw some with `make app` and run `python src/drawings.py collect`, "
            "or run `python src/drawings.py import FOLDER --writer NAME`"
        )
    labeled = [one for one in drawings if one.label is not None and (one.image or any(one.strokes or []))]
    if not labeled:
        raise UserError(
            f"{folder}: no drawing has a digit as its label; add labels in the gallery of `make app` and collect "
            "again, or in labels.csv and import again"
        )
    return labeled


def _writers(drawings: Sequence[Drawing], folder: Path, source: FinetuneSource, seed: int) -> dict[str, list[str]]:
    names = {drawing.writer for drawing in drawings}
    if len(names) == 1:
        raise UserError(
            f"{folder}: all labeled drawings are by one writer ({names.pop()}), but two are needed; "
            "add one on the page of `make app` or with `import --writer NAME`"
        )
    return split_writers(names, source.held_out, source.validation, seed)


def _made_of(data: DataConfig, folder: Path, drawings: Sequence[Drawing], replay: Path) -> str:
    """A hash of everything that the digits follow from."""
    images = [hashlib.sha256((folder / one.image).read_bytes()).hexdigest() for one in drawings if one.image]
    conf = data.model_dump(mode="json", by_alias=True)
    parts = [conf, [asdict(drawing) for drawing in drawings], images, data_sha(replay), code_sha(_CODE)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _current(out: Path, made_of: str) -> bool:
    try:
        split = read_split(out)
        return split.made_of == made_of and split.sha256 == data_sha(out)
    except UserError:  # absent, or half a file: made again
        return False


def _in_turn(drawings: Sequence[Drawing], count: int, first: int = _AS_DRAWN) -> list[tuple[Drawing, int]]:
    """`count` times a drawing and the number of its copy, which begins with `first`."""
    return [(drawings[at % len(drawings)], first + at // len(drawings)) for at in range(count)]


def _sample(digits: Digits, count: int | None, seed: int, key: str) -> Digits:
    """`count` of the digits, each class in its share; all if that is None."""
    if count is None or count == len(digits.labels):
        return digits
    if count > len(digits.labels):
        raise UserError(f"{key}={count}: the replay has {len(digits.labels):,}; choose that or fewer")
    _, chosen = cut(digits.labels, count, seed)
    return Digits(digits.images[chosen], digits.labels[chosen])


def _made(
    chosen: Sequence[tuple[Drawing, int]], folder: Path, mixture: MixtureSource, title: str, replayed: Digits
) -> Digits:
    """The replayed digits, then the images of the chosen drawings; progress is shown under `title`."""

    def draw(number: int, drawing: Drawing, copy: int) -> NDArray[np.uint8]:
        if copy == _AS_DRAWN or drawing.strokes is None:
            return load_canvases(folder, [drawing], mixture.brush)[0]
        return rerendered_drawing(drawing, mixture.vary, np.random.default_rng([mixture.seed, number]))

    # Each split numbers its own renderings: a drawing is in one alone.
    numbered = [(number, *one) for number, one in enumerate(chosen)]
    drawn = part_of(*labels_and_ids([drawing for drawing, _ in chosen]), draw, numbered)
    batches = drawn.batches(partial(apply_method, mixture.method))
    images = [replayed.images]
    # A second process takes longer to begin than it saves on little.
    workers = mixture.workers if len(batches) > 8 else 1
    with tally(title, len(chosen)) as advance:
        for batch_images in in_order(batches, workers):
            images.append(batch_images)
            advance(len(batch_images))
    return Digits(np.concatenate(images), np.concatenate([replayed.labels, drawn.labels]))
