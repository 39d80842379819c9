"""Results of invented models, for tests of the report."""

from pathlib import Path
from typing import Any

from inkproof.evaluation.results import DrawnSet, MethodResult, TestResult
from inkproof.reporting.results import ModelResults


def result_of(accuracy: float, low: float, high: float) -> MethodResult:
    return MethodResult(accuracy=accuracy, low=low, high=high, per_digit={})


def around(accuracy: float, spread: float = 0.01) -> MethodResult:
    """An accuracy in the middle of its interval."""
    return result_of(accuracy, accuracy - spread, accuracy + spread)


def tested(accuracy: float = 0.9, n: int = 10_000, **changed: Any) -> TestResult:
    """The test.json of a model with this accuracy."""
    values = {
        **{"data": "mnist", "model": "cnn", "aug": "on", "seed": 0, "parameters": 1000, "epochs": 9, "best_epoch": 8},
        **{"val_acc": accuracy, "n": n, "errors": round(n * (1 - accuracy)), "accuracy": accuracy},
        **{"accuracy_low": accuracy, "accuracy_high": accuracy, "nll": 0.1, "ece": 0.01, "per_class": {}},
    }
    return TestResult(**{**values, **changed})


def model(
    name: str = "cnn", accuracy: float = 0.9, drawn: dict[str, DrawnSet] | None = None, **more: Any
) -> ModelResults:
    """A model with this test accuracy and these drawings."""
    return ModelResults(name, Path(name), tested(accuracy), drawn=drawn or {}, **more)


EMPTY = DrawnSet(n=0)
