"""The rule by which a model's file accepts a drawing as a digit, chosen on validation digits and made-up negatives."""

from collections.abc import Sequence

import keras
import numpy as np

from inkproof.ink.drawn_frames import WHOLE, DrawnFrames
from inkproof.scoring.calibration import fit_temperature
from inkproof.scoring.rejection import Rule, choose_rule
from inkproof.trained_model import predict

# Of the digits that are read right, so many are to be accepted: who draws a digit should hardly ever be refused.
COVERAGE = 0.99


def choose_acceptance(network: keras.Model, digits: Sequence[DrawnFrames], negatives: DrawnFrames) -> Rule:
    """Return the calibrated rule for `network`, which ends in logits.

    Temperature and threshold come from `digits`, sets of which at least one digit is read right; the rule is the
    one that tells them best from `negatives`, drawings of the part that is kept for choices.
    """
    labels = np.concatenate([drawn_set.labels for drawn_set in digits])
    logits = predict(network, np.concatenate([drawn_set.rungs[WHOLE] for drawn_set in digits]))
    temperature = fit_temperature(logits, labels)
    refused = predict(network, negatives.rungs[WHOLE])
    return choose_rule(logits, labels, refused, temperature, COVERAGE)
