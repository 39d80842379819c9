"""The results of the stages for each model, read from `reports/D/models` for the tables and the page."""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from inkproof.config.schema import Credit
from inkproof.config.validation import validated
from inkproof.evaluation.results import (
    CorruptionsResult,
    DrawnResult,
    DrawnSet,
    ExportResult,
    MethodResult,
    NumbersResult,
    RejectionResult,
    TestResult,
    TimingResult,
    split_missed,
)
from inkproof.reporting.wording import SETS, VARIANTS
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of

logger = logging.getLogger(__name__)

CANVAS_BYTES = 3_000_000
"""Largest canvas.tflite to deploy: git keeps the one in models/pretrained forever, and every clone downloads it."""


@dataclass(frozen=True)
class ModelResults:
    """The JSON files in one model's folder. A missing file is None, or empty if its results have names.

    `export` has the files that were written, `missed` why others were not, by kind.
    `compare_with` is None for the report's own models. For a model of another dataset it is the name of that dataset.
    """

    name: str
    folder: Path
    test: TestResult
    export: ExportResult = field(default_factory=dict)
    missed: Mapping[str, str] = field(default_factory=dict)
    drawn: DrawnResult = field(default_factory=dict)
    timing: TimingResult | None = None
    corruptions: CorruptionsResult | None = None
    rejection: RejectionResult | None = None
    numbers: NumbersResult | None = None
    compare_with: str | None = None

    def by_method(self, name: str) -> dict[str, MethodResult]:
        """Return the results on a set of drawings by preprocessing method; empty if there are none."""
        return by_method(self.drawn.get(name))

    def drawings(self, name: str) -> int:
        """Return how many drawings of a set the model was evaluated on."""
        return self.drawn[name].n if name in self.drawn else 0


def load_models(
    models_folder: Path,
    compare_with: Mapping[str, Path] | None = None,
    wanted: Callable[[Path], bool] = lambda folder: True,
    made_by: str = "dvc repro",
) -> list[ModelResults]:
    """Return every model below `models_folder` that has a test.json, the best test accuracy first.

    A model has the name of its folder. `compare_with` maps other datasets to the folders of their models. Those models
    are included under the name `<data>-<model>`; a missing folder is ignored. `wanted` says of a model's folder whether
    it is read, and `made_by` is the command for a user without results. A model without test.json is skipped with a
    warning in the log.

    Raises:
        UserError: `models_folder` is missing or has no evaluated model, a JSON file is broken, or a model of another
            dataset was evaluated on other test digits.
    """
    if not models_folder.is_dir():
        raise UserError(f"no folder {models_folder}; run `{made_by}` to train and evaluate the models first")
    models = _models_in(models_folder, wanted)
    if not models:
        raise UserError(f"no model below {models_folder} has a test.json; run `{made_by}` to evaluate one")
    n = models[0].test.n
    for data, folder in (compare_with or {}).items():
        others = _models_in(folder, wanted, data) if folder.is_dir() else []
        for model in others:
            if model.test.n != n:
                raise UserError(
                    f"{model.name} was evaluated on {model.test.n:,} test digits, but this report has {n:,}; "
                    f"remove {data} from data.compare_with"
                )
        models += others
    return sorted(models, key=lambda model: (-model.test.accuracy, model.name))


def _models_in(models_folder: Path, wanted: Callable[[Path], bool], data: str | None = None) -> list[ModelResults]:
    """Read the evaluated models of a folder; `data` names their dataset if it is not the report's own."""
    models = []
    for folder in sorted(path for path in models_folder.iterdir() if path.is_dir() and wanted(path)):
        if not (folder / "test.json").is_file():
            logger.warning("%s has no test.json and is left out of the report", folder)
            continue
        models.append(read_model(folder, f"{data}-{folder.name}" if data else folder.name, data))
    return models


def read_model(folder: Path, name: str, compare_with: str | None = None) -> ModelResults:
    """Return the results in a folder with a test.json; raises UserError if a file is broken."""
    export, missed = split_missed(_read_if_there(ExportResult, folder / "export.json") or {})
    return ModelResults(
        name=name,
        folder=folder,
        test=read_result(TestResult, folder / "test.json"),
        export=export,
        missed=missed,
        drawn=_read_if_there(DrawnResult, folder / "drawn.json") or {},
        timing=read_of_export(TimingResult, folder / "timing.json"),
        corruptions=_read_if_there(CorruptionsResult, folder / "corruptions.json"),
        rejection=_read_if_there(RejectionResult, folder / "rejection.json"),
        numbers=read_of_export(NumbersResult, folder / "numbers.json"),
        compare_with=compare_with,
    )


Kind = TypeVar("Kind")
OfExport = TypeVar("OfExport", TimingResult, NumbersResult)


def read_of_export(kind: type[OfExport], path: Path) -> OfExport | None:
    """Read what was measured on exported files; None if it was not on those of the export.json beside it.

    No stage makes these files again, so older ones can be here after a training, `dvc pull` or `dvc exp run`.
    """
    result, export = _read_if_there(kind, path), path.with_name("export.json")
    return result if result and export.is_file() and result.export_sha256 == sha256_of(export) else None


def read_result(kind: type[Kind], path: Path) -> Kind:
    """Read a JSON file of a stage, checked as `kind`; raises UserError, which names the file, if it is broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: broken UTF-8 or JSON
        raise UserError(f"{path} is not readable JSON ({error}); delete it and run its stage again") from error
    try:
        return validated(kind, content, path)
    except UserError as error:
        raise UserError(f"{error}; run its stage again") from None


def _read_if_there(kind: type[Kind], path: Path) -> Kind | None:
    return read_result(kind, path) if path.is_file() else None


def by_method(entry: DrawnSet | None) -> dict[str, MethodResult]:
    """Return a set's results by preprocessing method, in the order in which drawn.json has them."""
    return entry.methods if entry else {}


def all_methods(entries: Iterable[DrawnSet | None]) -> list[str]:
    """Return the preprocessing methods of any of these sets, in the order in which they come first."""
    return list(dict.fromkeys(method for entry in entries for method in by_method(entry)))


def sets_of(models: Sequence[ModelResults]) -> list[str]:
    """Return the names of all sets of drawings in the models' results, with empty sets, in display order."""
    return in_order({name for model in models for name in model.drawn}, SETS)


def in_order(found: Collection[str], order: Collection[str]) -> list[str]:
    """Return the known names in their order, then the unknown names sorted."""
    return [name for name in order if name in found] + sorted(set(found) - set(order))


CREDITS = {
    "mnist": Credit(
        "MNIST",
        "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner: Gradient-based learning applied to document recognition. "
        "Proceedings of the IEEE 86(11), 1998.",
        "CC BY-SA 3.0",
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
        "E. Alpaydin and F. Alimoglu, UCI Machine Learning Repository (1996). Changed: the strokes were rendered, and "
        "for training also bent, slanted, rotated and stretched.",
        "CC BY 4.0",
        "https://doi.org/10.24432/C5MG6K",
    ),
    "unipen": Credit(
        "UNIPEN",
        "I. Guyon, L. Schomaker, R. Plamondon, M. Liberman and S. Janet: UNIPEN project of on-line data exchange and "
        "recognizer benchmarks. ICPR 1994. Changed: the strokes were rendered, and for training also bent, slanted, "
        "rotated and stretched.",
        "CC BY 4.0",
        "https://doi.org/10.5281/zenodo.1195803",
    ),
    "paper": Credit(
        "Two people on paper",
        "A. Schroeder: numbers, a collection of handwritten numbers. As cut in github.com/rjuppa/numbers_recognition.",
        "CC0 1.0",
        "https://github.com/kensanata/numbers",
    ),
    "usps": Credit(
        "USPS",
        "Y. LeCun et al.: Handwritten digit recognition with a back-propagation network. NIPS 1989. As in T. Hastie, "
        "R. Tibshirani and J. Friedman: The Elements of Statistical Learning, 2009.",
        "made available for research",
        "https://hastie.su.domains/ElemStatLearn/",
    ),
    "semeion": Credit(
        "Semeion",
        "M. Buscema, S. Terzi and W. Tastle: Semeion Handwritten Digit. UCI Machine Learning Repository (2008).",
        "CC BY 4.0",
        "https://doi.org/10.24432/C5SC8V",
    ),
    "glyphs": Credit(
        "Glyph templates",
        "Authored in this repository as strokes, separately from the starter set. Not collected from people.",
        "MIT, as the repository",
        "",
    ),
    "starter": Credit(
        "Starter set",
        "Authored in this repository as strokes. Not collected from people.",
        "MIT, as the repository",
        "",
    ),
}

# All sets of pen drawings come from one dataset, and data=mnist_plus_strokes from four.
SOURCES = dict.fromkeys([*VARIANTS, "pens_validation"], ("pens",)) | {
    "mnist_plus_strokes": ("mnist", "pens", "unipen", "glyphs"),
    "unipen_validation": ("unipen",),
    "paper_validation": ("paper",),
}


def credits_for(names: Iterable[str]) -> list[Credit]:
    """Return the credits of these datasets and sets of drawings, each once, without unknown names."""
    wanted = dict.fromkeys(source for name in names for source in SOURCES.get(name, (name,)))
    return [CREDITS[name] for name in wanted if name in CREDITS]
