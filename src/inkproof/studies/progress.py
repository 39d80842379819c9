"""How far a cell is, in a file of its own: the process that shows it need not be the one that computes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from inkproof.atomic import write_json

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True)
class Progress:
    """The state of a cell; `stage` is the one that runs, `started` and `ended` are seconds since 1970,
    `pid` is its process on `machine`.

    `forced` is when the study was told to run it again although it was done, so that a retry does not begin anew.
    """

    state: str = WAITING
    stage: str = ""
    started: float = 0.0
    ended: float = 0.0
    error: str = ""
    machine: str = ""
    pid: int = 0
    forced: str = ""

    def write(self, folder: Path) -> None:
        """Write it to a cell's folder."""
        write_json(folder / "progress.json", asdict(self))


def read_progress(folder: Path) -> Progress:
    """Return the state of the cell in `folder`; what cannot be read has not begun."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()
