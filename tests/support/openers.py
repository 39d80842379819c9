"""One of several processes that open the tracking tracker at once: python openers.py FOLDER NUMBER ROUNDS.

In round R it opens `FOLDER/R/mlflow.db`, which nobody has made, as soon as `FOLDER/go-R` appears, creates an
experiment, a run in it and datasets that all of them use, and writes the result to `FOLDER/said-R-NUMBER`.
"""

import os
import sys
import time
import traceback
from pathlib import Path

import mlflow  # noqa: F401  (imported before the start, so that all start together)

from inkproof.tracking import mlflow_tracker as tracking

DATA_SETS = 40


def open_store(folder: Path, number: int) -> str:
    """Create experiment and run in the folder's tracker; return the run's id."""
    tracking.HOME = folder
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    tracker = tracking.Tracker()
    run = tracker.start("digits", f"run {number}", {"key": f"k{number}"})
    tracker.params(run, {"seed": number})
    tracker.metrics(run, {"accuracy": number / 10})
    for part in range(DATA_SETS):  # new to the tracker for whoever comes first
        tracker.dataset(run, "digits", f"sha {part}", "training", {"digits": 1797})
    tracker.finish(run)
    return run


if __name__ == "__main__":
    folder, number, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for current in range(rounds):
        (folder / f"ready-{current}-{number}").touch()
        while not (folder / f"go-{current}").exists():
            time.sleep(0.005)
        try:
            result = open_store(folder / str(current), number)
        except BaseException:
            result = traceback.format_exc()
        (folder / f"said-{current}-{number}").write_text(result)
