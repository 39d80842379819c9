"""Numbers and names for people: percentages with significant decimals, and titles of sets and methods."""

import math
import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from inkproof.evaluation.results import Accuracy, CorruptionsResult

HERE = Path(__file__).parent


class SetWords(NamedTuple):
    """A set of drawings in words.

    `variant` marks the test writers' pen digits with another rendering. `whose` says who drew them, where a number of
    writers does not.
    """

    title: str
    note: str
    variant: bool = False
    whose: str = ""


# In display order. conf/sets/all.yaml has how each set is rendered, conf/data which sets a dataset is evaluated on.
SETS = {
    "starter": SetWords(
        "Starter set",
        "Drawn for this repository, in many national styles of writing digits.",
        whose="authored by the developers",
    ),
    "mine": SetWords("Your drawings", "Imported by you."),
    "pens": SetWords("Pen tablet", "Test writers: none of their drawings was used for training or model selection."),
    "pens_thin": SetWords(
        "Pen tablet, thin brush", "The same digits with a brush of 8 pixels on a 280 x 280 canvas.", variant=True
    ),
    "pens_fat": SetWords("Pen tablet, fat brush", "The same digits with a brush of 32 pixels.", variant=True),
    "pens_pixels": SetWords(
        "Pen tablet, single pixels",
        "The same digits drawn at 28 x 28 with hard one-pixel lines, as in Paint.",
        variant=True,
    ),
    "pens_inverted": SetWords("Pen tablet, white on black", "The same digits in white on black.", variant=True),
    "pens_validation": SetWords("Pen tablet, validation writers", "Writers reserved for model selection."),
    "unipen": SetWords("UNIPEN", "Digits by 20 writers of several tablets and countries, fitted into the canvas."),
    "unipen_validation": SetWords("UNIPEN, validation writers", "Writers reserved for model selection."),
    "paper": SetWords("Paper scans", "Digits cut from scans of one person's paper."),
    "paper_validation": SetWords(
        "Paper scans, validation writer", "Those of another person, reserved for model selection."
    ),
    "usps": SetWords(
        "USPS",
        "Digits of United States envelopes, 16 x 16, from The Elements of Statistical Learning.",
        whose="by unknown writers",
    ),
    "semeion": SetWords("Semeion", "Black and white digits of 16 x 16.", whose="by about 80 unknown writers"),
}
VARIANTS = tuple(name for name, one in SETS.items() if one.variant)


class Method(NamedTuple):
    """A preprocessing method in words.

    `note` says what it does and `brief` the same in a figure. `end` ends the headline of the report.
    """

    note: str
    brief: str
    end: str = ""


# A method without words is shown by its name.
METHOD_WORDS = {
    "tutorial": Method("invert every image and shrink it to 28 x 28", "invert\nall"),
    "polarity": Method(
        "invert only dark ink on a light background, then shrink",
        "invert if\nneeded",
    ),
    "center_of_mass": Method(
        "crop to the ink, move its center of mass half way to the middle, then shrink",
        "crop,\ncenter",
    ),
    "mnist_style": Method(
        "fit the ink into 20 x 20 and center its mass in 28 x 28, as in MNIST",
        "MNIST's\nsize",
        end="with preprocessing like MNIST's",
    ),
    "classic": Method(
        "as mnist_style, with background, contrast, specks and the width of strokes corrected by rules",
        "MNIST's\nstrokes",
        end="with the normalizer by rules alone",
    ),
    "learned": Method(
        "the whole normalizer: as classic, but a trained network tells the ink from the background",
        "ink by\nnetwork",
        end="with the normalizer",
    ),
}


def method_words(name: str) -> Method:
    """Return a preprocessing method in words; an unknown one has none."""
    return METHOD_WORDS.get(name, Method("", ""))


DATA_TITLES = {"mnist": "MNIST", "mnist_plus_strokes": "MNIST and drawn strokes"}
# How the test accuracy of a model differs from that of the models it is compared with.
DATA_NOTES = {"mnist_normalized": "its test digits pass through the normalizer, as its training digits did"}
MISSING = "\N{EN DASH}"


def percent(fraction: float | None, n: int = 0) -> str:
    """Format a fraction as a percentage, with two decimals only if n digits are enough for them."""
    if fraction is None or math.isnan(fraction):
        return MISSING
    return f"{_figure(fraction, n)}%"


def interval(low: float, high: float, n: int = 0) -> str:
    """Format an interval of fractions in percent, such as 97.8 and 98.4 joined by a dash."""
    return f"{_figure(low, n)}\N{EN DASH}{_figure(high, n)}"


def measured(fraction: float | None, low: float, high: float, n: int = 0) -> tuple[str, str]:
    """Format a fraction that was measured on n digits, and its interval."""
    return percent(fraction, n), interval(low, high, n)


def accuracy_of(result: Accuracy, n: int = 0) -> tuple[str, str]:
    """Format an accuracy that was measured on n digits, and its interval."""
    return measured(result.accuracy, result.low, result.high, n)


def p_value(p: float) -> str:
    """Format a p-value; a value below 0.001 only as such."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _figure(fraction: float, n: int) -> str:
    # 0 and 1 are exact counts, so they need no decimals.
    return f"{100 * fraction:.{0 if fraction in (0, 1) else decimals(n)}f}"


def decimals(n: int) -> int:
    """Return how many decimals a percentage of n digits has: one digit in 2,000 is 0.05 points."""
    return 2 if n >= 2000 else 1


def points(difference: float, n: int = 0) -> str:
    """Format the difference of two fractions in percentage points, with a sign and a real minus."""
    text = f"{100 * difference:+.{decimals(n)}f}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "\N{MINUS SIGN}")


def kilobytes(value: float | None) -> str:
    """Format a size in KB, from 10 KB on without decimals."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def count(value: float | None, word: str = "") -> str:
    """Format a count, which may be 3.0, with its noun: "1 writer", "14 writers", "10,000"."""
    if value is None:
        return MISSING
    number = int(value)
    return f"{number:,} {word}{'' if number == 1 else 's'}" if word else f"{number:,}"


def set_title(name: str) -> str:
    """Return the title of a set of drawings; an unknown set keeps its name."""
    return SETS[name].title if name in SETS else name


def by_whom(name: str, writers: int) -> str:
    """Say who drew a set of drawings; "" if that is unknown."""
    if name in SETS and SETS[name].whose:
        return SETS[name].whose
    return f"by {count(writers, 'writer')}" if writers else ""


def prose(text: str) -> Markup:
    """Return `text` for a page: what is between backticks as code, and a times sign for an x between two numbers."""
    escaped = str(escape(text.replace(" x ", " \N{MULTIPLICATION SIGN} ")))
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", escaped))


def model_lines(name: str) -> str:
    """Break a long name of a model of another dataset, such as "mnist_plus_strokes-cnn", after the dataset."""
    return name.replace("-", "-\n", 1) if len(name) > 16 else name


def breakable(name: str) -> Markup:
    """Return `name` for a page, where lines may break after its underscores and hyphens."""
    return Markup(re.sub("([_-])", r"\1<wbr>", str(escape(name))))


def data_title(name: str) -> str:
    """Return the title of a dataset; an unknown dataset keeps its name."""
    return DATA_TITLES.get(name, name)


def blank_images(result: CorruptionsResult) -> str:
    """Say at which corruptions and severities how many images are blank, and what that means."""
    cells = [
        f"{count(n)} {'is' if n == 1 else 'are'} blank at {name.replace('_', ' ')} {level}"
        for (name, level), n in result.blank.items()
    ]
    return (
        "Where noise or lines of the paper are strong, the normalizer loses the digit. "
        f"Of {count(result.n)} images, {', '.join(cells)}. "
        "A model predicts the same digit for all blank images, so there the accuracies say nothing about it."
    )


def report_command(data: str) -> str:
    """Return the command that makes the report of a dataset and no other: without MNIST, nothing is downloaded."""
    return "make demo" if data == "optdigits" else f"dvc repro report@{data}"


def from_template(template: str, /, **values: Any) -> str:
    """Render a template of this folder with `values`, escaped in HTML; a missing value is an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = [accuracy_of, blank_images, breakable, by_whom, count, data_title, interval, kilobytes]
    words += [measured, p_value, percent, points, prose, report_command, set_title]
    environment.filters |= {function.__name__: function for function in words}
    return environment.get_template(template).render(values)


_WHOLE = re.compile(r"`[^`]*`|\[[^]]*\]\([^)]*\)")  # code and links, where lines must not break


def fill_markdown(text: str, width: int = 120) -> str:
    """Return Markdown with paragraphs and list items ("- ") wrapped at `width` columns.

    Headings, tables and fenced code stay unchanged. Several blank lines become one.
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
