"""Numbers of several digits: from an image or strokes to digits in reading order.

Pieces of an image lie between candidate cuts (`inkproof.inference.cuts`). Pieces of a drawing are groups of its
strokes. The model classifies every run of neighboring pieces that could be one digit, on a canvas of its own. The
digits are the runs that cover all pieces at the least cost (`cost_of`), found by dynamic programming.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np

from inkproof.data.drawings import CANVAS_SIDE
from inkproof.data.images import open_image
from inkproof.exporting.predictors import Predictions, Predictor
from inkproof.inference.cuts import (
    SCALE,
    Cut,
    Image,
    MaskOf,
    Strip,
    bands,
    box_of,
    canvas_of,
    cuts_of,
    in_several_lines,
    ink_of,
    lines_among,
    perhaps_several,
    piece_of,
    shrunk,
    strip_of,
    without_specks,
)
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError

TOO_LONG = "too much ink for a number in one line"
SEVERAL_LINES = "several lines of digits; read one at a time"

Place = tuple[float, float, float, float]  # left, top, right, bottom
Span = tuple[int, int]  # first piece and last piece + 1
Strokes = Sequence[Sequence[Sequence[float]]]

_MOST_PIECES = 64  # in a number
_MOST_IN_DIGIT = 14  # pieces between cuts
_MOST_STROKES = 6  # groups of strokes in a digit
_LONGEST_PATH = 60  # length of the pen's path in a digit, in sides of its box
# Strokes belong to one digit if their middles are at most this far apart, as a share of the wider one's width.
_NEAR = 0.2
# Ink that touches no other is not cut if its score is at least so many thresholds and its width so many line heights.
_SURE, _NARROW = 1.5, 0.9
_WIDEST = 1.25  # width of a digit, in heights of the line
_ROOM = 1.5  # height of the tiles of a line, in heights of its ink
_LONGEST = 16  # width of a line, in tiles; longer lines are shrunk
_SIDE = 190.0  # longer side of a digit from strokes, in pixels of a canvas


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit of a number.

    Attributes:
        box: left, top, right and bottom, in pixels of the image or in units of the strokes.
        digit: the most likely digit, whether accepted or not.
        probabilities: of the digits 0 to 9.
        score: the score of the model.
        accepted: whether the model accepts it as a digit.
    """

    box: Place
    digit: int
    probabilities: tuple[float, ...]
    score: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Number:
    """The digits of a number in reading order, none without ink.

    `problem` says why the image is no number in one line. There are no digits then.
    """

    digits: tuple[Digit, ...] = ()
    problem: str = ""

    @property
    def text(self) -> str:
        """The number, with "?" for each digit that is not accepted; "" without ink."""
        return "".join(str(one.digit) if one.accepted else "?" for one in self.digits)

    @property
    def probability(self) -> float:
        """The probability of the least likely digit; ValueError without digits."""
        return min(max(one.probabilities) for one in self.digits)

    @property
    def accepted(self) -> bool:
        """Whether there are digits, all accepted."""
        return bool(self.digits) and all(one.accepted for one in self.digits)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighboring pieces that could be one digit.

    Attributes:
        width, height: of their ink, in heights of the line.
        digit: the prediction for them.
        cut: the ink that the cuts at both ends cross, in heights of the line.
    """

    width: float
    height: float
    digit: Digit
    cut: float = 0.0


def cost_of(run: Run, threshold: float) -> float:
    """Return the cost of a run as one digit of a number.

    A score above the `threshold` lowers the cost. A low probability, ink that is cut through, a wide run and a low run
    raise it. The constants were chosen on strings of digits by validation writers.
    """
    sure = -math.log(max(max(run.digit.probabilities), 1e-6))
    above = (run.digit.score - threshold) / max(abs(threshold), 1e-3)
    return 0.6 - above + sure + run.cut + 2 * max(0.0, run.width - 0.8) + 8 * max(0.0, 0.6 - run.height)


def cheapest(pieces: int, cost: Mapping[Span, float]) -> list[Span]:
    """Return the runs from left to right that cover all pieces at the least total cost.

    Of equal sums, the one with the longer last run is taken. `cost` has a run for each piece, so that there is a cover.
    """
    least, before = [0.0] + [math.inf] * pieces, [0] * (pieces + 1)
    for end in range(1, pieces + 1):
        for start in range(end):
            if (start, end) in cost and least[start] + cost[start, end] < least[end]:
                least[end], before[end] = least[start] + cost[start, end], start
    runs, end = [], pieces
    while end:
        runs.append((before[end], end))
        end = before[end]
    return runs[::-1]


def mask_by(predictor: Predictor) -> MaskOf:
    """Return a function from a canvas uint8 (280, 280) to the mask of its ink, uint8 (70, 70).

    The function raises UserError if the model has no ink mask.
    """

    def mask_of(canvas: Image) -> Image:
        mask = predictor.predict(np.ascontiguousarray(canvas)[np.newaxis]).mask[0]
        if not mask.size:
            raise UserError("the model has no ink mask, which numbers need; name a canvas.tflite of this version")
        return mask

    return mask_of


def classified(canvas: Image, box: Place, predictor: Predictor) -> Digit:
    """Return what the model predicts for a canvas uint8 (280, 280) with the ink in `box`."""
    found = predictor.predict(canvas[np.newaxis])
    p = found.probabilities[0]
    accepted = bool(found.accepted[0]) and bool(found.seen[0].any())
    return Digit(box, int(p.argmax()), tuple(p.tolist()), float(found.score[0]), accepted)


def line_of(levels: Image, mask_of: MaskOf) -> Strip | None:
    """Return the line of digits of an image uint8 (H, W), cut out with some room, without specks in its mask.

    Return None for several lines of digits. Without ink, the mask is all zero.
    """
    height, width = levels.shape
    side = max(height, width / _LONGEST) if width > 2 * height else max(height, width)
    first = strip_of(levels, 0.0, (height - side) / 2, width, side, mask_of)
    mask = without_specks(first.mask)
    left, top, right, bottom = box_of(mask)
    lines = bands(mask)
    if in_several_lines(lines, right - left):
        return None
    if not lines:
        return first._replace(mask=mask)
    tall, wide = (bottom - top) * first.scale, (right - left) * first.scale
    side = max(_ROOM * tall, (wide + tall / 2) / _LONGEST)
    middle = first.top + (top + bottom) / 2 * first.scale
    line = strip_of(
        levels, first.left + left * first.scale - tall / 4, middle - side / 2, wide + tall / 2, side, mask_of
    )
    return line._replace(mask=without_specks(line.mask))


def runs_of_image(line: Strip, predictor: Predictor) -> tuple[int, dict[Span, Run]]:
    """Return the number of pieces, and all runs of them that could be a digit; no runs for too many pieces."""
    left, top, right, bottom = box_of(line.mask)
    mask, tall = line.mask[top:bottom, left:right], bottom - top
    ink = ink_of(line)
    cuts = cuts_of(shrunk(ink)[top:bottom, left:right])
    ink = ink[top * SCALE : bottom * SCALE, left * SCALE : right * SCALE]
    x0, y0, scale = line.left + left * line.scale, line.top + top * line.scale, line.scale

    @cache
    def run(start: Cut, end: Cut) -> Run:
        piece = piece_of(mask, start, end)
        x, y, x_end, y_end = box_of(piece)
        box = (x0 + x * scale, y0 + y * scale, x0 + x_end * scale, y0 + y_end * scale)
        digit = classified(canvas_of(ink, piece), box, predictor)
        if start.cost + end.cost and digit.score < _SURE * predictor.threshold:
            digit = replace(digit, accepted=False)  # much of other writing can be cut into strokes like a 1
        return Run((x_end - x) / tall, (y_end - y) / tall, digit, (start.cost + end.cost) / (255 * tall))

    # Ink that touches no other and is surely one digit is not cut.
    whole = []
    for start, end in pairwise(place for place, cut in enumerate(cuts) if cut.cost == 0):
        one = run(cuts[start], cuts[end])
        if one.digit.accepted and one.digit.score >= _SURE * predictor.threshold and one.width <= _NARROW:
            whole.append((start, end))
    kept = [cut for place, cut in enumerate(cuts) if not any(start < place < end for start, end in whole)]
    runs: dict[Span, Run] = {}
    if len(kept) > _MOST_PIECES + 1:
        return len(kept) - 1, runs
    for start in range(len(kept) - 1):
        for end in range(start + 1, min(start + _MOST_IN_DIGIT, len(kept) - 1) + 1):
            widest = max(kept[end].columns) - min(kept[start].columns)
            if end == start + 1 or widest <= _WIDEST * tall:
                runs[start, end] = run(kept[start], kept[end])
    for start, end in pairwise(place for place, cut in enumerate(kept) if cut.cost == 0):
        runs[start, end] = run(kept[start], kept[end])
    return len(kept) - 1, runs


def read_image(levels: Image, predictor: Predictor) -> Number:
    """Recognize the number in an image uint8 (H, W) of one line of digits; UserError if the model has no ink mask."""
    line = line_of(levels, mask_by(predictor))
    if line is None:
        return Number(problem=SEVERAL_LINES)
    if not line.mask.any():
        return Number()
    return _number(*runs_of_image(line, predictor), predictor.threshold)


def read_strokes(strokes: Strokes, predictor: Predictor) -> Number:
    """Recognize the number in strokes of points [x, y, ...], y downward; boxes are in their units."""
    groups = groups_of(strokes)
    if not groups:
        return Number()
    if any(_length(group) > _LONGEST_PATH * _side_of(group) for group in groups):
        return Number(problem=TOO_LONG)  # scribbles, which would take minutes to draw
    drawn = [stroke for group in groups for stroke in group]
    left, _, right, _ = box_around(drawn)
    if in_several_lines(lines_of(drawn), right - left):
        return Number(problem=SEVERAL_LINES)
    return _number(len(groups), runs_of_strokes(groups, predictor), predictor.threshold)


def shows_several(whole: Predictions, canvas: Image, predictor: Predictor) -> bool:
    """Return whether a canvas uint8 (280, 280) shows several digits; `whole` is what `predictor` predicts for it.

    For a canvas that is accepted as one digit this is always False: no digit is lost to this check.
    """
    if whole.accepted[0] or not whole.mask.size or not perhaps_several(whole.mask[0]):
        return False
    found = read_image(canvas, predictor).digits
    accepted = sum(one.accepted for one in found)
    return accepted > 1 and 2 * accepted > len(found)


def gray_levels(source: str | bytes, name: str = "") -> Image:
    """Return the gray levels uint8 (H, W) of an image file; raises UserError if it cannot be read."""
    return np.asarray(open_image(source, name).convert("L"))


def _number(pieces: int, runs: Mapping[Span, Run], threshold: float) -> Number:
    if pieces > _MOST_PIECES:
        return Number(problem=TOO_LONG)
    cost = {key: cost_of(run, threshold) for key, run in runs.items()}
    digits = [runs[key].digit for key in cheapest(pieces, cost)]
    return Number(tuple(sorted(digits, key=lambda one: one.box[0] + one.box[2])))


def box_around(strokes: Strokes) -> Place:
    """Return the box around all points of some strokes, in their units."""
    xs, ys = zip(*((point[0], point[1]) for stroke in strokes for point in stroke), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _length(strokes: Strokes) -> float:
    return sum(math.dist(one[:2], other[:2]) for stroke in strokes for one, other in pairwise(stroke))


def _side_of(strokes: Strokes) -> float:
    left, top, right, bottom = box_around(strokes)
    return max(right - left, bottom - top, 1.0)


def lines_of(strokes: Strokes) -> list[tuple[float, float]]:
    """Return the lines that strokes are in, as `bands` finds them in a mask: their top and bottom."""
    boxes = sorted((box_around([stroke]) for stroke in strokes), key=lambda box: box[1])
    spans: list[tuple[float, float]] = []
    for _, top, _, bottom in boxes:
        if spans and top <= spans[-1][1]:
            top, bottom = spans[-1][0], max(spans.pop()[1], bottom)
        spans.append((top, bottom))
    return lines_among(spans)


def groups_of(strokes: Strokes) -> list[list[Sequence[Sequence[float]]]]:
    """Return the strokes in groups, each of one digit or a part of one, without specks.

    Groups are in the order of time. A stroke joins a group if their middles are near, as the slash of a 0. A stroke
    that overlaps with an earlier group by half of the narrower width starts a group directly after it, as the late bar
    of a 5. So neighboring groups can be joined to a digit.
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    groups: list[list[Sequence[Sequence[float]]]] = []
    tall = max((bottom - top for _, top, _, bottom in (box_around([one]) for one in strokes)), default=0.0)
    for stroke in strokes:
        left, top, right, bottom = box_around([stroke])
        if 10 * max(right - left, bottom - top) < tall:
            continue
        at = len(groups)
        for place in range(len(groups), 0, -1):
            start, _, end, _ = box_around(groups[place - 1])
            if abs(left + right - start - end) <= _NEAR * 2 * max(right - left, end - start):
                groups[place - 1].append(stroke)
                break
            if min(right, end) - max(left, start) >= min(right - left, end - start) / 2 and at == len(groups):
                at = place
        else:
            groups.insert(at, [stroke])
    return groups


def runs_of_strokes(groups: Sequence[Strokes], predictor: Predictor) -> dict[Span, Run]:
    """Return all runs of neighboring groups of strokes that could be a digit; none for too many groups."""
    runs: dict[Span, Run] = {}
    if len(groups) > _MOST_PIECES:
        return runs
    _, highest, _, lowest = box_around([stroke for group in groups for stroke in group])
    tall = max(lowest - highest, 1.0)
    for start in range(len(groups)):
        for end in range(start + 1, min(start + _MOST_STROKES, len(groups)) + 1):
            strokes = [stroke for group in groups[start:end] for stroke in group]
            left, top, right, bottom = box = box_around(strokes)
            if end > start + 1 and right - left > _WIDEST * tall:
                continue
            # Small strokes, such as a dash, stay smaller than a digit.
            scale = _SIDE / max(right - left, bottom - top, tall / 2)
            x, y = (CANVAS_SIDE - (left + right) * scale) / 2, (CANVAS_SIDE - (top + bottom) * scale) / 2
            own = [[(point[0] * scale + x, point[1] * scale + y) for point in stroke] for stroke in strokes]
            digit = classified(render(own), box, predictor)
            runs[start, end] = Run((right - left) / tall, (bottom - top) / tall, digit)
    return runs
