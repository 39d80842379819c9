"""What each LiteRT file of a model is told to say about itself, to programs and to Android's tools."""

from inkproof import __version__
from inkproof.data.digits import IMAGE_SIDE
from inkproof.data.drawings import CANVAS_SIDE
from inkproof.evaluation.rejection import Rule
from inkproof.exporting.metadata import ENTRY, Card, Tensor, describe, encoded

LABELS = [str(digit) for digit in range(10)]
AUTHOR = "The developers of Inkproof"
LICENCE = "MIT"


SUMMARY = "Which digit, 0 to 9, a picture of one handwritten digit shows."
_FRAME = Tensor(
    "image", "Grey levels, 0 to 255, white ink on black, set into the frame as in MNIST", (0, 255), IMAGE_SIDE
)
_CANVAS = Tensor("canvas", "Grey levels, 0 to 255; ink darker than its ground or lighter", (0, 255), CANVAS_SIDE)
_SEEN = Tensor("seen", "What the network saw, white on black", (0, 255), IMAGE_SIDE)


def version(commit: str) -> str:
    """Return the version that stands in a file: the package's, and the commit that trained the model."""
    return f"{__version__} ({commit})"


def describe_model(content: bytes, rule: Rule, name: str, form: str, commit: str) -> bytes:
    """Return the LiteRT file of 28 x 28 digits of the run `name` with its metadata; `rule` is by the probabilities."""
    probabilities = Tensor("probabilities", "Of the digits 0 to 9", (0, 1), labels=True, threshold=rule.threshold)
    entry = _entry(rule, name, form, commit, "white on black")
    return describe(content, _card(name, commit), [_FRAME], [probabilities], LABELS, {ENTRY: encoded(entry)})


def describe_canvas(content: bytes, rule: Rule, name: str, form: str, commit: str) -> bytes:
    """Return the LiteRT file of canvases of the run `name` with its metadata; `rule` is that of its score."""
    outputs = [
        Tensor("probabilities", "Of the digits 0 to 9, calibrated", (0, 1), labels=True),
        _SEEN,
        Tensor("score", f"How surely it is a digit ({rule.name})", threshold=rule.threshold),
    ]
    entry = _entry(rule, name, form, commit, "dark on light or light on dark")
    return describe(content, _card(name, commit), [_CANVAS], outputs, LABELS, {ENTRY: encoded(entry)})


def _card(name: str, commit: str) -> Card:
    return Card(f"Inkproof {name}", SUMMARY, version(commit), AUTHOR, LICENCE)


def _entry(rule: Rule, name: str, form: str, commit: str, ink: str) -> dict[str, object]:
    return {
        "rule": rule.name,
        "threshold": rule.threshold,
        "temperature": rule.temperature,
        "labels": LABELS,
        "input": {"range": [0, 255], "ink": ink},
        "form": form,
        "model": name,
        "git_commit": commit,
    }
