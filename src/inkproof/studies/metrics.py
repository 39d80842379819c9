"""The metrics of grid runs: their names, how tables show them, and the check of those that a study names."""

import difflib
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from inkproof.config.schema import DataConfig
from inkproof.evaluation.out_of_fold import SECONDS, WAYS
from inkproof.exporting.files import QUANTIZATIONS
from inkproof.preprocessing.methods import METHODS
from inkproof.runtime.errors import UserError
from inkproof.studies.definition import Study

ENDINGS = ("accuracy", "low", "high")  # of a set of drawn digits: accuracy and the ends of its confidence interval
UNITS = {"_kb": " (KB)", "_us": " (µs)"}
SHARES = ("accuracy", "_acc", "_low", "_high", "corr_clean", "agreement", "auroc")  # of metrics shown in percent
# The stage that measures a metric, by the first word of its name.
STAGES = {"test": "evaluate", "corr": "evaluate", "drawn": "drawn"} | dict.fromkeys(
    ("tflite", "canvas", "coreml"), "export"
)


def known_metrics(stages: Sequence[str], data: DataConfig, drawn_sets: Sequence[str]) -> set[str]:
    """Return the names of all metrics that a grid run with these `stages` can have.

    `data` is the configuration of its dataset, `drawn_sets` are the sets of drawings its models are evaluated on.
    """
    names = {"accuracy", "loss", "best_epoch", "epochs", "parameters"}
    if data.val != 0:
        names |= {"val_acc", "val_loss"}
    if "out_of_fold" in stages:
        names |= {f"out_of_fold_{way}_{name}" for way in WAYS for name in ("accuracy", "errors", "nll")}
        names |= {SECONDS}
    if "evaluate" in stages:
        names |= {f"test_{name}" for name in ("acc", "acc_low", "acc_high", "nll", "ece", "errors")}
        names |= {"corr_clean", "corr_acc"}
    if "export" in stages:
        for quantization in QUANTIZATIONS:
            ending = "" if quantization == "float32" else f"_{quantization}"
            names |= {f"tflite{ending}_{name}" for name in ("kb", "us", "accuracy", "agreement")}
            names |= {f"canvas{ending}_{name}" for name in ("kb", "us", "agreement")}
        # The metrics of Core ML are measured only where coremltools is installed.
        names |= {"saved_model_kb", "rejection_auroc", *(f"coreml_{name}" for name in ("kb", "accuracy", "agreement"))}
    if "drawn" in stages:
        names |= {"drawn_acc"} if {"pens", "starter"} & {*drawn_sets} else set()
        names |= {f"drawn_{name}_{method}_{ending}" for name in drawn_sets for method in METHODS for ending in ENDINGS}
    if "formats" in stages:
        for quantization in QUANTIZATIONS:
            names |= {f"{quantization}_{name}" for name in ("kb", "accuracy", "us")}
            names |= {f"{quantization}_{name}_accuracy" for name in drawn_sets}
        names |= {"float32_weights"}
    return names


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown metric: the known ones with a similar name, or some of the known ones."""
    close = difflib.get_close_matches(name, sorted(known), n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(known)[:8])}, ..."


def check_metrics(study: Study, known: set[str]) -> None:
    """Raise UserError, with similar names, where the study names a metric that is not `known`, or does not keep it.

    `known` are all metrics that its grid runs can have.
    """
    figure = study.figure
    named = {
        "metrics": study.metrics,
        "compare.metrics": study.compare.metrics if study.compare else (),
        "figure.y": figure.y,
        "figure.pairs": tuple(name for pair in figure.pairs for name in pair),
        "figure.x": () if figure.x is None or figure.x in study.axes else (figure.x,),
    }
    for where, names in named.items():
        for name in names:
            if name not in known:
                stage = STAGES.get(name.split("_")[0], "")
                missing = stage and stage not in study.stages
                hint = f"add the stage {stage}" if missing else closest(name, known)
                raise UserError(f"{where}: no grid run measures {name}; {hint}")
            if not study.keeps(name):
                raise UserError(f"{where}: {name} is not kept; add it to metrics or keep")
    for pattern in study.keep:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UserError(f"keep: no grid run measures {pattern}; {closest(pattern, known)}")


def is_share(metric: str) -> bool:
    """Return whether a metric is a fraction of one, shown in percent."""
    return metric.endswith(SHARES)


def formatted(metric: str, mean: float | None, sd: float | None) -> str:
    """Return "99.52 ± 0.03" for a metric, shares in percent, and "" where there is no mean."""
    if mean is None:
        return ""
    if is_share(metric):
        return f"{mean * 100:.2f}" + (f" ± {sd * 100:.2f}" if sd is not None else "")
    if metric.endswith("_kb"):
        return f"{mean:,.1f}"
    if metric in ("parameters", "epochs", "best_epoch") or metric.endswith(("_errors", "_weights")):
        return f"{mean:,.0f}" if mean == round(mean) else f"{mean:,.1f}"
    if abs(mean) >= 100:
        return f"{mean:,.0f}" + (f" ± {sd:,.0f}" if sd is not None else "")
    return f"{mean:.4g}" + (f" ± {sd:.2g}" if sd is not None else "")


def heading(metric: str) -> str:
    """Return a metric as the heading of a column: drawn_pens_thin_classic_accuracy becomes "pens_thin, classic (%)"."""
    # Sets and methods may have underscores themselves.
    drawn = re.fullmatch(rf"drawn_(.+)_({'|'.join(METHODS)})_[a-z]+", metric)
    ending = next((end for end in ("_accuracy", "_acc", *UNITS) if metric.endswith(end)), "")
    words = metric.removesuffix(ending).replace("_", " ")
    unit = " (%)" if is_share(metric) else UNITS.get(ending, "")
    return (f"{drawn[1]}, {drawn[2]}" if drawn else words) + unit
