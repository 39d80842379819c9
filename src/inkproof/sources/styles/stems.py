"""Styles of the digits that are a loop with a stem: 6 and 9."""

from inkproof.sources.styles.path import Path, arc, curve, join, line
from inkproof.sources.styles.style import Uniform, style

# 6


def _hook(u: Uniform, loop: float, width: float, bulge: float) -> Path:
    """From the upper right down to the left side of a loop of height `loop`; `bulge` 0 is a straight way."""
    side = (-width, 1 - loop / 2)
    top = (u(-0.02, 0.26), u(0, 0.06))
    return curve(top, (top[0] - 0.3 * bulge - 0.06, 0.06), (-width - 0.06 * bulge, 0.42 - 0.1 * bulge), side)


def _eye(loop: float, width: float, end: float) -> Path:
    """The loop of a 6, from its left side anticlockwise to the angle `end`; -180 closes it."""
    return arc((0, 1 - loop / 2), (width, loop / 2), 180, end)


@style(6, 1.5)
def big_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.48, 0.62), u(0.24, 0.36)
    return [join(_hook(u, loop, width, u(0.2, 1)), _eye(loop, width, -180 - u(-12, 20)))]


@style(6, 1.3)
def small_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.36, 0.46), u(0.2, 0.28)
    return [join(_hook(u, loop, width, u(0.2, 1)), _eye(loop, width, -180 - u(-10, 15)))]


@style(6)
def straight_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.22, 0.32)
    return [join(line((u(0.02, 0.2), 0), (-width, 1 - loop / 2)), _eye(loop, width, -180 - u(-10, 15)))]


@style(6)
def upright_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.42, 0.56), u(0.24, 0.34)
    stem = line((-width + u(-0.02, 0.06), 0), (-width, 1 - loop / 2))
    return [join(stem, _eye(loop, width, -180 - u(-10, 15)))]


@style(6)
def unclosed_loop(u: Uniform) -> list[Path]:
    loop, width = u(0.44, 0.58), u(0.24, 0.34)
    return [join(_hook(u, loop, width, u(0.3, 1)), _eye(loop, width, u(-160, -138)))]


@style(6, 0.8)
def inward_spiral(u: Uniform) -> list[Path]:
    loop, width = u(0.5, 0.6), u(0.28, 0.36)
    eye = _eye(loop, width, -140)
    inside = curve(tuple(eye[-1]), (-width * 0.7, 1 - loop * 0.55), (-width * 0.5, 1 - loop * u(0.3, 0.4)))
    return [join(_hook(u, loop, width, u(0.3, 1)), eye, inside)]


@style(6, 0.7)
def round_back(u: Uniform) -> list[Path]:
    """A large C whose end rolls up into the loop."""
    loop, width = u(0.44, 0.54), u(0.3, 0.38)
    back = arc((0, 0.5), (width, 0.5), u(-50, -30), -180)
    return [join(back, arc((0, 1 - loop / 2 - 0.02), (width, loop / 2 + 0.02), 165, -180 - u(-5, 10)))]


# 9


def _head(u: Uniform, loop: float, width: float) -> Path:
    """The loop of a 9, anticlockwise from its upper right to its right side."""
    return arc((0, loop / 2), (width, loop / 2), u(-42, 5), -360)


@style(9, 2)
def straight_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.22, 0.32)
    return [join(_head(u, loop, width), line((width, loop * u(0.2, 0.5)), (width - u(-0.02, 0.1), 1)))]


@style(9)
def slanting_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.56), u(0.22, 0.32)
    return [join(_head(u, loop, width), line((width, loop * 0.4), (width - u(0.14, 0.34), 1)))]


@style(9, 1.5)
def curved_tail(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.58), u(0.24, 0.34)
    end = (-width * u(0.4, 1), u(0.9, 1))
    return [join(_head(u, loop, width), curve((width, loop / 2), (width + 0.02, 0.7), (width * 0.7, 1.0), end))]


@style(9)
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


@style(9)
def rising_to_the_stem(u: Uniform) -> list[Path]:
    """The loop stays open at the right, and the stem begins at its own top."""
    loop, width = u(0.42, 0.54), u(0.24, 0.32)
    head = arc((0, loop / 2), (width, loop / 2), u(-50, -35), -335)
    stem = line((width + u(-0.02, 0.04), u(-0.03, 0.06)), (width + u(-0.08, 0.02), 1))
    return [join(head, stem)]


@style(9)
def circle_and_stem(u: Uniform) -> list[Path]:
    loop, width = u(0.4, 0.54), u(0.22, 0.3)
    start = u(-100, -30)
    ring = arc((0, loop / 2), (width, loop / 2), start, start - 360 - u(-12, 16))
    return [ring, curve((width + u(-0.02, 0.02), u(-0.02, 0.16)), (width, 0.5), (width - u(-0.04, 0.16), 1))]


@style(9, 0.6)
def clockwise_head(u: Uniform) -> list[Path]:
    """From the right side down, round and over the top into the tail."""
    loop, width = u(0.42, 0.56), u(0.24, 0.32)
    ring = arc((0, loop / 2), (width, loop / 2), u(10, 30), 375)
    return [join(ring, curve(tuple(ring[-1]), (width, 0.7), (width - u(0, 0.3), 1)))]
