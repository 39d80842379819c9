"""The selection: pooled out-of-fold errors decide, within the budget; repeats are used in order."""

import csv
from pathlib import Path

import numpy as np
import pytest

from inkproof.evaluation.out_of_fold import OutOfFold, read_out_of_fold, write_out_of_fold
from inkproof.runtime.errors import UserError
from inkproof.studies.selection import PooledPredictions, choose, entries, pool, training_seconds, write_misread

LABELS = np.arange(100) % 10


def probabilities(wrong: list[int], sure: float = 0.9) -> np.ndarray:
    """Probabilities that are correct except for the digits in `wrong`, which are classified as the next class."""
    predicted = LABELS.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 10
    p = np.full((100, 10), (1 - sure) / 9)
    p[np.arange(100), predicted] = sure
    return p


def pooled(
    network: str, wrong: list[int], seconds: float = 100, repeat: int = 0, tta: list[int] | None = None
) -> PooledPredictions:
    ways = {"plain": probabilities(wrong), "tta": probabilities(wrong if tta is None else tta)}
    return PooledPredictions(network, repeat, LABELS, ways, seconds)


# Nines are classified as 0 where two networks are equally sure: a pair cannot outvote a mistake.
A, B, C = pooled("a", [9, 19, 29]), pooled("b", [29, 39], seconds=2000), pooled("c", [49, 59, 69, 79])


def test_the_fewest_errors_within_the_budget_are_chosen() -> None:
    assert choose([A, B, C], {}, hours=1, most=3).single.members == ("b",)
    assert choose([A, B, C], {}, hours=0.5, most=3).single.members == ("a",)
    with pytest.raises(UserError, match="nothing trains within"):
        choose([A, B, C], {}, hours=0.01, most=3)


def test_an_ensemble_is_the_mean_and_its_evidence_is_counted() -> None:
    ensemble = choose([A, B, C], {}, hours=1, most=3).ensemble
    assert ensemble.members == ("a", "b", "c")  # each is outvoted wherever it alone is wrong
    assert (ensemble.errors, ensemble.of) == (1, 100)  # two are wrong about digit 29
    assert ensemble.low < ensemble.accuracy == 0.99 < ensemble.high
    assert ensemble.compared == 8  # three pairs and a triple, two ways each
    assert ensemble.p_against_single == 1.0  # a difference of one digit tells nothing


def test_test_time_augmentation_is_selected_where_it_is_better() -> None:
    single = choose([pooled("a", [1, 2, 3], tta=[1]), B], {}, hours=1, most=2).single
    assert (single.members, single.tta, single.errors) == (("a",), True, 1)


def test_repeats_are_used_in_order() -> None:
    twice = [pooled("a", [1]), pooled("a", [2], repeat=1), pooled("b", [3])]
    found = {entry.members for entry in entries(twice, {}, most=2)}
    assert found == {("a",), ("b",), ("a", "a"), ("a", "b")}
    alone = [entry for entry in entries(twice, {}, most=1) if entry.members == ("a",)]
    assert all(list(np.flatnonzero(entry.wrong)) == [1] for entry in alone)


def test_teachers_cost_once_and_are_waited_for() -> None:
    teachers = {"c": ("a", "b")}
    assert training_seconds([A, B, C], [C], teachers) == 2200
    assert training_seconds([A, B, C], [C, A], teachers) == 2200
    assert training_seconds([A, B, C], [C], teachers, at_once=2) == 2100
    assert training_seconds([A, B, C], [A, C], {}, at_once=2) == 100
    with pytest.raises(UserError, match="a: a teacher that was not cross-validated"):
        training_seconds([B, C], [C], teachers)


def fold(indices: list[int]) -> OutOfFold:
    where = np.array(indices)
    return OutOfFold(where, LABELS[where], {"plain": probabilities([7])[where], "tta": probabilities([])[where]})


def test_folds_are_pooled_in_the_order_of_the_digits() -> None:
    odd, even = fold(list(range(1, 100, 2))), fold(list(range(0, 100, 2)))
    whole = pool("a", 0, [odd, even], [30.0, 50.0])
    np.testing.assert_array_equal(whole.labels, LABELS)
    assert list(np.flatnonzero(whole.probabilities["plain"].argmax(axis=1) != LABELS)) == [7]
    assert whole.seconds == 80  # each saw half of the digits
    with pytest.raises(UserError, match="do not hold every training digit once"):
        pool("a", 0, [odd, odd], [30.0, 50.0])


def test_a_truncated_file_of_predictions_is_one_line(tmp_path: Path) -> None:
    write_out_of_fold(tmp_path / "out_of_fold.npz", fold([1, 2]))
    whole = (tmp_path / "out_of_fold.npz").read_bytes()
    (tmp_path / "out_of_fold.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="no out-of-fold predictions"):
        read_out_of_fold(tmp_path / "out_of_fold.npz")


def test_the_errors_of_each_network_are_written_to_a_table(tmp_path: Path) -> None:
    write_misread(tmp_path, [pooled("a, distilled", [9, 19], tta=[19]), pooled("b", [])])
    with (tmp_path / "misread.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["network", "repeat", "way", "errors", "digits"],
        ["a, distilled", "0", "plain", "2", "9 19"],
        ["a, distilled", "0", "tta", "1", "19"],
        ["b", "0", "plain", "0", ""],
        ["b", "0", "tta", "0", ""],
    ]
