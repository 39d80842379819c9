"""The tables that the figure of rejection is drawn from, thinned to what a figure can show."""

from typing import Any

import numpy as np
import numpy.typing as npt

from inkproof.scoring.calibration import checked
from inkproof.scoring.coverage import coverage_curve
from inkproof.scoring.rejection import Rule, acceptance_scores


def coverage_rows(
    logits: npt.ArrayLike, labels: npt.ArrayLike, temperature: float = 1.0, least: float = 0.5, points: int = 101
) -> list[dict[str, Any]]:
    """Return rows rule, coverage, accuracy for each of `RULES`, from full coverage down to `least`.

    Takes digits: logits (N, 10), labels (N,). A point stands where the strictest threshold reaches a coverage on an
    even grid, so there are at most `points` a rule.
    """
    z, y = checked(logits, labels)
    right = z.argmax(axis=1) == y
    rows = []
    for rule, scores in acceptance_scores(z, temperature).items():
        curve = coverage_curve(scores, right)
        at = dict.fromkeys(curve.at(float(coverage)) for coverage in np.linspace(1.0, least, points))
        rows += [{"rule": rule, "coverage": float(curve.coverage[i]), "accuracy": float(curve.accuracy[i])} for i in at]
    return rows


def refusal_rows(
    rule: Rule,
    logits: npt.ArrayLike,
    negative_logits: npt.ArrayLike,
    kinds: npt.ArrayLike,
    least: float = 0.001,
    points: int = 61,
) -> list[dict[str, Any]]:
    """Return rows kind, digits_refused, refused: the ROC of the rule's score, one curve a kind of negative.

    Takes digits (N, 10), negatives (M, 10) and the kind of each (M,). `digits_refused` runs from all digits down to
    the share `least` in even steps of its logarithm, since a rule is of use where hardly any digit is refused.
    """
    digits, others = np.sort(rule.scores(logits)), rule.scores(negative_logits)
    names = np.asarray(kinds)
    shares = np.geomspace(1.0, least, points)
    # So many digits lie below the threshold; at the full share it lies above them all.
    below = dict.fromkeys(np.floor(shares * digits.size + 1e-9).astype(int).tolist())
    thresholds = np.append(digits, np.inf)[list(below)]
    refused_digits = np.searchsorted(digits, thresholds) / digits.size
    rows = []
    for kind in np.unique(names):
        own = np.sort(others[names == kind])
        refused = np.searchsorted(own, thresholds) / own.size
        rows += [
            {"kind": str(kind), "digits_refused": float(x), "refused": float(y)}
            for x, y in zip(refused_digits, refused, strict=True)
        ]
    return rows
