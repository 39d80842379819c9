"""Drawings of made-up writers, and a replay of a few digits: what `data=finetune` is made of, in small."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inkproof.config.schema import DataConfig
from inkproof.data.digits import Digits, write_digits
from inkproof.data.drawings import Drawing, write_drawings
from inkproof.synthetic import glyph_templates
from support import data_conf

REPLAYED = {"train": 60, "val": 40, "test": 20}


def sheet(writer: str, count: int = 10) -> list[Drawing]:
    """`count` drawings by one writer, the digits in turn."""
    return [
        replace(glyph_templates.drawing(number, seed=hash_of(writer)), id=f"{writer}-{number}", writer=writer)
        for number in range(count)
    ]


def hash_of(name: str) -> int:
    """A number that is the same in every process."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 10_000


def config(folder: Path, drawings: list[Drawing], val: int = 20, **changes: Any) -> DataConfig:
    """conf/data/finetune.yaml, with changes of its source, over drawings and a replay that this writes to `folder`."""
    write_drawings(folder / "mine", drawings)
    if not (folder / "replay" / "digits.npz").exists():
        write_digits(folder / "replay", {split: digits(count) for split, count in REPLAYED.items()})
    mixture = data_conf.published("mnist_plus_strokes")
    replay = data_conf.changed(mixture, {"method": "mnist_style", "workers": 1}, folder=str(folder / "replay"))
    small: Mapping[str, Any] = {"copies": 3, "drawn": 50, "replayed": 30}
    source = {"replay": replay, "drawings": str(folder / "mine"), **small, **changes}
    return data_conf.changed(data_conf.published("finetune"), source, val=val)


def digits(count: int) -> Digits:
    """Digits whose images no method makes: the classes in turn, each image of one gray level."""
    labels = np.arange(count, dtype=np.uint8) % 10
    return Digits(np.broadcast_to(200 + labels[:, None, None], (count, 28, 28)).astype(np.uint8), labels)
