"""What the stages wrote about each model, read back from `reports/D/models` for tables and page."""

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkproof.preprocessing.methods import METHODS
from inkproof.reporting.wording import SETS, VARIANTS
from inkproof.runtime.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelResults:
    """One model's folder: `test` as in test.json; the other files' contents are empty where missing.

    `compare_with` is None for the report's own models, and for one shown beside them the dataset it was trained on.
    """

    name: str
    folder: Path
    test: Mapping[str, Any]
    export: Mapping[str, Any]
    drawn: Mapping[str, Mapping[str, Any]]
    timing: Mapping[str, Any]
    corruptions: Mapping[str, Any] = field(default_factory=dict)
    rejection: Mapping[str, Any] = field(default_factory=dict)
    compare_with: str | None = None


def load_models(models_folder: Path, compare_with: Mapping[str, Path] | None = None) -> list[ModelResults]:
    """Return every model below `models_folder` that has a test.json, the best test accuracy first.

    `compare_with` names other datasets and where their models' results lie; these models are shown beside the own
    ones, called `<data>-<model>`, and a folder that does not exist is passed over. A model without test.json is
    skipped with a warning in the log. Raises UserError when `models_folder` is missing or holds no evaluated
    model, when a JSON file cannot be used, naming it, and when a model beside was tried on other test digits.
    """
    if not models_folder.is_dir():
        raise UserError(f"no folder {models_folder}; run `dvc repro` to train and evaluate the models first")
    found = _below(models_folder)
    if not found:
        raise UserError(f"no model below {models_folder} has a test.json; run `dvc repro` to evaluate one")
    n = found[0].test["n"]
    for data, folder in (compare_with or {}).items():
        others = _below(folder, data) if folder.is_dir() else []
        for model in others:
            if model.test["n"] != n:
                raise UserError(
                    f"{model.name} was tried on {model.test['n']:,} test digits and not on the {n:,} of this report; "
                    f"take {data} out of data.compare_with"
                )
        found += others
    return sorted(found, key=lambda model: (-model.test["accuracy"], model.name))


def _below(models_folder: Path, data: str | None = None) -> list[ModelResults]:
    """Read the evaluated models of a folder; `data` names the dataset where it is not the report's own."""
    found = []
    for folder in sorted(path for path in models_folder.iterdir() if path.is_dir()):
        if not (folder / "test.json").is_file():
            logger.warning("%s has no test.json and is left out of the report", folder)
            continue
        test = read_object(folder / "test.json")
        for key in ("n", "errors", "accuracy", "accuracy_low", "accuracy_high"):
            if not isinstance(test.get(key), int | float):
                raise UserError(f"{folder / 'test.json'} has no number `{key}`; evaluate {folder.name} again")
        parts = {
            part: read_object(folder / f"{part}.json") if (folder / f"{part}.json").is_file() else {}
            for part in ("export", "drawn", "timing", "corruptions", "rejection")
        }
        _check_drawn(folder / "drawn.json", parts["drawn"])
        name = str(test.get("model") or folder.name)
        found.append(ModelResults(f"{data}-{name}" if data else name, folder, test, **parts, compare_with=data))
    return found


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; half a file or another type is a UserError that names the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not readable JSON ({error}); delete it and run its stage again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a JSON object, not {type(value).__name__}; run its stage again")
    return value


def _check_drawn(path: Path, drawn: Mapping[str, Any]) -> None:
    """Raise UserError when a set has no count or a method no interval."""
    for name, entry in drawn.items():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("n"), int):
            raise UserError(f"{path} does not say how many drawings `{name}` has; run its stage again")
        for method in methods_of(entry):
            if not all(isinstance(entry[method].get(key), int | float) for key in ("accuracy", "low", "high")):
                raise UserError(f"{path} lacks figures for `{name}` on the method `{method}`; run its stage again")


def methods_of(entry: Mapping[str, Any]) -> list[str]:
    """Return the methods in a set's entry of drawn.json in the order of the climb, unknown ones last."""
    found = [key for key, value in entry.items() if isinstance(value, Mapping) and "accuracy" in value]
    return in_order(found, METHODS)


def all_methods(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the methods in any of these entries of drawn.json in the order of the climb, unknown ones last."""
    return in_order({method for entry in entries for method in methods_of(entry)}, METHODS)


def sets_of(models: Sequence[ModelResults]) -> list[str]:
    """Return the names of all sets of drawings that the models know of, empty ones too, in showing order."""
    return in_order({name for model in models for name in model.drawn}, SETS)


def in_order(found: Collection[str], order: Collection[str]) -> list[str]:
    """Return what was found, known names in their order and unknown ones after them by name."""
    return [name for name in order if name in found] + sorted(set(found) - set(order))


@dataclass(frozen=True)
class Credit:
    """A dataset's name, its citation, its license and the address where it is described."""

    title: str
    citation: str
    license: str
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


# All sets of pen drawings come from one dataset, and data=mnist_plus_strokes from three.
PARENTS = dict.fromkeys([*VARIANTS, "pens_validation"], ("pens",)) | {"mnist_plus_strokes": ("mnist", "pens", "styles")}


def credits_for(names: Iterable[str]) -> list[Credit]:
    """Return the credits of the datasets and sets of drawings named, each once, unknown ones left out."""
    wanted = dict.fromkeys(parent for name in names for parent in PARENTS.get(name, (name,)))
    return [CREDITS[name] for name in wanted if name in CREDITS]
