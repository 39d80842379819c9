"""One network before and after fine-tuning, on the same digits: what was gained, what was lost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from inkproof.evaluation.metrics import FEWEST_WRITERS, summarize_drawn
from inkproof.evaluation.statistics import discordant, mcnemar, writer_bootstrap

_Z = 1.959964  # of a normal distribution, 95%


def compare(
    labels: npt.ArrayLike, before: npt.ArrayLike, after: npt.ArrayLike, writers: npt.ArrayLike | None = None
) -> dict[str, Any]:
    """Return the entry of `finetuned.json` for one set of digits.

    All arguments hold one value a digit (N,): the digit meant, that read before, that read after, the writer where
    writers are told apart. `before` and `after` of the result are accuracies with their intervals and the count of
    digits read right; `only_before` and `only_after` count the digits that one of the two alone reads, `p` is that of
    McNemar's exact test, and `difference` is that of the accuracies, after less before, with its interval. `interval`
    says how intervals came about: "writers" (bootstrap over writers) from five writers on, else "digits".
    """
    y = np.asarray(labels)
    names = np.full(y.shape, "") if writers is None else np.asarray(writers)
    right = y == np.asarray(before), y == np.asarray(after)
    summaries = [summarize_drawn(y, read, names) for read in (before, after)]
    only_before, only_after = discordant(*right)
    low, high = difference_interval(*right, names)
    return {
        "n": int(y.size),
        "writers": 0 if writers is None else int(np.unique(names).size),
        "interval": "writers" if summaries[0]["interval"] == "writers" else "digits",
        **{
            moment: {"right": int(own.sum()), **{key: summary[key] for key in ("accuracy", "low", "high")}}
            for moment, own, summary in zip(("before", "after"), right, summaries, strict=True)
        },
        "difference": {"value": (only_after - only_before) / int(y.size), "low": low, "high": high},
        "only_before": only_before,
        "only_after": only_after,
        "p": mcnemar(*right),
    }


def difference_interval(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], writers: npt.NDArray[Any]
) -> tuple[float, float]:
    """Return the 95% interval (low, high) of the difference of two accuracies on the same digits.

    `before` and `after` (N,) say which digits are read right, `writers` (N,) who wrote them. From five writers on,
    whole writers are drawn anew (see `writer_bootstrap`), with fewer the digits count as independent: A. Agresti and
    Y. Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005).
    """
    change = after.astype(np.int64) - before.astype(np.int64)
    if np.unique(writers).size >= FEWEST_WRITERS:
        return writer_bootstrap(change, writers)
    n = change.size + 2
    gains, losses = int((change > 0).sum()) + 0.5, int((change < 0).sum()) + 0.5
    center = (gains - losses) / n
    half = _Z * np.sqrt(gains + losses - (gains - losses) ** 2 / n) / n
    return max(-1.0, float(center - half)), min(1.0, float(center + half))


def verdict(entry: Mapping[str, Any], comparisons: int) -> str:
    """Say "better", "worse" or "alike" of an entry that `compare` made, one of so many `comparisons`.

    Better asks for both signs, worse for one of them, so that a loss is not talked away: McNemar's p, times the number
    of comparisons, below 0.05, and an interval of the difference that leaves out 0.
    """
    change = entry["only_after"] - entry["only_before"]
    clear = entry["p"] * comparisons < 0.05
    if change > 0 and clear and entry["difference"]["low"] > 0:
        return "better"
    return "worse" if change < 0 and (clear or entry["difference"]["high"] < 0) else "alike"


def by_writer(
    labels: npt.NDArray[np.integer],
    before: npt.NDArray[np.integer],
    after: npt.NDArray[np.integer],
    writers: Sequence[str],
) -> list[dict[Any, Any]]:
    """Return one row a writer, sorted by name: writer, n, and how many were read right before and after."""
    right = pd.DataFrame({"before": before == labels, "after": after == labels})
    by_name = right.groupby(np.asarray(writers)).agg(
        n=("before", "size"), before=("before", "sum"), after=("after", "sum")
    )
    return by_name.rename_axis("writer").reset_index().to_dict("records")
