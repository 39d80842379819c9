"""The speed record: a short training in a process of its own, and the table of its times."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from inkproof.runtime.paths import ROOT

FOLDER = ROOT / "experiments" / "16-speedrun"


@pytest.fixture(scope="module")
def race() -> ModuleType:
    spec = importlib.util.spec_from_file_location("race", FOLDER / "race.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("target", "words"), [("99.0", []), ("99.5", ["--validate"])])
def test_it_learns(target: str, words: list[str], tmp_path: Path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 1500), ("val", 300), ("test", 200)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):  # a bar whose length is the digit
            image[12:16, 4 : 6 + 2 * label] = 255
        arrays |= {f"{part}_images": images, f"{part}_labels": labels}
    np.savez(tmp_path / "digits.npz", **arrays)
    command = [
        sys.executable,
        FOLDER / "speedrun.py",
        target,
        "--digits",
        tmp_path / "digits.npz",
        "--epochs",
        "8",
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["accuracy"] > 0.5 and found["training"] > 0


def test_the_table_has_a_line_for_each_target(race: ModuleType):
    rows = [("speedrun.py", target, seed, 5.0 + seed, 0.991) for target in race.TARGETS for seed in (0, 1)]
    rows += [
        (race.RECIPE, epoch, 0, 40.0 * epoch, accuracy) for epoch, accuracy in ((1, 0.985), (2, 0.9912), (3, 0.9935))
    ]
    table = pd.DataFrame(rows, columns=["script", "target", "seed", "seconds", "accuracy"])
    first, second, third = [line for line in race.in_markdown(table).splitlines() if line.startswith("| 99")]
    assert first == "| 99.0 | 5.50 ± 0.71 | 99.100 ± 0.000 | 2 | 80 (1 of 1 seeds) | 14.5 |"
    assert second.endswith("| 120 (1 of 1 seeds) | 21.8 |")
    assert third.endswith("| not reached (1 seeds) |  |")
