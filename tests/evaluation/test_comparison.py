"""Before and after on the same digits: counts, intervals, and a text that promises no more than they show."""

from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inkproof.evaluation.comparison import (
    ComparedSet,
    Difference,
    FinetunedResult,
    FinetunedRun,
    by_writer,
    compare,
    difference_interval,
    verdict,
)
from inkproof.stages.finetuned import headline, what_was_lost, write_page
from inkproof.tracking.run_metadata import InitialWeights


def predicted(labels: np.ndarray, wrong: range) -> np.ndarray:
    found = labels.copy()
    found[wrong] = (found[wrong] + 1) % 10
    return found


LABELS = np.arange(200) % 10
WRITERS = np.array([f"w{number // 20}" for number in range(200)])


def test_counts_and_difference_are_those_of_the_digits() -> None:
    entry = compare(LABELS, predicted(LABELS, range(0, 40)), predicted(LABELS, range(35, 45)), WRITERS)
    assert (entry.n, entry.writers, entry.interval) == (200, 10, "writers")
    assert (entry.before.correct, entry.after.correct) == (160, 190)
    assert (entry.only_before, entry.only_after) == (5, 35)
    assert entry.difference.value == pytest.approx(30 / 200)
    assert entry.p == pytest.approx(2 * sum(comb(40, fewer) for fewer in range(6)) / 2**40)
    assert entry.after.low < 0.95 < entry.after.high


def test_digits_count_as_independent_without_five_writers() -> None:
    before, after = np.arange(100) >= 20, np.arange(100) >= 10
    low, high = difference_interval(before, after, np.full(100, ""))
    # Agresti and Min with 10 gained, none lost: center 10 / 102, half 1.96 * sqrt(11 - 100 / 102) / 102.
    assert (low, high) == (pytest.approx(0.03722, abs=2e-5), pytest.approx(0.15886, abs=2e-5))
    one_writer = np.where(np.arange(100) < 20, "a", np.arange(100) // 10)
    wide = difference_interval(before, after, one_writer)
    assert wide[0] == 0.0 and wide[1] > high  # all of the gain is one writer's


def test_a_gain_needs_both_signs_and_a_loss_one() -> None:
    some = compare(LABELS, LABELS, LABELS)

    def entry(only_before: int, only_after: int, p: float, low: float, high: float) -> ComparedSet:
        difference = Difference(value=0, low=low, high=high)
        changed = {"only_before": only_before, "only_after": only_after, "p": p, "difference": difference}
        return some.model_copy(update=changed)

    assert verdict(entry(1, 20, 0.001, 0.01, 0.2), 3) == "better"
    assert verdict(entry(1, 20, 0.02, 0.01, 0.2), 3) == "alike"
    assert verdict(entry(1, 20, 0.001, -0.01, 0.2), 3) == "alike"
    assert verdict(entry(20, 1, 0.001, -0.2, 0.01), 3) == "worse"
    assert verdict(entry(20, 9, 0.06, -0.2, -0.01), 3) == "worse"
    assert verdict(entry(20, 15, 0.5, -0.2, 0.01), 3) == "alike"


def test_writers_are_counted_one_by_one() -> None:
    rows = by_writer(LABELS[:40], predicted(LABELS[:40], range(3)), LABELS[:40], WRITERS[:40].tolist())
    assert rows.to_dict("records") == [
        {"writer": "w0", "n": 20, "before": 17, "after": 20},
        {"writer": "w1", "n": 20, "before": 20, "after": 20},
    ]


def test_the_page_has_gain_and_loss_and_takes_any_name(tmp_path: Path) -> None:
    gained = compare(LABELS, predicted(LABELS, range(0, 200, 4)), LABELS, WRITERS)
    lost = compare(LABELS, LABELS, predicted(LABELS, range(0, 200, 4)))
    same = compare(LABELS, LABELS, LABELS, WRITERS)
    sets = {"mine": gained, "mnist": lost, "pens": same}
    assert headline(sets) == "Your drawings helped: 75.0% before, 100% after, on drawings by 10 test writers."
    assert what_was_lost(sets).startswith("Something was forgotten on MNIST: MNIST −25.0 points (")
    assert what_was_lost({**sets, "mnist": same}).startswith("No clear loss on what was known before: MNIST 0.0")
    assert headline({**sets, "mine": lost.model_copy(update={"writers": 1})}).startswith(
        "Your drawings did harm: 100% before, 75.0%"
    )
    assert headline({**sets, "mine": same}).startswith("No clear difference: 100%, before as after")
    found = FinetunedResult(
        before=InitialWeights(file="models/pretrained/model.keras", sha256="00"),
        after=FinetunedRun(run="cnn-elastic-s0", key="k", best_epoch=2, epochs=3),
        writers={"train": {"<b>anna": 3}, "val": {}, "test": {"ben": 2}},
        sets=sets,
    )
    rows = pd.DataFrame([{"writer": "<script>ben", "n": 2, "before": 1, "after": 2}])
    text = write_page(tmp_path, found, rows, None).read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;ben" in text and "&lt;b&gt;anna (3)" in text
    assert "there are too few writers" in text and "epoch 2 of 3" in text
    assert "clearly better" in text and "clearly worse" in text
    assert write_page(tmp_path, found, rows, None).read_text(encoding="utf-8") == text
