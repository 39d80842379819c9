"""Styles of the digits with closed loops alone: 0 and 8."""

import numpy as np

from inkproof.sources.styles.path import Path, arc, curve, join, line
from inkproof.sources.styles.style import Uniform, style

# 0


def _ring(u: Uniform, width: float, squareness: float = 2.0) -> Path:
    """Anticlockwise; the pen stops some degrees short of where it began, or runs past it."""
    start = u(-115, -40)
    return arc((0, 0.5), (width, 0.5), start, start - 360 - u(-14, 30), squareness)


@style(0, 1.5)
def oval(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.26, 0.42))]


@style(0)
def narrow(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.17, 0.26))]


@style(0)
def circle(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.42, 0.56))]


@style(0, 0.7)
def squarish(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.26, 0.44), u(2.4, 3.6))]


@style(0)
def clockwise(u: Uniform) -> list[Path]:
    start = u(-170, -60)
    return [arc((0, 0.5), (u(0.24, 0.44), 0.5), start, start + 360 + u(-14, 30))]


@style(0, 0.8)
def unclosed(u: Uniform) -> list[Path]:
    """The ends do not meet: beside each other, or one inside the other."""
    start, width, gap = u(-100, -45), u(0.26, 0.42), u(14, 34)
    ring = arc((0, 0.5), (width, 0.5), start, start - 360 + gap)
    inward = np.linspace(0, u(-0.1, 0.2), len(ring))[:, None]
    return [ring + (np.array((0, 0.5)) - ring) * inward]


@style(0, 0.7)
def curled(u: Uniform) -> list[Path]:
    """It begins with a curl in the middle of the top."""
    width = u(0.26, 0.4)
    curl = curve((u(0.08, 0.16), u(0.12, 0.2)), (0.02, 0.14), (-0.08, 0.06), (0.0, 0.0))
    return [join(curl, arc((0, 0.5), (width, 0.5), -95, -455 - u(0, 20)))]


@style(0, 0.6)
def tail(u: Uniform) -> list[Path]:
    """It ends with a stroke to the upper right."""
    ring = arc((0, 0.5), (u(0.26, 0.4), 0.5), -80, -440)
    return [join(ring, curve(tuple(ring[-1]), (0.2, 0.03), (u(0.3, 0.44), -u(0.02, 0.12))))]


@style(0, 0.6)
def slashed(u: Uniform) -> list[Path]:
    width = u(0.34, 0.46)
    reach = u(0.8, 1.25)
    return [_ring(u, width), line((width * reach, 0.5 - 0.52 * reach), (-width * reach, 0.5 + 0.52 * reach))]


# 8


def _lemniscate(u: Uniform, start: float, turn: float) -> Path:
    """The figure drawn as one S-shaped stroke, `turn` degrees of it from the phase `start` (0 is the top)."""
    waist, upper, lower = u(0.44, 0.5), u(0.2, 0.28), u(0.24, 0.36)
    phase = np.radians(np.linspace(start, start + turn, 160))
    height = np.cos(phase)
    width = np.where(height > 0, upper, lower)
    y = np.where(height > 0, waist * (1 - height), waist - (1 - waist) * height)
    return join(np.column_stack([-width * np.sin(2 * phase), y]))


@style(8, 2)
def ess_stroke(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(-40, 15), 360 + u(-8, 20))]


@style(8)
def ess_stroke_mirrored(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(-40, 15), 360 + u(-8, 20)) * (-1, 1)]


@style(8)
def open_top(u: Uniform) -> list[Path]:
    """The pen comes back beside where it began, and short of it."""
    side = 1 if u(0, 1) < 0.8 else -1
    return [_lemniscate(u, u(-34, -24), u(338, 348)) * (side, 1)]


@style(8, 0.8)
def from_the_middle(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(80, 110), 360 + u(-6, 16))]


@style(8, 1.5)
def two_circles(u: Uniform) -> list[Path]:
    waist, overlap = u(0.42, 0.5), u(-0.01, 0.05)
    half = (1 - waist + overlap) / 2
    upper = arc((u(-0.03, 0.03), waist / 2), (u(0.19, 0.28), waist / 2), -80, -440 - u(-8, 20))
    lower = arc((u(-0.03, 0.03), 1 - half), (u(0.24, 0.36), half), -100, -460 - u(-8, 20))
    return [upper, lower]


@style(8)
def ess_and_back(u: Uniform) -> list[Path]:
    """Round bows that touch instead of crossing."""
    waist, upper, lower = u(0.42, 0.5), u(0.2, 0.28), u(0.24, 0.34)
    half = (1 - waist) / 2
    head = arc((0, waist / 2), (upper, waist / 2), u(-60, -20), -235)
    body = arc((0, waist + half), (lower, half), 305, 590)
    return [join(head, body, arc((0, waist / 2), (upper, waist / 2), 55, -u(30, 60)))]


@style(8, 0.5)
def hourglass(u: Uniform) -> list[Path]:
    top, base = u(0.2, 0.28), u(0.24, 0.34)
    return [
        line(
            (top * 0.9, 0.06),
            (0, 0),
            (-top, 0.1),
            (-top * 0.8, 0.24),
            (base * 0.9, 0.74),
            (base, 0.9),
            (0, 1),
            (-base, 0.9),
            (-base * 0.9, 0.74),
            (top * 0.9, 0.22),
            (top * u(0.7, 1), u(0, 0.06)),
        )
    ]
