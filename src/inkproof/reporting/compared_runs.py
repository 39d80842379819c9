"""Two runs side by side: tables for the terminal, and the digits that only one of them classifies correctly."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from rich import box
from rich.table import Column, Table

from inkproof.config.schema import RunIdentity
from inkproof.evaluation.comparison import ComparedSet
from inkproof.evaluation.results import Accuracy
from inkproof.reporting.results import ModelResults
from inkproof.reporting.style import DPI, PALETTE, enlarged, paint, remark, sheet, styled, write
from inkproof.reporting.tables import SHOWN_METHOD
from inkproof.reporting.wording import (
    DATA_NOTES,
    MISSING,
    accuracy_of,
    count,
    kilobytes,
    p_value,
    percent,
    points,
    set_title,
)
from inkproof.runtime.progress import table_console

COMMIT = 10  # characters of a commit
VAL = "val_acc"  # the name of a run's metric


@dataclass(frozen=True)
class ComparedRun:
    """One of two runs: its configuration, its metrics, and what its evaluation wrote.

    `key`, `data_sha`, `code_sha` and `git_commit` are "" if only the configuration is known. `results` and
    `predictions` (index, label, prediction) are None where their files are missing. `evaluate` is the command that
    makes them.
    """

    name: str
    key: str
    config: RunIdentity
    data_sha: str
    code_sha: str
    git_commit: str
    metrics: Mapping[str, float]
    results: ModelResults | None
    predictions: pd.DataFrame | None
    evaluate: str


Pair = tuple[ComparedRun, ComparedRun]
Line = tuple[str, str, str]


def print_comparison(runs: Pair, paired: ComparedSet | None) -> None:
    """Print what differs between two runs; `paired` compares them on the test digits, the first run being `before`."""
    console = table_console()
    for title, lines in (
        ("configuration", _configuration(runs)),
        ("metrics", _metrics(runs, paired)),
        ("corruptions that differ clearly", _corruptions(runs)),
        ("exported files", _files(runs)),
    ):
        found = list(lines)
        if found:
            names = (Column(run.name, justify="right", overflow="fold") for run in runs)
            table = Table(Column(title, overflow="fold"), *names, box=box.SIMPLE_HEAD, pad_edge=False)
            for line in found:
                table.add_row(*line)
            console.print(table)
    for text in (*_identity(runs), *_notes(runs), *(paired_lines(runs, paired) if paired else ())):
        print(text)


def paired_lines(runs: Pair, paired: ComparedSet) -> Iterator[str]:
    """Yield the paired test in words: the digits that only one run classifies correctly, the difference, n and p."""
    first, second = (run.name for run in runs)
    change, n = paired.difference, paired.n
    who = f"over {count(paired.writers, 'writer')}" if paired.interval == "writers" else "over digits"
    yield (
        f"Paired test on {n:,} test digits: only {first} is correct on {paired.only_before:,}, "
        f"only {second} on {paired.only_after:,}. McNemar's exact test: n = {n:,}, p = {p_value(paired.p)}".replace(
            "= <", "<"
        )
        + "."
    )
    yield (
        f"From {first} to {second}: {points(change.value, n)} points "
        f"(95% interval {who}: {points(change.low, n)} to {points(change.high, n)})."
    )


def same_test_digits(runs: Pair) -> bool:
    """Return whether both runs were evaluated, on the same test digits as far as their files tell."""
    one, other = runs
    if one.predictions is not None and other.predictions is not None:
        return one.predictions["label"].tolist() == other.predictions["label"].tolist()
    return one.results is not None and other.results is not None and one.results.test.n == other.results.test.n


def _configuration(runs: Pair) -> Iterator[Line]:
    one, other = ({key: str(value) for key, value in run.config.flat().items()} for run in runs)
    # The name of the model says as much. Which number format "auto" chose is known of a trained run alone.
    left_out = {"model.build._target_"} | ({"precision.policy"} if not all(run.key for run in runs) else set())
    for key in dict.fromkeys([*one, *other]):
        if one.get(key) != other.get(key) and key not in left_out:
            yield key, one.get(key, MISSING), other.get(key, MISSING)


def _identity(runs: Pair) -> Iterator[str]:
    """Yield whether the configuration is the same, and what else makes them two runs: training code or data."""
    one, other = runs
    known = {"training code": (one.code_sha, other.code_sha), "data": (one.data_sha, other.data_sha)}
    differ = [what for what, (a, b) in known.items() if a != b and a and b]
    same = [] if list(_configuration(runs)) else ["configuration: the same"]
    if differ:
        which = (f"commit {run.git_commit[:COMMIT] or 'unknown'}, key {run.key}" for run in runs)
        same.append(f"{' and '.join(differ)} {'differ' if len(differ) > 1 else 'differs'} ({'; '.join(which)})")
    if same:
        yield "; ".join(same)


def _same_validation(runs: Pair) -> bool:
    one, other = (run.config for run in runs)
    cut = [(run.data, run.training.folds, run.training.fold) for run in (one, other)]
    return cut[0] == cut[1] and len({run.data_sha for run in runs} - {""}) < 2


def _metrics(runs: Pair, paired: ComparedSet | None) -> Iterator[Line]:
    if _same_validation(runs) and any(VAL in run.metrics for run in runs):
        yield _line("validation digits", (percent(run.metrics.get(VAL), 2000) for run in runs))
    results = _results(runs)
    if paired is not None:
        yield _line("test digits", (_with_interval(one, paired.n) for one in (paired.before, paired.after)))
    elif results and same_test_digits(runs):
        tests = [one.test for one in results]
        shares = (Accuracy(accuracy=one.accuracy, low=one.accuracy_low, high=one.accuracy_high) for one in tests)
        yield _line("test digits", (_with_interval(one, tests[0].n) for one in shares))
    if results:
        for name, entry in results[0].drawn.items():
            both = [own for one in results if (own := one.by_method(name).get(SHOWN_METHOD))]
            if len(both) == 2 and results[1].drawings(name) == entry.n:
                yield _line(f"{set_title(name)}, {SHOWN_METHOD}", (_with_interval(one, entry.n) for one in both))
        if _corruptions_alike(runs):
            means = [(one.corruptions.mca, one.corruptions.n) for one in results if one.corruptions]
            yield _line("corruptions, mean", (_with_interval(mean, n) for mean, n in means))
    for key in ("parameters", "epochs", "best_epoch"):
        values = [run.metrics.get(key) for run in runs]
        if values[0] != values[1]:
            yield _line(key.replace("_", " "), map(count, values))


def _corruptions_alike(runs: Pair) -> bool:
    counts = [one.corruptions.n for one in _results(runs) if one.corruptions]
    return len(counts) == 2 and counts[0] == counts[1] and same_test_digits(runs)


def _corruptions(runs: Pair) -> Iterator[Line]:
    """Yield the kinds of corruptions where the 95% intervals do not overlap, the largest difference first."""
    if not _corruptions_alike(runs):
        return
    one, other = (own.corruptions for own in _results(runs))
    assert one is not None and other is not None
    pairs = {name: (own, other.corruptions[name]) for name, own in one.corruptions.items() if name in other.corruptions}
    for name, (a, b) in sorted(pairs.items(), key=lambda pair: -abs(pair[1][0].accuracy - pair[1][1].accuracy)):
        if a.high < b.low or b.high < a.low:
            yield _line(name.replace("_", " "), (_with_interval(share, one.n) for share in (a, b)))


def _files(runs: Pair) -> Iterator[Line]:
    results = _results(runs)
    if not results:
        return
    for kind in [kind for kind in results[0].export if kind in results[1].export]:
        yield _line(f"{kind}, KB", (kilobytes(one.export[kind].kb) for one in results))
        times = [one.timing.median(kind) if one.timing else None for one in results]
        if None not in times and len(_machines(runs)) == 1:
            yield _line(f"{kind}, microseconds", map(count, times))


def _machines(runs: Pair) -> set[str]:
    return {one.timing.machine for one in _results(runs) if one.timing}


def _notes(runs: Pair) -> Iterator[str]:
    """Yield why something was not compared."""
    one, other = runs
    if not _same_validation(runs):
        yield "Validation accuracies are not compared: the runs have other validation digits."
    missing = [run for run in runs if run.results is None and run.predictions is None]
    for run in missing:
        yield f"{run.name}: has no test evaluation yet; run `{run.evaluate}`"
    if missing:
        return
    if not same_test_digits(runs):
        yield f"Test digits are not compared: those of {one.config.data.name} and {other.config.data.name} differ."
        return
    for run in runs:
        if run.predictions is None:
            yield f"{run.name}: its predictions are not here, so there is no paired test; run `{run.evaluate}`"
        if one.config.data != other.config.data and (note := DATA_NOTES.get(run.config.data.name)):
            yield f"{run.name}: {note}."
        if run.results is None:
            yield f"{run.name}: only MLflow has it, so drawings, corruptions and files are not compared."
    if len(_machines(runs)) > 1:
        yield f"Times are not compared: {' and '.join(sorted(_machines(runs)))}."


def _results(runs: Pair) -> tuple[ModelResults, ...]:
    """The results of both runs, none if one of them has none."""
    found = tuple(run.results for run in runs if run.results is not None)
    return found if len(found) == 2 else ()


def _line(title: str, values: Iterable[str]) -> Line:
    first, second = values
    return title, first, second


def _with_interval(one: Accuracy, n: int) -> str:
    share, ends = accuracy_of(one, n)
    return f"{share} ({ends})"


COLUMNS, SCALE, MOST = 5, 4, 20  # digits side by side, the pixels of a digit's pixel, and digits of a half
PITCH_X, PITCH_Y, HEAD, MARGIN = 128, 160, 44, 8  # pixels


@styled
def disagreements_sheet(images: npt.NDArray[np.uint8], table: pd.DataFrame) -> Figure:
    """Draw the digits of `table` that only one run classifies correctly, up to MOST for each of the two.

    `images` (N, 28, 28) are all test digits, white on black. `table` comes from `disagreements`. "4 → 9" is a 4 that
    the other run classified as 9, and the number beside it is the index of the digit.
    """
    if table.empty:
        return remark(0.8, "The two runs are correct on the same digits.")
    names = [str(name) for name in table.columns[2:]]
    halves = [(name, table[table[name] == table["label"]]) for name in names]
    heights = [HEAD + -(-min(len(own), MOST) // COLUMNS) * PITCH_Y if len(own) else 0 for _, own in halves]
    figure = sheet(sum(heights) / DPI)
    blocks = []
    top = 0
    for (name, own), height, other in zip(halves, heights, reversed(names), strict=True):
        if len(own):
            head = f"only {name} is correct: {len(own):,}" + (f", the first {MOST}" if len(own) > MOST else "")
            write(figure, MARGIN, top + HEAD - 16, head, color=PALETTE["muted"], fontsize=8.5, fontweight="bold")
        for number, (index, label, wrong) in enumerate(own[["index", "label", other]].head(MOST).to_numpy().tolist()):
            left = number % COLUMNS * PITCH_X + MARGIN
            y = top + HEAD + number // COLUMNS * PITCH_Y
            blocks.append((left, y, enlarged(images[index], SCALE)))
            style: dict[str, Any] = {"fontsize": 7.5, "ha": "right", "color": PALETTE["muted"]}
            side = images.shape[1] * SCALE
            write(figure, left, y + side + 26, f"{label} → {wrong}", fontsize=8.5, fontweight="bold")
            write(figure, left + side, y + side + 26, str(index), **style)
        top += height
    paint(figure, blocks)
    return figure


def disagreements(runs: Pair) -> pd.DataFrame:
    """Return the test digits that only one run classifies correctly: index, label, and the predictions by run name."""
    tables = [run.predictions for run in runs]
    assert tables[0] is not None and tables[1] is not None
    both = pd.DataFrame(
        {
            "index": tables[0]["index"],
            "label": tables[0]["label"],
            **{run.name: own["prediction"] for run, own in zip(runs, tables, strict=True) if own is not None},
        }
    ).astype(int)
    correct = [both[run.name] == both["label"] for run in runs]
    return both[correct[0] != correct[1]].reset_index(drop=True)
