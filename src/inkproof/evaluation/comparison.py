"""One network before and after fine-tuning, on the same digits: what was gained, what was lost."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from inkproof.evaluation.results import Accuracy, Result
from inkproof.evaluation.statistics import (
    discordant,
    interval_of,
    mcnemar,
    number_of,
    share_interval,
    writer_bootstrap,
)
from inkproof.tracking.run_metadata import InitialWeights

_Z = 1.959964  # of a normal distribution, 95%


class Moment(Accuracy):
    """The accuracy of one network, and how many of the digits it classifies correctly."""

    correct: int


class Difference(Result):
    """A difference of two accuracies with its 95% interval."""

    value: float
    low: float
    high: float


class ComparedSet(Result):
    """One set of digits, classified before and after fine-tuning.

    `interval` is what the intervals come from: "writers" (bootstrap over writers) from five writers on, else "digits".
    `only_before` and `only_after` count the digits that only one of the two networks classifies correctly, and `p` is
    that of McNemar's exact test.
    """

    n: int
    writers: int
    interval: Literal["writers", "digits"]
    before: Moment
    after: Moment
    difference: Difference
    only_before: int
    only_after: int
    p: float


class FinetunedRun(Result):
    """The fine-tuned run."""

    run: str
    key: str
    best_epoch: int
    epochs: int


class FinetunedResult(Result):
    """finetuned.json: the initial weights, the run, how many drawings each writer gave to each split, and the sets."""

    before: InitialWeights
    after: FinetunedRun
    writers: dict[str, dict[str, int]]
    sets: dict[str, ComparedSet]


def compare(
    labels: npt.ArrayLike, before: npt.ArrayLike, after: npt.ArrayLike, writers: npt.ArrayLike | None = None
) -> ComparedSet:
    """Return the entry of `finetuned.json` for one set of digits.

    All arguments hold one value per digit (N,): the digit meant, those predicted before and after, and the writer if
    writers are known. The difference is that of the accuracies, after less before.
    """
    y = np.asarray(labels)
    correct = y == np.asarray(before), y == np.asarray(after)

    def moment(own: npt.NDArray[np.bool_]) -> Moment:
        low, high = share_interval(own, writers)
        return Moment(correct=int(own.sum()), accuracy=float(own.mean()), low=low, high=high)

    only_before, only_after = discordant(*correct)
    low, high = difference_interval(*correct, writers)
    return ComparedSet(
        n=int(y.size),
        writers=number_of(writers),
        interval="writers" if interval_of(writers) == "writers" else "digits",
        before=moment(correct[0]),
        after=moment(correct[1]),
        difference=Difference(value=(only_after - only_before) / int(y.size), low=low, high=high),
        only_before=only_before,
        only_after=only_after,
        p=mcnemar(*correct),
    )


def difference_interval(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], writers: npt.ArrayLike | None
) -> tuple[float, float]:
    """Return the 95% interval (low, high) of the difference of two accuracies on the same digits.

    `before` and `after` (N,) are whether each digit is classified correctly, `writers` (N,) who wrote it. From five
    writers on, whole writers are resampled (see `writer_bootstrap`). With fewer the digits count as independent.

    Source: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24 (2005).
    """
    change = after.astype(np.int64) - before.astype(np.int64)
    if writers is not None and interval_of(writers) == "writers":
        return writer_bootstrap(change, writers)
    n = change.size + 2
    gains, losses = int((change > 0).sum()) + 0.5, int((change < 0).sum()) + 0.5
    center = (gains - losses) / n
    half = _Z * np.sqrt(gains + losses - (gains - losses) ** 2 / n) / n
    return max(-1.0, float(center - half)), min(1.0, float(center + half))


def verdict(compared: ComparedSet, comparisons: int) -> Literal["better", "worse", "alike"]:
    """Return whether a network is better, worse or alike after fine-tuning, by one of so many `comparisons`.

    The two signs are McNemar's p, times the number of comparisons, below 0.05, and an interval of the difference
    without 0. Better needs both of them. Worse needs one, so that no loss is hidden.
    """
    change = compared.only_after - compared.only_before
    clear = compared.p * comparisons < 0.05
    if change > 0 and clear and compared.difference.low > 0:
        return "better"
    return "worse" if change < 0 and (clear or compared.difference.high < 0) else "alike"


def by_writer(
    labels: npt.NDArray[np.integer],
    before: npt.NDArray[np.integer],
    after: npt.NDArray[np.integer],
    writers: Sequence[str],
) -> pd.DataFrame:
    """Return one row per writer, sorted by name: writer, n, and how many are classified correctly before and after."""
    correct = pd.DataFrame({"writer": writers, "before": before == labels, "after": after == labels})
    return correct.groupby("writer", as_index=False).agg(
        n=("before", "size"), before=("before", "sum"), after=("after", "sum")
    )
