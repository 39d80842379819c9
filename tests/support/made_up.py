"""Studies, grid runs and rows for tests that train nothing."""

from pathlib import Path
from typing import Any

import yaml

from inkproof.studies.definition import Study, read_study
from inkproof.studies.grid import GridRun
from inkproof.studies.results import Row

SMALL: dict[str, Any] = {
    "question": "Does it help?",
    "fixed": {"data": "optdigits", "training.epochs": 1},
    "grid": {"model": ["dense", "cnn"], "aug": ["off", "on"]},
    "seeds": [0, 1, 2],
    "stages": ["train", "evaluate"],
    "metrics": ["val_acc", "test_acc"],
}


SLOW: dict[str, Any] = {
    "question": "Does it end whole?",
    # Slow enough that a grid run can be killed between two epochs.
    "fixed": {
        "data": "optdigits",
        "model": "cnn",
        "training.epochs": 5,
        "training.batch_size": 16,
        "model.build.filters": [4, 8, 8],
        "model.build.dense": 16,
    },
    "grid": {"aug": ["off"]},
    "seeds": [0, 1, 2],
    "stages": ["train"],
    "metrics": ["val_acc"],
}


def written_study(folder: Path, **changes: Any) -> Path:
    """Write study.yaml to `folder`: SMALL with changes, a change to None leaving the key out; return the folder."""
    spec = {key: value for key, value in {**SMALL, **changes}.items() if value is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return folder


def study(folder: Path, **changes: Any) -> Study:
    """The study of `written_study`."""
    return read_study(written_study(folder, **changes))


def grid_run(labels: dict[str, str], seed: int, **changes: Any) -> GridRun:
    """A grid run with these labels, whose configuration is not composed."""
    name = "".join(f"{axis}{label}" for axis, label in labels.items())
    given: dict[str, Any] = {
        "study": "made-up",
        "labels": labels,
        "seed": seed,
        "stages": ("train",),
        "config": None,
        "later": {},
        "known": frozenset({"val_acc"}),
        "wanted": ("val_acc",),
        "kept": ("val_acc",),
        "key": f"{name}{seed}",
        "configuration": name,
        "data_sha": "d1",
    }
    return GridRun(**{**given, **changes})


def row(of: GridRun, seconds: float = 10.0, **metrics: float) -> Row:
    """The row of a finished grid run."""
    return Row(
        key=of.key,
        grid_run=of.name,
        seed=of.seed,
        stages=of.stages,
        seconds=seconds,
        finished="2026-01-02T03:04:05+00:00",
        run=f"run-{of.key}",
        commit="c0ffee",
        machine="a machine, 2 cores",
        configuration=of.configuration,
        data="optdigits",
        data_split="digit",
        data_sha=of.data_sha,
        metrics=metrics,
    )
