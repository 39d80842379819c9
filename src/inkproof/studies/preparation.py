"""What has to be there before the first cell: digits, drawings and their frames, and the study's own run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.config import path_of
from inkproof.provenance import describe_machine, git_commit
from inkproof.sources.absent import prepare_absent
from inkproof.sources.drawings import FILE_NAME
from inkproof.studies.cells import Cell, composing
from inkproof.studies.definition import Study
from inkproof.tracking import Store


def make_digits(cells: Sequence[Cell]) -> bool:
    """Make the digits files that cells train on and that are not here, as training would; return whether any was."""
    configs = {cell.config["data"]["name"]: cell.config for cell in cells}.values()
    made = [prepare_absent(config["data"], path_of(config["digits"])) for config in configs]
    return any(made)


def missing_frames(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Return a configuration for `src/frames.py` for each data set whose frames cells read and that are not here."""
    needed = {
        str(config[key])
        for cell in cells
        for config in cell.later.values()
        for key in ("stress", "frames", "acceptance")
        if isinstance(config.get(key), str)
    }
    missing = sorted({Path(path).parent.name for path in needed if not path_of(path).exists()})
    if not missing:
        return []
    with composing() as compose:
        return [compose("drawn", (f"data={name}",)) for name in missing]


def make_drawings(config: Mapping[str, Any]) -> None:
    """Fetch the pen digits where they are absent and `config`, one of `src/frames.py`, names drawings made of them."""
    folder = path_of(config["pens"]["folder"])
    read = {path_of(config["sets"][name]["folder"]) for name in config["data"]["drawn_sets"]}
    if folder in read:
        prepare_absent(config["pens"], folder / FILE_NAME)


def start_parent(study: Study) -> tuple[Store, str]:
    """Return the store and the id of the study's run, which those of its cells are children of."""
    store = Store()
    tags: Mapping[str, str] = {
        "key": f"study {study.name}",
        "question": study.question,
        "git_commit": git_commit(),
        "machine": describe_machine(),
    }
    return store, store.start_again(study.experiment, study.name, tags)
