import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import entropy

from inkproof.evaluation.calibration import CLASSES
from inkproof.evaluation.rejection import (
    RULES,
    Rule,
    choose_rule,
    coverage_rows,
    rejection_rows,
    rejection_scores,
    sixty_percent,
    summarize_rejection,
)
from inkproof.evaluation.results import RejectionResult
from inkproof.evaluation.statistics import wilson, writer_bootstrap


def some_logits(n: int, sure: float, seed: int, level: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits about an overall `level`, larger by about `sure` for the digit, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    logits = rng.normal(level, 1, (n, CLASSES))
    logits[np.arange(n), labels] += rng.gamma(4, sure / 4, n)
    return logits, labels


def test_scores_are_those_of_scipy() -> None:
    logits, _ = some_logits(50, 3, 0)
    p = softmax(logits / 2, axis=1)
    scores = rejection_scores(logits, temperature=2)
    assert tuple(scores) == RULES
    assert scores["maximum_probability"] == pytest.approx(p.max(axis=1))
    ranked = np.sort(p, axis=1)
    assert scores["margin"] == pytest.approx(ranked[:, -1] - ranked[:, -2])
    assert scores["negative_entropy"] == pytest.approx(-entropy(p, axis=1))
    assert scores["energy"] == pytest.approx(2 * logsumexp(logits / 2, axis=1))


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(0.2, 5))
def test_a_constant_moves_the_energy_alone(shift: float, temperature: float) -> None:
    logits, _ = some_logits(20, 3, 1)
    here, there = rejection_scores(logits, temperature), rejection_scores(logits + shift, temperature)
    for rule in RULES:
        assert there[rule] - here[rule] == pytest.approx(shift if rule == "energy" else 0, abs=1e-9)


def test_log_probabilities_have_no_energy_left() -> None:
    logits, _ = some_logits(20, 3, 1)
    scores = rejection_scores(log_softmax(logits, axis=1))
    assert scores["energy"] == pytest.approx(0)
    assert scores["margin"] == pytest.approx(rejection_scores(logits)["margin"])


def test_scores_have_their_ranges_with_huge_logits_too() -> None:
    scores = rejection_scores([[0.0] * 10, [1e4] + [0.0] * 9])
    assert scores["maximum_probability"] == pytest.approx([0.1, 1])
    assert scores["margin"] == pytest.approx([0, 1])
    assert scores["negative_entropy"] == pytest.approx([-np.log(10), 0])
    assert scores["energy"] == pytest.approx([np.log(10), 1e4])


@pytest.mark.parametrize(
    ("logits", "temperature", "word"),
    [(np.zeros((2, 9)), 1, "expected"), (np.full((1, 10), np.inf), 1, "finite"), (np.zeros((1, 10)), 0, "positive")],
)
def test_what_has_no_score_is_an_error(logits: np.ndarray, temperature: float, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        rejection_scores(logits, temperature)


def test_the_rule_with_the_best_detection_is_chosen() -> None:
    digits, labels = some_logits(800, 6, 2, level=8)
    # As sure as digits, but at another level, which the energy alone depends on.
    quiet, _ = some_logits(400, 6, 3, level=0)
    assert choose_rule(digits, labels, quiet).name == "energy"
    # The energy of digits, but undecided between two.
    split = digits[:400].copy()
    first = split.argmax(axis=1)
    split[np.arange(400), (first + 1) % 10] = split[np.arange(400), first] + 0.01
    assert choose_rule(digits, labels, split).name == "margin"
    assert choose_rule(digits, labels, quiet, rules=["negative_entropy"]).name == "negative_entropy"


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.99, 1.0])
def test_the_threshold_accepts_the_asked_share_of_correct_digits_and_no_more(coverage: float) -> None:
    logits, labels = some_logits(1000, 4, 4)
    rule = choose_rule(logits, labels, some_logits(50, 1, 5)[0], temperature=1.5, coverage=coverage)
    correct = logits.argmax(axis=1) == labels
    assert 0.5 < correct.mean() < 1
    accepted = rule.accepts(logits[correct]).sum()
    assert accepted == np.ceil(round(coverage * correct.sum(), 6))
    assert rule.temperature == 1.5


def test_a_rule_needs_known_names_correct_digits_and_a_coverage() -> None:
    logits, labels = some_logits(20, 9, 6)
    with pytest.raises(ValueError, match="some of"):
        choose_rule(logits, labels, logits, rules=["guessing"])
    with pytest.raises(ValueError, match="classified correctly"):
        choose_rule(logits, (logits.argmax(axis=1) + 1) % 10, logits)
    with pytest.raises(ValueError, match="coverage"):
        choose_rule(logits, labels, logits, coverage=0)


def test_sixty_percent_is_a_threshold_on_the_calibrated_probability() -> None:
    logits = np.zeros((3, 10))
    logits[:, 4] = np.log([8, 13, 14])  # p = e/(e + 9): 0.47, 0.591, 0.609
    assert sixty_percent().accepts(logits).tolist() == [False, False, True]
    assert not sixty_percent(temperature=2).accepts(logits).any()


@pytest.fixture(scope="module")
def summary() -> RejectionResult:
    logits, labels = some_logits(600, 5, 7)
    others, _ = some_logits(90, 2, 8)
    rule = choose_rule(logits, labels, others, coverage=0.9)
    kinds = np.repeat(["letter", "shape", "blank"], 30)
    return summarize_rejection(rule, logits, labels, others, kinds, np.arange(600) % 9, np.arange(90) % 12)


def test_summary_has_what_the_threshold_does(summary: RejectionResult) -> None:
    logits, labels = some_logits(600, 5, 7)
    others, _ = some_logits(90, 2, 8)
    rule = Rule(summary.rule, summary.temperature, summary.threshold)
    correct = logits.argmax(axis=1) == labels
    accepted, rejected = rule.accepts(logits), ~rule.accepts(others)
    chosen = summary.chosen
    assert chosen.digits.coverage == pytest.approx(accepted.mean())
    assert chosen.digits.accuracy == pytest.approx(correct[accepted].mean())
    assert chosen.accepted_correct == pytest.approx(accepted[correct].mean())
    assert chosen.rejected["all"].share == pytest.approx(rejected.mean())
    assert chosen.rejected["shape"].share == pytest.approx(rejected[30:60].mean())
    assert chosen.rejected["shape"].n == 30
    sixty = summary.sixty_percent
    assert sixty.digits.coverage == pytest.approx((softmax(logits, axis=1).max(axis=1) >= 0.6).mean())


def test_summary_has_every_rule_with_its_interval_and_is_json(summary: RejectionResult) -> None:
    content = json.loads(json.dumps(summary.content(), allow_nan=False))
    assert RejectionResult.model_validate(content) == summary
    assert tuple(summary.rules) == RULES
    for name, figures in summary.rules.items():
        assert figures.low < figures.auroc < figures.high
        assert figures.accuracy_at_95_low < figures.accuracy_at_95 <= figures.accuracy_at_95_high
        # Equal numbers of each kind, so the whole is their mean.
        assert np.mean([kind[name] for kind in summary.kinds.values()]) == pytest.approx(figures.auroc)


def test_intervals_are_over_writers_and_templates(summary: RejectionResult) -> None:
    logits, labels = some_logits(600, 5, 7)
    others, _ = some_logits(90, 2, 8)
    rule = Rule(summary.rule, summary.temperature, summary.threshold)
    accepted, rejected, writers = rule.accepts(logits), ~rule.accepts(others), np.arange(600) % 9
    correct = logits.argmax(axis=1) == labels
    digits, shares = summary.chosen.digits, summary.chosen.rejected
    assert (digits.low, digits.high) == writer_bootstrap(correct[accepted], writers[accepted])
    assert (shares["all"].low, shares["all"].high) == writer_bootstrap(rejected, np.arange(90) % 12)
    assert (shares["shape"].low, shares["shape"].high) == writer_bootstrap(rejected[30:60], np.arange(30, 60) % 12)
    assert digits.interval == summary.rules["margin"].interval == "writers"
    assert shares["all"].interval == "templates"


def test_without_writers_or_templates_the_intervals_are_wilsons_and_say_so() -> None:
    logits, labels = some_logits(600, 5, 7)
    others, _ = some_logits(90, 2, 8)
    kinds = np.repeat(["letter", "shape", "blank"], 30)
    for groups in ((None, None), (np.zeros(600), np.arange(90) % 3)):  # one author, or three templates, are too few
        found = summarize_rejection(sixty_percent(), logits, labels, others, kinds, *groups).chosen
        accepted, rejected = sixty_percent().accepts(logits), ~sixty_percent().accepts(others)
        hits = int((logits.argmax(axis=1) == labels)[accepted].sum())
        assert (found.digits.low, found.digits.high) == wilson(hits, int(accepted.sum()))
        assert (found.rejected["all"].low, found.rejected["all"].high) == wilson(int(rejected.sum()), 90)
        assert found.digits.interval == found.rejected["all"].interval == "wilson"


def test_summary_needs_digits_and_ood_samples_with_kinds() -> None:
    logits, labels = some_logits(5, 5, 0)
    for others, kinds in ((np.empty((0, 10)), []), (logits, ["letter"])):
        with pytest.raises(ValueError, match="kind each"):
            summarize_rejection(sixty_percent(), logits, labels, others, kinds)


def test_coverage_rows_end_at_full_coverage_and_meet_the_60_percent_rule() -> None:
    logits, labels = some_logits(500, 3, 9)
    rows = coverage_rows(logits, labels, least=0.1, points=901).to_dict("records")
    correct = logits.argmax(axis=1) == labels
    for rule in RULES:
        own = [row for row in rows if row["rule"] == rule]
        assert own[0] == {"rule": rule, "coverage": 1.0, "accuracy": pytest.approx(correct.mean())}
        assert np.all(np.diff([row["coverage"] for row in own]) < 0)
        assert own[-1]["coverage"] == pytest.approx(0.1, abs=0.005)
    accepted = sixty_percent().accepts(logits)
    marked = {"rule": "maximum_probability", "coverage": accepted.mean(), "accuracy": correct[accepted].mean()}
    assert any(row == pytest.approx(marked) for row in rows if row["rule"] == marked["rule"])


def test_rejection_rows_are_a_roc_curve_for_each_kind() -> None:
    logits, labels = some_logits(400, 5, 10)
    others, _ = some_logits(60, 1, 11)
    rule = choose_rule(logits, labels, others)
    kinds = np.repeat(["letter", "blank"], 30)
    rows = rejection_rows(rule, logits, others, kinds, least=0.01)
    for kind in ("letter", "blank"):
        own = rows.loc[rows["kind"] == kind, ["digits_rejected", "rejected"]].to_numpy()
        assert own[0].tolist() == [1.0, 1.0]
        assert np.all(np.diff(own, axis=0) <= 0)
        threshold = np.sort(rule.scores(logits))[4]  # rejects 4 of 400
        assert own[-1][0] == pytest.approx(0.01)
        assert own[-1][1] == pytest.approx((rule.scores(others[kinds == kind]) < threshold).mean())
