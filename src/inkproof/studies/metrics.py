"""Which figures a cell can have: the names that its stages log to MLflow."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inkproof.exporting.files import FORMS

ENDINGS = ("accuracy", "low", "high")
WAYS = ("plain", "views")
"""How a held-out picture is read: as it is, or with test-time augmentation."""

SECONDS = "training_seconds"
"""What the network took to train, by which a choice keeps to its budget."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return what to say of a metric that there is not: those of a like name, or some of those there are."""
    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"there is {', '.join(sorted(known)[:8])}, ..."


def known_metrics(
    stages: Sequence[str], data: Mapping[str, Any], drawn_sets: Sequence[str], rungs: Sequence[str]
) -> set[str]:
    """Return the names of all metrics of a cell with these `stages`.

    `data` is the resolved configuration of its data set, `drawn_sets` are those that its models are tried on.
    """
    names = {"accuracy", "loss", "best_epoch", "epochs", "parameters"}
    if data["val"] != 0:
        names |= {"val_accuracy", "val_loss"}
    if "held_out" in stages:
        names |= {f"held_out_{way}_{name}" for way in WAYS for name in ("accuracy", "errors", "nll")}
        names |= {SECONDS}
    if "evaluate" in stages:
        names |= {f"test_{name}" for name in ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece", "errors")}
        names |= {"stress_clean", "stress_mca"}
    if "export" in stages:
        for form in FORMS:
            ending = "" if form == "float32" else f"_{form}"
            names |= {f"tflite{ending}_{name}" for name in ("kb", "us", "accuracy", "agreement")}
            names |= {f"canvas{ending}_{name}" for name in ("kb", "us", "agreement")}
        # Where coremltools is installed, Core ML as well.
        names |= {"saved_model_kb", "rejection_auroc", *(f"coreml_{name}" for name in ("kb", "accuracy", "agreement"))}
    if "drawn" in stages:
        names |= {f"drawn_{name}_{rung}_{ending}" for name in drawn_sets for rung in rungs for ending in ENDINGS}
    if "formats" in stages:
        for form in FORMS:
            names |= {f"{form}_kb", f"{form}_accuracy", *(f"{form}_{name}_accuracy" for name in drawn_sets)}
    return names
