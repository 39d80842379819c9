"""Glyph templates of the digits made of straight strokes: 1, 4 and 7."""

from inkproof.synthetic.glyph import Path, Uniform, curve, glyph, join, line

# 1. The flag is steep and the stem upright, or the digit would be a 7, or with a foot a 2.

UPRIGHT = (-12.0, 12.0)


def _stem(u: Uniform) -> Path:
    return curve((0, 0), (u(-0.03, 0.03), 0.5), (u(-0.05, 0.05), 1))


def _foot(u: Uniform) -> Path:
    tilt = u(-0.03, 0.03)
    return line((-u(0.14, 0.34), 1 + tilt), (u(0.14, 0.34), 1 - tilt))


@glyph(1, 2.5)
def bare(u: Uniform) -> list[Path]:
    return [_stem(u)]


@glyph(1, 1.5, lean=UPRIGHT)
def short_flag(u: Uniform) -> list[Path]:
    reach = u(0.08, 0.2)
    return [join(line((-reach, reach * u(0.7, 1.5)), (0, 0)), _stem(u))]


@glyph(1, 1.5, lean=UPRIGHT)
def long_flag(u: Uniform) -> list[Path]:
    reach = u(0.22, 0.42)
    return [join(line((-reach, reach * u(0.95, 1.5)), (0, 0)), _stem(u))]


@glyph(1, lean=UPRIGHT)
def bent_flag(u: Uniform) -> list[Path]:
    reach = u(0.14, 0.26)
    drop = reach * u(0.95, 1.4)
    return [join(curve((-reach, drop), (-reach * 0.4, drop * 0.95), (-0.02, 0)), _stem(u))]


@glyph(1, lean=UPRIGHT)
def flag_and_foot(u: Uniform) -> list[Path]:
    reach = u(0.1, 0.3)
    return [join(line((-reach, reach * u(0.8, 1.3)), (0, 0)), _stem(u)), _foot(u)]


@glyph(1, 0.5, lean=UPRIGHT)
def foot_in_one(u: Uniform) -> list[Path]:
    reach, left = u(0.1, 0.28), u(0.12, 0.28)
    return [
        line((-reach, reach * u(0.8, 1.3)), (0, 0), (u(-0.03, 0.03), 1), (-left, 1), (u(0.15, 0.32), u(0.97, 1.02)))
    ]


# 4


def _right_stem(u: Uniform, top: float) -> Path:
    x = u(0.06, 0.2)
    return curve((x, top), (x + u(-0.03, 0.02), 0.6), (x - u(-0.02, 0.1), 1))


@glyph(4, 1.5)
def open_corner(u: Uniform) -> list[Path]:
    left, bar = -u(0.22, 0.38), u(0.48, 0.64)
    return [
        line((left + u(0, 0.14), u(0, 0.12)), (left, bar), (u(0.26, 0.44), bar + u(-0.05, 0.03))),
        _right_stem(u, u(0, 0.36)),
    ]


@glyph(4)
def open_cup(u: Uniform) -> list[Path]:
    left, bar = -u(0.22, 0.34), u(0.5, 0.62)
    cup = curve(
        (left, u(0, 0.08)),
        (left - 0.04, bar * 0.6),
        (left, bar + 0.04),
        (-0.02, bar + 0.02),
        (u(0.14, 0.3), bar - u(0, 0.08)),
    )
    return [cup, _right_stem(u, u(-0.02, 0.2))]


@glyph(4, 1.5)
def closed(u: Uniform) -> list[Path]:
    top, bar = u(0.08, 0.18), u(0.58, 0.74)
    roof = line((top, 0), (-u(0.26, 0.42), bar), (u(0.26, 0.42), bar + u(-0.03, 0.03)))
    return [roof, curve((top, u(-0.02, 0.05)), (top + u(-0.02, 0.03), 0.5), (top + u(-0.05, 0.05), 1))]


@glyph(4)
def closed_backward(u: Uniform) -> list[Path]:
    top, bar, left = u(0.06, 0.16), u(0.58, 0.72), -u(0.26, 0.4)
    return [line((u(0.26, 0.42), bar + u(-0.03, 0.03)), (left, bar), (top, 0), (top + u(-0.05, 0.05), 1))]


@glyph(4)
def open_in_one(u: Uniform) -> list[Path]:
    """Down, across, and in a narrow loop up to the top of the stem."""
    left, bar, stem = -u(0.24, 0.36), u(0.5, 0.62), u(0.12, 0.2)
    head = u(0.06, 0.26)
    turn = curve((left, bar), (0.1, bar), (stem + 0.14, bar - 0.02), (stem + 0.08, head + 0.1), (stem, head))
    return [join(line((left + u(0.02, 0.14), 0), (left, bar)), turn, line((stem, head), (stem - u(0, 0.08), 1)))]


@glyph(4)
def closed_in_one(u: Uniform) -> list[Path]:
    """From the top down, across, and round to the top again."""
    left, bar, stem = -u(0.26, 0.38), u(0.56, 0.68), u(0.08, 0.14)
    turn = curve((left, bar), (0.1, bar), (stem + 0.18, bar), (stem + 0.1, 0.2), (stem, u(0.02, 0.1)))
    return [join(line((stem - u(0.02, 0.1), 0), (left, bar)), turn, line((stem, 0.06), (stem - u(0, 0.06), 1)))]


@glyph(4, 0.7)
def low_bar(u: Uniform) -> list[Path]:
    """The stem is hardly longer than the triangle is high."""
    top, bar = u(0.06, 0.16), u(0.7, 0.8)
    return [line((top, 0), (-u(0.32, 0.44), bar), (u(0.24, 0.36), bar)), line((top, u(0.2, 0.4)), (top, 1))]


# 7. The bar is long and nearly level and the leg does not lean back, or the digit would be a 1.

FORWARD = (-6.0, 22.0)


def _bar(u: Uniform) -> Path:
    return line((-u(0.3, 0.4), u(-0.04, 0.05)), (u(0.24, 0.34), 0))


def _hooked_bar(u: Uniform) -> Path:
    left = -u(0.28, 0.38)
    return line((left + u(-0.05, 0.03), u(0.08, 0.2)), (left, u(-0.02, 0.05)), (u(0.22, 0.32), 0))


def _wavy_bar(u: Uniform) -> Path:
    left = -u(0.3, 0.4)
    return curve((left, u(0.08, 0.16)), (left + 0.06, -0.06), (0, 0.1), (0.2, 0.06), (u(0.26, 0.34), 0))


def _leg(u: Uniform, bar: Path) -> Path:
    (x, y), foot = bar[-1], u(-0.24, 0.06)
    sag = u(-0.02, 0.16)
    middle = ((x + foot) / 2 - sag, 0.5)
    return join(bar, curve((x, y), middle, (foot, 1)))


def _dash(u: Uniform, leg: Path) -> Path:
    y, half = u(0.46, 0.6), u(0.13, 0.24)
    x = float(leg[len(leg) // 2 :][abs(leg[len(leg) // 2 :, 1] - y).argmin(), 0])
    tilt = u(-0.05, 0.03)
    return line((x - half, y - tilt), (x + half, y + tilt))


@glyph(7, 1.5, lean=FORWARD)
def plain(u: Uniform) -> list[Path]:
    return [_leg(u, _bar(u))]


@glyph(7, lean=FORWARD)
def hooked(u: Uniform) -> list[Path]:
    return [_leg(u, _hooked_bar(u))]


@glyph(7, 0.6, lean=FORWARD)
def wavy(u: Uniform) -> list[Path]:
    return [_leg(u, _wavy_bar(u))]


@glyph(7, 1.5, lean=FORWARD)
def crossed(u: Uniform) -> list[Path]:
    leg = _leg(u, _bar(u))
    return [leg, _dash(u, leg)]


@glyph(7, lean=FORWARD)
def hooked_and_crossed(u: Uniform) -> list[Path]:
    leg = _leg(u, _hooked_bar(u))
    return [leg, _dash(u, leg)]


@glyph(7, 0.4, lean=FORWARD)
def wavy_and_crossed(u: Uniform) -> list[Path]:
    leg = _leg(u, _wavy_bar(u))
    return [leg, _dash(u, leg)]


@glyph(7, 0.5, lean=FORWARD)
def two_strokes(u: Uniform) -> list[Path]:
    bar = _bar(u)
    x, y = bar[-1] - (u(-0.02, 0.03), u(-0.02, 0.02))
    return [bar, curve((x, y), (x - 0.2, 0.45), (u(-0.2, 0.06), 1))]
