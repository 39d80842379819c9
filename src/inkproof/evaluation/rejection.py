"""Rejection of drawings that are not digits: scores, how well each detects such samples, the choice of a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import log_softmax, logsumexp

from inkproof.evaluation.calibration import CLASSES, checked
from inkproof.evaluation.coverage import (
    accuracy_at_coverage,
    area_under_risk_coverage,
    auroc,
    auroc_interval,
    coverage_curve,
    operating_point,
)
from inkproof.evaluation.results import RejectedShare, RejectionResult, RuleAtThreshold, RuleResult
from inkproof.evaluation.statistics import interval_of, share_interval

RULES = ("maximum_probability", "margin", "negative_entropy", "energy")

SIXTY_PERCENT = 0.6
"""The app of recipe "Digitre" shows "Huh..." if the largest probability is below this: the 60% rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A drawing is accepted as a digit if its score by the rule `name`, one of `RULES`, is `threshold` or more.

    Logits are divided by `temperature` first.
    """

    name: str
    temperature: float
    threshold: float

    def scores(self, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the scores (N,) of logits (N, 10)."""
        return rejection_scores(logits, self.temperature)[self.name]

    def accepts(self, logits: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which (N,) of logits (N, 10) are accepted as a digit."""
        return self.scores(logits) >= self.threshold


def sixty_percent(temperature: float = 1.0) -> Rule:
    """Return the 60% rule on calibrated probabilities, for comparison."""
    return Rule("maximum_probability", temperature, SIXTY_PERCENT)


def rejection_scores(logits: npt.ArrayLike, temperature: float = 1.0) -> dict[str, npt.NDArray[np.float64]]:
    """Return the score (N,) of each of `RULES` for logits (N, 10); the higher, the more likely a digit.

    With p = softmax(logits / T):

    - `maximum_probability`: the largest p (Hendrycks and Gimpel, ICLR 2017), 0.1 to 1;
    - `margin`: the largest p less the second largest, 0 to 1;
    - `negative_entropy`: the sum of p log p in nats, -2.3 to 0;
    - `energy`: T log sum exp(logits / T), the negative free energy (Liu et al., NeurIPS 2020), in units of logits.

    Log-probabilities serve as logits for all but `energy`, which they turn into a constant: that needs the logits
    themselves. Raises ValueError on other shapes, on values that are not finite, and on a
    temperature that is not positive.
    """
    z = np.asarray(logits, np.float64)
    if z.ndim != 2 or z.shape[1] != CLASSES:
        raise ValueError(f"expected logits (N, {CLASSES}), not {z.shape}")
    if not np.isfinite(z).all():
        raise ValueError("logits hold values that are not finite")
    if not temperature > 0:
        raise ValueError(f"a temperature is positive, not {temperature}")
    z = z / temperature
    log_p = log_softmax(z, axis=1)
    p = np.exp(log_p)
    second, first = np.sort(p, axis=1)[:, -2:].T
    return {
        "maximum_probability": first,
        "margin": first - second,
        "negative_entropy": (p * log_p).sum(axis=1),
        "energy": temperature * logsumexp(z, axis=1),
    }


def choose_rule(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    ood_logits: npt.ArrayLike,
    temperature: float = 1.0,
    coverage: float = 0.99,
    rules: Sequence[str] = RULES,
) -> Rule:
    """Return the rule that detects out-of-distribution samples best, and the threshold that accepts enough digits.

    The rule is the one with the largest AUROC, the earlier of two equal ones. The threshold is the strictest that still
    accepts the fraction `coverage` of the correctly classified digits. Out-of-distribution samples do not change it:
    the best balanced accuracy, for example, would give a scribble the weight of a digit, and users draw digits.

    Args:
        logits: (N, 10) of validation digits, never of test digits.
        labels: (N,), 0 to 9.
        ood_logits: (M, 10) of out-of-distribution samples for validation.
        temperature: from `fit_temperature`.
        coverage: within (0, 1].
        rules: those to choose among.

    Raises:
        ValueError: shapes, an unknown rule, or no digit is classified correctly.
    """
    z, y = checked(logits, labels)
    if not rules or not set(rules) <= set(RULES):
        raise ValueError(f"rules are some of {', '.join(RULES)}, not {', '.join(rules) or 'none'}")
    correct = z.argmax(axis=1) == y
    if not correct.any():
        raise ValueError("no digit is classified correctly, so no threshold accepts such digits")
    digits, others = rejection_scores(z, temperature), rejection_scores(ood_logits, temperature)
    best = max(rules, key=lambda name: auroc(digits[name], others[name]))
    curve = coverage_curve(digits[best][correct], np.ones(int(correct.sum()), bool))
    return Rule(best, temperature, float(curve.threshold[curve.at(coverage)]))


def summarize_rejection(
    rule: Rule,
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    ood_logits: npt.ArrayLike,
    kinds: npt.ArrayLike,
    writers: npt.ArrayLike | None = None,
    templates: npt.ArrayLike | None = None,
) -> RejectionResult:
    """Return what a rule accepts and rejects, how all rules compare at its temperature, and the 60% rule.

    Args:
        rule: the chosen one.
        logits: (N, 10) of digits.
        labels: (N,).
        ood_logits: (M, 10).
        kinds: (M,), the kind of each out-of-distribution sample.
        writers: (N,), who drew each digit. Intervals are then bootstrapped over five or more writers. Else those of
            AUROCs are bootstrapped over digits, and those of accuracies are Wilson's.
        templates: (M,), the template of each out-of-distribution sample, for the same reason.

    Raises:
        ValueError: shapes, or no digit, or no out-of-distribution sample.
    """
    z, y = checked(logits, labels)
    names = np.asarray(kinds)
    digits = rejection_scores(z, rule.temperature)
    others = rejection_scores(ood_logits, rule.temperature)
    if names.shape != others["margin"].shape or not names.size or not y.size:
        raise ValueError(
            f"expected digits, and out-of-distribution samples with a kind each, not {y.shape} and {names.shape}"
        )
    correct = z.argmax(axis=1) == y
    parts = {"all": np.full(names.size, True)} | {str(kind): names == kind for kind in np.unique(names)}

    def at_threshold(one: Rule) -> RuleAtThreshold:
        accepted, rejected = digits[one.name] >= one.threshold, others[one.name] < one.threshold
        return RuleAtThreshold(
            digits=operating_point(digits[one.name], correct, one.threshold, writers),
            accepted_correct=float(accepted[correct].mean()) if correct.any() else None,
            rejected={
                name: _rejected(rejected[part], None if templates is None else np.asarray(templates)[part])
                for name, part in parts.items()
            },
        )

    rules: dict[str, RuleResult] = {}
    for name in RULES:
        low, high = auroc_interval(digits[name], others[name], writers, templates)
        at = accuracy_at_coverage(digits[name], correct, writers=writers)
        rules[name] = RuleResult(
            auroc=auroc(digits[name], others[name]),
            low=low,
            high=high,
            aurc=area_under_risk_coverage(digits[name], correct),
            interval=at.interval,
            accuracy_at_95=at.accuracy,
            accuracy_at_95_low=at.low,
            accuracy_at_95_high=at.high,
        )
    return RejectionResult(
        rule=rule.name,
        temperature=rule.temperature,
        threshold=rule.threshold,
        chosen=at_threshold(rule),
        sixty_percent=at_threshold(sixty_percent(rule.temperature)),
        rules=rules,
        kinds={
            str(kind): {name: auroc(digits[name], others[name][names == kind]) for name in RULES}
            for kind in np.unique(names)
        },
    )


def _rejected(rejected: npt.NDArray[np.bool_], templates: npt.ArrayLike | None) -> RejectedShare:
    """Return the share of samples that are rejected (M,), with its interval by their templates (M,)."""
    low, high = share_interval(rejected, templates)
    kind: Literal["templates", "wilson"] = "templates" if interval_of(templates) == "writers" else "wilson"
    return RejectedShare(n=rejected.size, interval=kind, share=float(rejected.mean()), low=low, high=high)


def coverage_rows(
    logits: npt.ArrayLike, labels: npt.ArrayLike, temperature: float = 1.0, least: float = 0.5, points: int = 101
) -> pd.DataFrame:
    """Return the coverage curve of each of `RULES`, from full coverage down to `least`: rule, coverage, accuracy.

    Takes digits: logits (N, 10), labels (N,). The points are where the strictest threshold reaches a coverage on an
    even grid, so there are at most `points` per rule.
    """
    z, y = checked(logits, labels)
    correct = z.argmax(axis=1) == y
    curves = []
    for rule, scores in rejection_scores(z, temperature).items():
        curve = coverage_curve(scores, correct)
        at = list(dict.fromkeys(curve.at(float(coverage)) for coverage in np.linspace(1.0, least, points)))
        curves.append(pd.DataFrame({"rule": rule, "coverage": curve.coverage[at], "accuracy": curve.accuracy[at]}))
    return pd.concat(curves, ignore_index=True)


def rejection_rows(
    rule: Rule,
    logits: npt.ArrayLike,
    ood_logits: npt.ArrayLike,
    kinds: npt.ArrayLike,
    least: float = 0.001,
    points: int = 61,
) -> pd.DataFrame:
    """Return the ROC curve of the rule's score, one curve per kind of sample: kind, digits_rejected, rejected.

    Takes logits of digits (N, 10) and of samples (M, 10), and the kind of each sample (M,). `digits_rejected` runs from
    all digits down to the share `least` in even steps of its logarithm: a rule is useful if it rejects hardly any
    digit.
    """
    digits, others = np.sort(rule.scores(logits)), rule.scores(ood_logits)
    names = np.asarray(kinds)
    shares = np.geomspace(1.0, least, points)
    # So many digits are below the threshold. At the full share it is above them all.
    below = dict.fromkeys(np.floor(shares * digits.size + 1e-9).astype(int).tolist())
    thresholds = np.append(digits, np.inf)[list(below)]
    rejected_digits = np.searchsorted(digits, thresholds) / digits.size
    curves = []
    for kind in np.unique(names):
        own = np.sort(others[names == kind])
        rejected = np.searchsorted(own, thresholds) / own.size
        curves.append(pd.DataFrame({"kind": kind, "digits_rejected": rejected_digits, "rejected": rejected}))
    return pd.concat(curves, ignore_index=True)
