"""Where the digits come from, under which licence, and how their authors ask to be cited."""

from collections.abc import Iterable
from dataclasses import dataclass

from inkproof.reporting.results import DRESSES


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
        "E. Alpaydin and F. Alimoglu, UCI Machine Learning Repository (1996). The strokes are changed: rendered, and "
        "where a network is trained on them also bent, slanted, turned and stretched.",
        "CC BY 4.0",
        "https://doi.org/10.24432/C5MG6K",
    ),
    "styles": Credit(
        "Authored stroke styles",
        "Written in this repository as strokes, apart from the starter set; not collected from people.",
        "MIT, as the repository",
        "",
    ),
    "starter": Credit(
        "Starter set",
        "Authored in this repository as strokes; not collected from people.",
        "MIT, as the repository",
        "",
    ),
}

# All sets of pen drawings come from one data set, and data=ink from three.
PARENTS = dict.fromkeys([*DRESSES, "pens_kept"], ("pens",)) | {"ink": ("mnist", "pens", "styles")}


def credits_for(names: Iterable[str]) -> list[Credit]:
    """Return the credits of the data sets and sets of drawings named, each once, unknown ones left out."""
    wanted = dict.fromkeys(parent for name in names for parent in PARENTS.get(name, (name,)))
    return [CREDITS[name] for name in wanted if name in CREDITS]
