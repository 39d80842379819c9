"""Numbers and names as people read them: per cents with honest decimals, sets and methods in words."""

import math
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

HERE = Path(__file__).parent


class DrawnSet(NamedTuple):
    """A set of drawings in words; `variant` marks the reporting writers' pen digits drawn in another way."""

    title: str
    note: str
    variant: bool = False


# In the order they are shown. How each is drawn stands in conf/sets/all.yaml, which are read in conf/data.
SETS = {
    "starter": DrawnSet("Starter set", "Drawn for this repository in the many ways the world writes digits."),
    "mine": DrawnSet("Your drawings", "Imported by you."),
    "pens": DrawnSet("Pen tablet", "Nothing was trained, tuned or chosen on these writers."),
    "pens_thin": DrawnSet(
        "Pen tablet, thin brush", "The same digits with a brush of 8 pixels on a canvas of 280.", variant=True
    ),
    "pens_fat": DrawnSet("Pen tablet, fat brush", "The same digits with a brush of 32 pixels.", variant=True),
    "pens_pixels": DrawnSet(
        "Pen tablet, single pixels",
        "The same digits drawn straight into 28 x 28 with hard one-pixel lines, as in Paint.",
        variant=True,
    ),
    "pens_inverted": DrawnSet("Pen tablet, white on black", "The same digits, white ink on black.", variant=True),
    "pens_validation": DrawnSet("Pen tablet, kept writers", "Writers set aside for choosing among models."),
}
VARIANTS = tuple(name for name, one in SETS.items() if one.variant)


class Method(NamedTuple):
    """A method in words: what it does; the same below its name in a figure; as a step of a story, and as its end."""

    note: str
    brief: str
    step: str = ""
    end: str = ""


# `inkproof.preprocessing.methods` has their order.
METHOD_WORDS = {
    "tutorial": Method("invert every image, whatever it looks like, and shrink it to 28 x 28", "always\ninvert"),
    "polarity": Method(
        "invert only dark ink on a light ground, and shrink",
        "invert if\nneeded",
        step="inverting only where the ink is dark",
    ),
    "center_of_mass": Method(
        "crop to the ink, set by the center of mass, and shrink",
        "crop and\ncentre",
        step="cropping to the ink and centring it",
    ),
    "mnist_style": Method(
        "fit the ink into 20 x 20 and set its center of mass in the middle of 28 x 28, as in MNIST",
        "size as in\nMNIST",
        step="fitting the ink into a box of 20 x 20 with its center of mass in the middle, as in MNIST,",
        end="prepared like MNIST",
    ),
    "classic": Method(
        "the whole normalizer: ground, contrast and specks, and strokes brought to MNIST's width",
        "ink as in\nMNIST",
        step="the whole normalizer",
        end="normalized by the ink layer",
    ),
}


def method_words(name: str) -> Method:
    """Return a method in words; of an unknown one there are none."""
    return METHOD_WORDS.get(name, Method("", ""))


DATA_TITLES = {"mnist": "MNIST", "mnist_plus_strokes": "MNIST and drawn ink"}
# Said of a model shown beside those of another dataset: how its test figure differs from theirs.
DATA_NOTES = {"mnist_plus_strokes": "it reads the test digits through the normalizer, as it was trained"}
MISSING = "\N{EN DASH}"


def percent(fraction: float | None, n: int = 0) -> str:
    """Write a fraction in per cent; two decimals only where n digits can tell hundredths of a point apart."""
    if fraction is None or math.isnan(fraction):
        return MISSING
    return f"{_figure(fraction, n)}%"


def interval(low: float | None, high: float | None, n: int = 0) -> str:
    """Write an interval of fractions as "97.8" to "98.4" joined by a dash, per cent understood."""
    if low is None or high is None:
        return MISSING
    return f"{_figure(low, n)}\N{EN DASH}{_figure(high, n)}"


def measured(entry: Mapping[str, Any], n: int = 0, key: str = "accuracy") -> tuple[str, str]:
    """Write the figure `key` of `entry` and its interval, `low` to `high`, both as measured on n digits."""
    return percent(entry[key], n), interval(entry["low"], entry["high"], n)


def p_value(p: float) -> str:
    """Write the p-value of a test; below a thousandth only that it is."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _figure(fraction: float, n: int) -> str:
    # All and none are exact: decimals there would promise a measurement.
    return f"{100 * fraction:.{0 if fraction in (0, 1) else decimals(n)}f}"


def decimals(n: int) -> int:
    """Return how many decimals of a per cent n digits carry: one digit in 2,000 is 0.05 points."""
    return 2 if n >= 2000 else 1


def points(difference: float, n: int = 0) -> str:
    """Write the difference of two fractions in percentage points, signed, with a true minus."""
    text = f"{100 * difference:+.{decimals(n)}f}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "\N{MINUS SIGN}")


def kilobytes(value: float | None) -> str:
    """Write a size in KB without decimals from 10 on."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def count(value: float | None, word: str = "") -> str:
    """Write a count, which JSON may hold as 3.0, with its noun: "1 writer", "14 writers", "10,000"."""
    if value is None:
        return MISSING
    number = int(value)
    return f"{number:,} {word}{'' if number == 1 else 's'}" if word else f"{number:,}"


def set_title(name: str) -> str:
    """Return a set's name for people; an unknown set keeps its own."""
    return SETS[name].title if name in SETS else name


def data_title(name: str) -> str:
    """Return a dataset's name for people; an unknown one keeps its own."""
    return DATA_TITLES.get(name, name)


def from_template(template: str, /, **values: Any) -> str:
    """Return the template of this folder with `values` in it, escaped in HTML; one that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["times"] = lambda text: str(text).replace(" x ", " \N{MULTIPLICATION SIGN} ")
    words = (count, data_title, interval, kilobytes, measured, p_value, percent, points, set_title)
    environment.filters |= {function.__name__: function for function in words}
    return environment.get_template(template).render(values)


_WHOLE = re.compile(r"`[^`]*`|\[[^]]*\]\([^)]*\)")  # code and links, within which no line is to end


def fill_markdown(text: str, width: int = 120) -> str:
    """Return Markdown with paragraphs and list items ("- ") filled to `width` columns.

    Headings, tables and fenced code stay as they are; of several blank lines one stays.
    """
    filled: list[str] = []
    paragraph: list[str] = []
    code = False

    def end_paragraph() -> None:
        if paragraph:
            filled.extend(_lines(" ".join(paragraph), width))
            paragraph.clear()

    for line in text.splitlines():
        fence = line.startswith("```")
        code ^= fence
        if not (fence or code or not line or line.startswith(("#", "|"))):
            if line.startswith("- "):
                end_paragraph()
            paragraph.append(line)
            continue
        end_paragraph()
        if line or code or (filled and filled[-1]):
            filled.append(line)
    end_paragraph()
    return "\n".join(filled).rstrip("\n") + "\n"


def _lines(paragraph: str, width: int) -> list[str]:
    glued = _WHOLE.sub(lambda span: span[0].replace(" ", "\0"), paragraph)
    indent = "  " if paragraph.startswith("- ") else ""
    lines = textwrap.wrap(glued, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
