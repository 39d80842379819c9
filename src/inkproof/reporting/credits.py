"""Where the digits come from, under which licence, and how their authors ask to be cited."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Credit:
    """A data set's name, its citation, its licence and the address where it is described."""

    title: str
    citation: str
    licence: str
    link: str


CREDITS = {
    "mnist": Credit(
        "MNIST",
        "Y. LeCun, C. Cortes and C. J. C. Burges: The MNIST database of handwritten digits (1998).",
        "CC BY-SA 3.0, as commonly stated",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    "optdigits": Credit(
        "Optical Recognition of Handwritten Digits",
        "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998); the copy inside scikit-learn.",
        "CC BY 4.0",
        "https://doi.org/10.24432/C50P49",
    ),
    "pens": Credit(
        "Pen-Based Recognition of Handwritten Digits",
        "E. Alpaydin and F. Alimoglu, UCI Machine Learning Repository (1996).",
        "CC BY 4.0",
        "https://doi.org/10.24432/C5MG6K",
    ),
    "starter": Credit(
        "Starter set",
        "Authored in this repository as strokes; not collected from people.",
        "MIT, as the repository",
        "",
    ),
}

# Both sets of pen drawings come from one data set.
PARENTS = {"pens_kept": "pens"}


def credits_for(names: Iterable[str]) -> list[Credit]:
    """Return the credits of the data sets and sets of drawings named, each once, unknown ones left out."""
    wanted = dict.fromkeys(PARENTS.get(name, name) for name in names)
    return [CREDITS[name] for name in wanted if name in CREDITS]
