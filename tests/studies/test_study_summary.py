"""Mean, standard deviation and paired tests over seeds, against figures worked out by hand."""

import math

import pytest

from inkproof.studies.comparison import differences, groups_of, holm, paired_t
from inkproof.studies.definition import Comparison
from inkproof.studies.live import estimate
from inkproof.studies.metrics import formatted, heading
from support.made_up import grid_run, row

OFF = [grid_run({"model": "cnn", "aug": "off"}, seed) for seed in range(3)]
ON = [grid_run({"model": "cnn", "aug": "on"}, seed) for seed in range(3)]
VALUES = {"off": [0.90, 0.92, 0.94], "on": [0.91, 0.94, 0.97]}


def rows(*lost: str):
    made = {one.key: row(one, val_acc=VALUES[one.labels["aug"]][one.seed]) for one in [*OFF, *ON]}
    return {key: value for key, value in made.items() if key not in lost}


def test_mean_and_standard_deviation_over_seeds():
    off, on = groups_of([*OFF, *ON], rows())
    assert (off.labels, off.n) == ({"model": "cnn", "aug": "off"}, 3)
    assert off.mean("val_acc") == pytest.approx(0.92)
    assert off.sd("val_acc") == pytest.approx(0.02)
    assert on.sd("val_acc") == pytest.approx(0.03)
    assert off.mean("test_acc") is None and off.sd("test_acc") is None


def test_what_is_not_finished_is_left_out():
    off, on = groups_of([*OFF, *ON], rows("modelcnnaugoff1", "modelcnnaugoff2"))
    assert (off.n, on.n) == (1, 3)
    assert off.mean("val_acc") == pytest.approx(0.90)
    assert off.sd("val_acc") is None


def test_the_paired_t_test_is_the_textbook_s():
    # Differences 0.01, 0.02, 0.03: t = 0.02 / (0.01 / sqrt 3) = 3.4641, of which p with two degrees of freedom is
    # 1 - t / sqrt(2 + t^2).
    t = 0.02 / (0.01 / math.sqrt(3))
    expected = 1 - t / math.sqrt(2 + t * t)
    (found,) = differences(groups_of([*OFF, *ON], rows()), Comparison("aug", "off", ("val_acc",)))
    assert found.p == pytest.approx(expected, rel=1e-6)
    assert found.holm == found.p
    assert (found.where, found.this, found.that, found.n) == ("cnn", "on", "off", 3)
    assert (found.mean, found.sd) == (pytest.approx(0.02), pytest.approx(0.01))


def test_only_seeds_that_both_have_are_paired():
    (found,) = differences(groups_of([*OFF, *ON], rows("modelcnnaugoff1")), Comparison("aug", "off", ("val_acc",)))
    assert (found.n, found.mean) == (2, pytest.approx(0.02))
    (one,) = differences(
        groups_of([*OFF, *ON], rows("modelcnnaugoff1", "modelcnnaugoff2")), Comparison("aug", "off", ("val_acc",))
    )
    assert (one.n, one.p, one.holm, one.sd) == (1, None, None, None)


def test_metrics_of_one_row_are_compared_each_with_the_one_before():
    made = {one.key: row(one, val_acc=0.9, a_accuracy=0.5 + 0.1 * one.seed, b_accuracy=0.6) for one in OFF}
    found = differences(groups_of(OFF, made), Comparison(None, None, ("a_accuracy", "b_accuracy")))
    assert [(one.this, one.that, one.mean) for one in found] == [("b_accuracy", "a_accuracy", pytest.approx(0.0))]


def test_equal_differences_leave_nothing_to_test_by():
    assert paired_t([1, 2, 3], [1, 2, 3]) is None  # nothing to test by
    assert paired_t([2, 2], [1, 1]) is None
    assert paired_t([0.9971, 0.9965], [0.9968, 0.9962]) is None  # but for rounding they are equal
    assert paired_t([1], [2]) is None


def test_holm_is_the_published_procedure():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_figures_as_a_table_shows_them():
    assert formatted("test_acc", 0.99524, 0.00031) == "99.52 ± 0.03"
    assert formatted("test_acc", 0.5, None) == "50.00"
    assert formatted("tflite_kb", 1338.04, 0.0) == "1,338.0"
    assert formatted("parameters", 101770.0, 0.0) == "101,770"
    assert formatted("test_nll", 0.0312, 0.001) == "0.0312 ± 0.001"
    assert formatted("test_acc", None, None) == ""
    assert heading("drawn_pens_thin_classic_accuracy") == "pens_thin, classic (%)"
    assert heading("drawn_pens_center_of_mass_accuracy") == "pens, center_of_mass (%)"
    assert heading("drawn_pens_validation_mnist_style_low") == "pens_validation, mnist_style (%)"
    assert heading("int8_pens_accuracy") == "int8 pens (%)"
    assert heading("int8_kb") == "int8 (KB)"
    assert heading("test_nll") == "test nll"


def test_what_is_left_is_judged_by_the_grid_runs_most_like_it():
    fast, slow = grid_run({"model": "dense", "aug": "off"}, 0), grid_run({"model": "cnn", "aug": "off"}, 0)
    done = {fast.key: row(fast, 10.0), slow.key: row(slow, 100.0)}
    left = [grid_run({"model": "dense", "aug": "on"}, 0), grid_run({"model": "cnn", "aug": "off"}, 1)]
    assert estimate(left, [fast, slow, *left], done) == pytest.approx(110.0)
    assert estimate(left, left, {}) is None
    assert estimate([], [fast], done) == 0.0
    longer = grid_run({"model": "dense", "aug": "off"}, 0, stages=("train", "evaluate"))
    assert estimate([longer], [longer], done) is None, "a row of fewer stages took less"
