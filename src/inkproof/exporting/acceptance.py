"""The rule by which a model's file accepts a drawing as a digit, chosen on validation digits and made-up negatives."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np

from inkproof.ink.drawn_frames import WHOLE, DrawnFrames
from inkproof.scoring.calibration import fit_temperature
from inkproof.scoring.rejection import Rule, choose_rule
from inkproof.trained_model import predict

# Of the digits that are read right, so many are to be accepted: who draws a digit should hardly ever be refused.
COVERAGE = 0.99
# The largest probability that a file with uint8 output can give.
_MOST = 255 / 256


class Acceptance(NamedTuple):
    """Two rules of one network: the best one, and the one by the largest probability of 28 x 28 files."""

    canvas: Rule
    frame: Rule


def choose_acceptance(network: keras.Model, digits: Sequence[DrawnFrames], negatives: DrawnFrames) -> Acceptance:
    """Return the rules for `network`, which ends in logits.

    Temperature and threshold come from `digits`, sets of which at least one digit is read right; the calibrated rule
    is the one that tells them best from `negatives`, drawings of the part that is kept for choices. Files of 28 x 28
    give probabilities as the network was trained to, so that theirs is by the largest one, at temperature 1.
    """
    labels = np.concatenate([drawn_set.labels for drawn_set in digits])
    logits = predict(network, np.concatenate([drawn_set.rungs[WHOLE] for drawn_set in digits]))
    temperature = fit_temperature(logits, labels)
    refused = predict(network, negatives.rungs[WHOLE])
    frame = choose_rule(logits, labels, refused, 1.0, COVERAGE, ("maximum_probability",))
    return Acceptance(
        choose_rule(logits, labels, refused, temperature, COVERAGE),
        replace(frame, threshold=min(frame.threshold, _MOST)),
    )
