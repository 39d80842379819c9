"""Skeletons: what their notation means, and the smooth paths through their points."""

import math

import pytest

from inkproof.synthetic.skeleton import parse, smooth


def test_a_corner_stays_sharp_and_a_plain_point_is_rounded() -> None:
    def turn_at_middle(notation: str) -> float:
        path = smooth(parse(notation)[0])
        at = int(((path - [50, 0]) ** 2).sum(axis=1).argmin())
        (ax, ay), (bx, by) = path[at] - path[at - 1], path[at + 1] - path[at]
        return math.degrees(abs(math.atan2(ax * by - ay * bx, ax * bx + ay * by)))

    assert turn_at_middle("0,0 50,0! 50,50") == pytest.approx(90, abs=1)
    assert turn_at_middle("0,0 50,0 50,50") < 10


def test_smooth_paths_pass_their_points() -> None:
    stroke = parse("0,0 40,60! 80,0 10,5 0,20 5,40")[0]
    for point in stroke.points:
        assert abs(smooth(stroke) - point).sum(axis=1).min() < 1e-9


def test_a_lonely_point_is_no_stroke() -> None:
    with pytest.raises(ValueError, match="two points"):
        parse("0,0 10,10 | 5,5")
