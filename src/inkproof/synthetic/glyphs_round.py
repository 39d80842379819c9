"""Glyph templates of the digits that are or have loops: 0, 6, 8 and 9."""

import numpy as np

from inkproof.synthetic.glyph import Path, Uniform, arc, curve, glyph, join, line

# 0


def _ring(u: Uniform, width: float, squareness: float = 2.0) -> Path:
    """Anticlockwise; the pen stops some degrees short of where it began, or runs past it."""
    start = u(-115, -40)
    return arc((0, 0.5), (width, 0.5), start, start - 360 - u(-14, 30), squareness)


@glyph(0, 1.5)
def oval(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.26, 0.42))]


@glyph(0)
def narrow(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.17, 0.26))]


@glyph(0)
def circle(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.42, 0.56))]


@glyph(0, 0.7)
def squarish(u: Uniform) -> list[Path]:
    return [_ring(u, u(0.26, 0.44), u(2.4, 3.6))]


@glyph(0)
def clockwise(u: Uniform) -> list[Path]:
    start = u(-170, -60)
    return [arc((0, 0.5), (u(0.24, 0.44), 0.5), start, start + 360 + u(-14, 30))]


@glyph(0, 0.8)
def unclosed(u: Uniform) -> list[Path]:
    """The ends do not meet: beside each other, or one inside the other."""
    start, width, gap = u(-100, -45), u(0.26, 0.42), u(14, 34)
    ring = arc((0, 0.5), (width, 0.5), start, start - 360 + gap)
    inward = np.linspace(0, u(-0.1, 0.2), len(ring))[:, None]
    return [ring + (np.array((0, 0.5)) - ring) * inward]


@glyph(0, 0.7)
def curled(u: Uniform) -> list[Path]:
    """It begins with a curl in the middle of the top."""
    width = u(0.26, 0.4)
    curl = curve((u(0.08, 0.16), u(0.12, 0.2)), (0.02, 0.14), (-0.08, 0.06), (0.0, 0.0))
    return [join(curl, arc((0, 0.5), (width, 0.5), -95, -455 - u(0, 20)))]


@glyph(0, 0.6)
def tail(u: Uniform) -> list[Path]:
    """It ends with a stroke to the upper right."""
    ring = arc((0, 0.5), (u(0.26, 0.4), 0.5), -80, -440)
    return [join(ring, curve(tuple(ring[-1]), (0.2, 0.03), (u(0.3, 0.44), -u(0.02, 0.12))))]


@glyph(0, 0.6)
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


@glyph(8, 2)
def ess_stroke(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(-40, 15), 360 + u(-8, 20))]


@glyph(8)
def ess_stroke_mirrored(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(-40, 15), 360 + u(-8, 20)) * (-1, 1)]


@glyph(8)
def open_top(u: Uniform) -> list[Path]:
    """The pen comes back beside where it began, and short of it."""
    side = 1 if u(0, 1) < 0.8 else -1
    return [_lemniscate(u, u(-34, -24), u(338, 348)) * (side, 1)]


@glyph(8, 0.8)
def from_the_middle(u: Uniform) -> list[Path]:
    return [_lemniscate(u, u(80, 110), 360 + u(-6, 16))]


@glyph(8, 1.5)
def two_circles(u: Uniform) -> list[Path]:
    waist, overlap = u(0.42, 0.5), u(-0.01, 0.05)
    half = (1 - waist + overlap) / 2
    upper = arc((u(-0.03, 0.03), waist / 2), (u(0.19, 0.28), waist / 2), -80, -440 - u(-8, 20))
    lower = arc((u(-0.03, 0.03), 1 - half), (u(0.24, 0.36), half), -100, -460 - u(-8, 20))
    return [upper, lower]


@glyph(8)
def ess_and_back(u: Uniform) -> list[Path]:
    """Round bows that touch instead of crossing."""
    waist, upper, lower = u(0.42, 0.5), u(0.2, 0.28), u(0.24, 0.34)
    half = (1 - waist) / 2
    head = arc((0, waist / 2), (upper, waist / 2), u(-60, -20), -235)
    body = arc((0, waist + half), (lower, half), 305, 590)
    return [join(head, body, arc((0, waist / 2), (upper, waist / 2), 55, -u(30, 60)))]


@glyph(8, 0.5)
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


# 6


def _hook(u: Uniform, loop: float, width: float, bulge: float) -> Path:
    """From the upper right down to the left side of a loop of height `loop`; `bulge` 0 is a straight way."""
    side = (-width, 1 - loop / 2)
    top = (u(-0.02, 0.26), u(0, 0.06))
    return curve(top, (top[0] - 0.3 * bulge - 0.06, 0.06), (-width - 0.06 * bulge, 0.42 - 0.1 * bulge), side)


def _eye(loop: float, width: float, end: float) -> Path:
    """The loop of a 6, from its left side anticlockwise to the angle `end`; -180 closes it."""
    return arc((0, 1 - loop / 2), (width, loop / 2), 180, end)


@glyph(6, 1.5)
def big_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.48, 0.62), u(0.24, 0.36)
    return [join(_hook(u, loop, width, u(0.2, 1)), _eye(loop, width, -180 - u(-12, 20)))]


@glyph(6, 1.3)
def small_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.36, 0.46), u(0.2, 0.28)
    return [join(_hook(u, loop, width, u(0.2, 1)), _eye(loop, width, -180 - u(-10, 15)))]


@glyph(6)
def straight_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.22, 0.32)
    return [join(line((u(0.02, 0.2), 0), (-width, 1 - loop / 2)), _eye(loop, width, -180 - u(-10, 15)))]


@glyph(6)
def upright_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.42, 0.56), u(0.24, 0.34)
    stem = line((-width + u(-0.02, 0.06), 0), (-width, 1 - loop / 2))
    return [join(stem, _eye(loop, width, -180 - u(-10, 15)))]


@glyph(6)
def unclosed_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.44, 0.58), u(0.24, 0.34)
    return [join(_hook(u, loop, width, u(0.3, 1)), _eye(loop, width, u(-160, -138)))]


@glyph(6, 0.8)
def inward_spiral(u: Uniform) -> list[Path]:
    loop, width = u(0.5, 0.6), u(0.28, 0.36)
    eye = _eye(loop, width, -140)
    inside = curve(tuple(eye[-1]), (-width * 0.7, 1 - loop * 0.55), (-width * 0.5, 1 - loop * u(0.3, 0.4)))
    return [join(_hook(u, loop, width, u(0.3, 1)), eye, inside)]


@glyph(6, 0.7)
def round_back(u: Uniform) -> list[Path]:
    """A large C whose end rolls up into the loop."""
    loop, width = u(0.44, 0.54), u(0.3, 0.38)
    back = arc((0, 0.5), (width, 0.5), u(-50, -30), -180)
    return [join(back, arc((0, 1 - loop / 2 - 0.02), (width, loop / 2 + 0.02), 165, -180 - u(-5, 10)))]


# 9


def _head(u: Uniform, loop: float, width: float) -> Path:
    """The loop of a 9, anticlockwise from its upper right to its right side."""
    return arc((0, loop / 2), (width, loop / 2), u(-42, 5), -360)


@glyph(9, 2)
def straight_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.22, 0.32)
    return [join(_head(u, loop, width), line((width, loop * u(0.2, 0.5)), (width - u(-0.02, 0.1), 1)))]


@glyph(9)
def slanting_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.56), u(0.22, 0.32)
    return [join(_head(u, loop, width), line((width, loop * 0.4), (width - u(0.14, 0.34), 1)))]


@glyph(9, 1.5)
def curved_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.24, 0.34)
    end = (-width * u(0.4, 1), u(0.9, 1))
    return [join(_head(u, loop, width), curve((width, loop / 2), (width + 0.02, 0.7), (width * 0.7, 1.0), end))]


@glyph(9)
def hooked_tail(u: Uniform) -> list[Path]:
    """As a g is written: the tail turns far to the left and up."""
    loop, width = u(0.38, 0.5), u(0.22, 0.32)
    hook = curve(
        (width, loop / 2),
        (width, 0.7),
        (width, 1.04),
        (0, 1.06),
        (-width * 1.05, 0.98),
        (-width * u(0.9, 1.1), u(0.76, 0.86)),
    )
    return [join(_head(u, loop, width), hook)]


@glyph(9)
def rising_to_the_stem(u: Uniform) -> list[Path]:
    """The loop stays open at the right, and the stem begins at its own top."""
    loop, width = u(0.42, 0.54), u(0.24, 0.32)
    head = arc((0, loop / 2), (width, loop / 2), u(-50, -35), -335)
    stem = line((width + u(-0.02, 0.04), u(-0.03, 0.06)), (width + u(-0.08, 0.02), 1))
    return [join(head, stem)]


@glyph(9)
def circle_and_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.54), u(0.22, 0.3)
    start = u(-100, -30)
    ring = arc((0, loop / 2), (width, loop / 2), start, start - 360 - u(-12, 16))
    return [ring, curve((width + u(-0.02, 0.02), u(-0.02, 0.16)), (width, 0.5), (width - u(-0.04, 0.16), 1))]


@glyph(9, 0.6)
def clockwise_head(u: Uniform) -> list[Path]:
    """From the right side down, round and over the top into the tail."""
    loop, width = u(0.42, 0.56), u(0.24, 0.32)
    ring = arc((0, loop / 2), (width, loop / 2), u(10, 30), 375)
    return [join(ring, curve(tuple(ring[-1]), (width, 0.7), (width - u(0, 0.3), 1)))]
