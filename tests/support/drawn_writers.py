"""Drawings of made-up writers, and a replay of a few digits: what `data=finetune` is made of, in small."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from inkproof.data.digits import Digits, write_digits
from inkproof.data.drawings import Drawing, write_drawings
from inkproof.runtime.paths import ROOT
from inkproof.synthetic import glyph_templates

FINETUNE = yaml.safe_load((ROOT / "conf/data/finetune.yaml").read_text(encoding="utf-8"))
INK = yaml.safe_load((ROOT / "conf/data/mnist_plus_strokes.yaml").read_text(encoding="utf-8"))
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


def config(folder: Path, drawings: list[Drawing], **changes: Any) -> dict[str, Any]:
    """conf/data/finetune.yaml over drawings and a replay that are written to `folder`, where they are not there yet."""
    write_drawings(folder / "mine", drawings)
    if not (folder / "replay" / "digits.npz").exists():
        write_digits(folder / "replay", {split: digits(count) for split, count in REPLAYED.items()})
    replay = {**INK, "folder": str(folder / "replay"), "method": "mnist_style", "workers": 1}
    small: Mapping[str, Any] = {"val": 20, "copies": 3, "drawn": 50, "replayed": 30}
    return {**FINETUNE, "replay": replay, "drawings": str(folder / "mine"), **small, **changes}


def digits(count: int) -> Digits:
    """Digits whose images no method makes: the classes in turn, each image of one gray level."""
    labels = np.arange(count, dtype=np.uint8) % 10
    return Digits(np.broadcast_to(200 + labels[:, None, None], (count, 28, 28)).astype(np.uint8), labels)
