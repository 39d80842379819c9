"""Glyph templates of the digits that begin at one end and wind to the other: 2, 3 and 5."""

from inkproof.synthetic.glyph import Path, Uniform, arc, curve, glyph, join, line

# 2


def _crown(u: Uniform, start: float) -> Path:
    """The bow on top, from the angle `start` over the top to the right and down."""
    width, height = u(0.22, 0.34), u(0.2, 0.28)
    return arc((0, height), (width, height), start, u(380, 405))


@glyph(2, 1.5)
def flat_base(u: Uniform) -> list[Path]:
    crown, left, base = _crown(u, u(175, 215)), -u(0.24, 0.36), u(0.96, 1.02)
    return [join(crown, line((left, base), (u(0.22, 0.42), base + u(-0.05, 0.04))))]


@glyph(2)
def bowed_neck(u: Uniform) -> list[Path]:
    crown, left = _crown(u, u(170, 210)), -u(0.24, 0.34)
    x, y = crown[-1]
    neck = curve((x, y), (x - 0.06, 0.62), (left + 0.14, 0.86), (left, 1))
    return [join(crown, neck, line((left, 1), (u(0.22, 0.4), u(0.95, 1.03))))]


@glyph(2)
def curled_start(u: Uniform) -> list[Path]:
    crown, left = _crown(u, u(112, 155)), -u(0.26, 0.36)
    return [join(crown, line((left, 1), (u(0.22, 0.4), u(0.96, 1.02))))]


@glyph(2, 1.5)
def looped_base(u: Uniform) -> list[Path]:
    crown, left = _crown(u, u(175, 215)), -u(0.28, 0.4)
    x, y = crown[-1]
    size = u(0.7, 1.3)
    loop = curve(
        (x, y), (0.06, 0.66), (left * 0.5, 0.86), (left, 1.06), (left - 0.14 * size, 0.96), (left, 0.78 - 0.06 * size),
        (left * 0.3, 0.84), (0.12, 1.06), (u(0.3, 0.46), u(0.88, 0.98)),
    )  # fmt: skip
    return [join(crown, loop)]


@glyph(2)
def wavy_base(u: Uniform) -> list[Path]:
    crown, left = _crown(u, u(175, 210)), -u(0.26, 0.36)
    wave = curve((left, 0.99), (left * 0.4, 0.78), (0.1, 1.12), (u(0.3, 0.46), u(0.84, 0.96)))
    return [join(crown, wave)]


@glyph(2, 0.7)
def angular_two(u: Uniform) -> list[Path]:
    left, shoulder = -u(0.26, 0.36), u(0.12, 0.28)
    return [
        line(
            (left, shoulder * u(0.5, 1)),
            (-0.06, 0),
            (u(0.14, 0.22), 0.02),
            (0.27, shoulder),
            (left, 1),
            (u(0.22, 0.38), 1),
        )
    ]


@glyph(2, 0.6)
def zed(u: Uniform) -> list[Path]:
    return [
        join(
            curve((-u(0.24, 0.34), u(0.06, 0.14)), (-0.1, -0.05), (u(0.24, 0.3), u(0, 0.04))),
            line((-u(0.24, 0.34), 1), (u(0.22, 0.36), u(0.97, 1.02))),
        )
    ]


# 3


def _belly(u: Uniform, waist: float, start: float) -> Path:
    """The lower bow, from the angle `start` (270 is its top) round to the left end."""
    half = (1 - waist) / 2
    return arc((u(-0.06, 0), waist + half), (u(0.28, 0.38), half), start, u(480, 525))


@glyph(3, 2)
def two_bows(u: Uniform) -> list[Path]:
    waist = u(0.4, 0.54)
    top = arc((0, waist / 2), (u(0.22, 0.32), waist / 2), u(190, 220), u(415, 440))
    return [join(top, line((-u(0.02, 0.14), waist + u(-0.02, 0.01)), (-0.01, waist)), _belly(u, waist, 285))]


@glyph(3)
def touching_bows(u: Uniform) -> list[Path]:
    """The waist hardly comes in."""
    waist = u(0.42, 0.52)
    top = arc((-0.02, waist / 2), (u(0.24, 0.32), waist / 2 + 0.02), u(195, 220), u(395, 410))
    return [join(top, line((u(-0.02, 0.06), waist), (u(0.08, 0.12), waist + 0.02)), _belly(u, waist, 310))]


@glyph(3)
def looped_waist(u: Uniform) -> list[Path]:
    waist = u(0.42, 0.52)
    top = arc((0, waist / 2), (u(0.24, 0.3), waist / 2), u(190, 215), u(410, 425))
    x, y = top[-1]
    size = u(0.7, 1.4)
    loop = curve(
        (x, y),
        (-0.1, waist + 0.02),
        (-0.1 - 0.16 * size, waist + 0.04),
        (-0.1 - 0.1 * size, waist - 0.1 * size),
        (0, waist - 0.02),
        (0.08, waist + 0.02),
    )
    return [join(top, loop, _belly(u, waist, 300))]


@glyph(3, 1.5)
def flat_top(u: Uniform) -> list[Path]:
    right, waist = u(0.2, 0.3), u(0.36, 0.46)
    return [join(line((-u(0.22, 0.34), u(-0.03, 0.05)), (right, 0), (u(-0.12, 0), waist)), _belly(u, waist, 282))]


@glyph(3, 0.6)
def angular_three(u: Uniform) -> list[Path]:
    waist = u(0.42, 0.52)
    return [
        line(
            (-u(0.2, 0.3), u(0.02, 0.1)),
            (0.02, 0),
            (u(0.2, 0.28), u(0.16, 0.24)),
            (-u(0.02, 0.12), waist),
            (u(0.24, 0.32), u(0.66, 0.76)),
            (0.04, 1),
            (-u(0.22, 0.34), u(0.88, 0.98)),
        )
    ]


# 5


def _bowl(u: Uniform, neck: float) -> Path:
    """The bow below, from where the neck meets it to its left end."""
    half = (1 - neck) / 2 + 0.03
    return arc((u(-0.02, 0.04), 1 - half), (u(0.24, 0.36), half), u(215, 240), u(485, 520))


@glyph(5, 1.5)
def bar_first(u: Uniform) -> list[Path]:
    """In one stroke, from the right end of the bar."""
    neck, left = u(0.38, 0.48), -u(0.16, 0.26)
    return [join(line((u(0.2, 0.36), u(-0.04, 0.03)), (left, 0), (left - u(-0.02, 0.05), neck)), _bowl(u, neck))]


@glyph(5, 1.5)
def bar_last(u: Uniform) -> list[Path]:
    neck, left = u(0.36, 0.46), -u(0.16, 0.26)
    body = join(line((left, u(0, 0.03)), (left - u(-0.02, 0.06), neck)), _bowl(u, neck))
    return [body, line((left + u(-0.03, 0.03), u(-0.02, 0.03)), (u(0.2, 0.38), u(-0.05, 0.04)))]


@glyph(5)
def bar_apart(u: Uniform) -> list[Path]:
    """The bar does not meet the neck."""
    neck, left = u(0.38, 0.46), -u(0.18, 0.26)
    body = join(line((left, u(0.05, 0.1)), (left - u(0, 0.05), neck)), _bowl(u, neck))
    return [body, line((left + u(0.03, 0.09), u(-0.04, 0.02)), (u(0.24, 0.4), u(-0.07, 0.02)))]


@glyph(5, 0.8)
def flowing(u: Uniform) -> list[Path]:
    """Hardly a corner where bar and neck meet."""
    neck, left = u(0.38, 0.46), -u(0.2, 0.28)
    top = curve((u(0.24, 0.36), u(-0.04, 0.04)), (0, 0.0), (left, -0.02), (left, 0.12), (left - 0.02, neck))
    return [join(top, _bowl(u, neck))]


@glyph(5, 0.7)
def boxy(u: Uniform) -> list[Path]:
    left, right, neck = -u(0.22, 0.3), u(0.2, 0.3), u(0.38, 0.48)
    return [
        line(
            (u(0.2, 0.32), 0),
            (left, 0),
            (left, neck),
            (right - 0.08, neck),
            (right, neck + 0.1),
            (right, 0.9),
            (right - 0.1, 1),
            (left - 0.03, u(0.94, 1)),
        )
    ]


@glyph(5, 0.8)
def slanting_neck(u: Uniform) -> list[Path]:
    """The neck leans, and the bar rises."""
    neck, left = u(0.38, 0.46), -u(0.06, 0.14)
    bowl = arc((-0.02, 0.72), (u(0.24, 0.34), 0.29), u(222, 240), u(485, 515))
    return [join(line((u(0.28, 0.42), -u(0, 0.08)), (left, 0), (left - u(0.1, 0.16), neck + 0.04)), bowl)]
