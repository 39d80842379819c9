"""The types of the JSON files that stages write of a model, and the report reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inkproof.runtime.files import write_json


class Result(BaseModel):
    """What a stage found; read-only. Fields that were not given are not written to JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    def content(self) -> dict[str, Any]:
        """Return what its JSON file holds."""
        return self.model_dump(exclude_unset=True)


def write_result(path: Path, result: Result | Mapping[str, Result]) -> None:
    """Write a result, or results by name, as JSON to `path`, whole or not at all."""
    one = result.content() if isinstance(result, Result) else {name: own.content() for name, own in result.items()}
    write_json(path, one)


Interval = Literal["writers", "wilson"]
"""Where a 95% interval comes from: a bootstrap over writers, or Wilson's formula for independent digits."""


class Accuracy(Result):
    """A fraction, and the ends of its 95% interval."""

    accuracy: float
    low: float
    high: float


# -- test.json ---------------------------------------------------------------------------------------------------------


class TestSummary(Result):
    """Test digits and their predictions; `nll` is in nats, `per_class` has None for a digit that does not occur.

    `writers` is 0 if the dataset does not name them.
    """

    __test__ = False  # pytest takes classes of this name for its own

    n: int
    writers: int = 0
    interval: Interval = "wilson"
    errors: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    nll: float
    ece: float
    per_class: dict[str, float | None]


class TrainedModel(Result):
    """What a test result says of the run: `val_acc` is None without validation digits."""

    data: str
    model: str
    aug: str
    seed: int
    parameters: int
    epochs: int
    best_epoch: int
    val_acc: float | None


class TestResult(TestSummary, TrainedModel):
    """test.json."""


# -- corruptions.json --------------------------------------------------------------------------------------------------


class Corruption(Accuracy):
    """The mean over the severities of one corruption, and the accuracy at each of them from 1 on.

    `blank` has the number of images without ink at each of them: there every prediction is the same.
    """

    severities: list[float]
    blank: list[int] = []


class CorruptionsResult(Result):
    """corruptions.json: n digits without corruption, the mean corruption accuracy, and each corruption by name.

    `writers` is 0 if the dataset does not name them.
    """

    n: int
    writers: int = 0
    interval: Interval = "wilson"
    clean: Accuracy
    mca: Accuracy
    corruptions: dict[str, Corruption]

    @property
    def blank(self) -> dict[tuple[str, int], int]:
        """The numbers of blank images by corruption and severity, where there are any."""
        counted = ((name, level, n) for name, own in self.corruptions.items() for level, n in enumerate(own.blank, 1))
        return {(name, level): n for name, level, n in counted if n}


# -- drawn.json --------------------------------------------------------------------------------------------------------


class MethodResult(Accuracy):
    """Drawings by one preprocessing method; `per_digit` has None for a digit that nobody drew."""

    per_digit: dict[str, float | None]


class FormResult(Accuracy):
    """The n drawings whose digit has one form, such as "slashed_0", by the normalizer."""

    n: int


class DrawnSet(Result):
    """One set of drawings: how many, by how many writers, what the intervals come from, and a result per method.

    `forms` has the drawings whose form is known, by form. JSON has the methods beside the other keys. A set without
    drawings has n = 0, and nothing else in JSON.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, MethodResult] = Field(init=False)

    n: int
    writers: int = 0
    interval: Interval = "wilson"
    forms: dict[str, FormResult] = {}

    @property
    def methods(self) -> dict[str, MethodResult]:
        """The results by preprocessing method, in the order of the file."""
        return dict(self.__pydantic_extra__ or {})


DrawnResult = dict[str, DrawnSet]
"""drawn.json: the sets by name."""

# -- numbers.json ------------------------------------------------------------------------------------------------------


class StringsResult(Result):
    """Strings of digits of one set, form and gap, and of one `length`, or of all (None).

    `strings` is the share of strings that are predicted without an error. `digits` is that of digits: the rest would
    have to be inserted, left out or replaced.
    """

    drawings: str
    form: str
    gap: str
    length: int | None
    n: int
    writers: int
    interval: Interval
    strings: Accuracy
    digits: Accuracy

    @property
    def key(self) -> tuple[str, str, str]:
        """Set, form and gap."""
        return self.drawings, self.form, self.gap


class NumbersResult(Result):
    """numbers.json: the accuracy on strings of several digits, with the files whose export.json has `export_sha256`."""

    seed: int
    export_sha256: str = ""
    rows: list[StringsResult]


# -- rejection.json ----------------------------------------------------------------------------------------------------


class ScoreRule(Result):
    """The rule of a score, and the temperature by which the logits were divided."""

    rule: str
    temperature: float


class OperatingPoint(Result):
    """Of n digits those that score `threshold` or more are accepted; `accuracy` is None if nothing is accepted."""

    n: int
    interval: Interval = "wilson"
    threshold: float
    coverage: float
    accuracy: float | None
    low: float
    high: float


class RejectedShare(Result):
    """The share of n out-of-distribution samples that is rejected, with its 95% interval.

    The samples of one template are alike, as the digits of one writer are: `interval` is "templates" for a bootstrap
    over templates, from five templates on.
    """

    n: int
    interval: Literal["templates", "wilson"] = "wilson"
    share: float
    low: float
    high: float


class RuleAtThreshold(Result):
    """What one rule accepts and rejects at its threshold.

    `accepted_correct` is the share of the correctly classified digits that is accepted, `rejected` has the
    out-of-distribution samples by kind, and `all`.
    """

    digits: OperatingPoint
    accepted_correct: float | None
    rejected: dict[str, RejectedShare]


class RuleResult(Result):
    """How well one rule's score separates digits from out-of-distribution samples, at any threshold.

    `interval` is that of `accuracy_at_95`.
    """

    auroc: float
    low: float
    high: float
    aurc: float
    interval: Interval = "wilson"
    accuracy_at_95: float | None
    accuracy_at_95_low: float
    accuracy_at_95_high: float


class RejectionResult(ScoreRule):
    """rejection.json: the chosen rule, the 60% rule beside it, all rules, and the AUROC of each by kind of sample."""

    threshold: float
    chosen: RuleAtThreshold
    sixty_percent: RuleAtThreshold
    rules: dict[str, RuleResult]
    kinds: dict[str, dict[str, float]]


# -- export.json and timing.json ---------------------------------------------------------------------------------------


class ExportedFile(Result):
    """An exported file: its size in units of 1,024 bytes."""

    kb: float


class Agreement(Result):
    """What a file of 28 x 28 digits predicts on the test digits, or on `n` of them, against the Keras model.

    `accuracy_difference` is exported minus Keras, `agreement` the share of equal predictions. `max_difference` is the
    largest difference in a single probability, and 99 of 100 images have at most `p99_difference`, which older results
    lack. `missed` says why the file was not written.
    """

    n: int | None = None
    accuracy: float
    accuracy_difference: float
    agreement: float
    max_difference: float
    p99_difference: float | None = None
    missed: str | None = None


class ImageFile(Agreement, ExportedFile):
    """A file that takes 28 x 28."""


class CanvasAgreement(Agreement):
    """As `Agreement`, of a canvas file on `n` drawings: the same digit and the same decision to accept or reject."""

    n: int


class CanvasFile(CanvasAgreement, ScoreRule, ExportedFile):
    """A file that takes canvases."""


ExportResult = dict[str, ImageFile | CanvasFile | ExportedFile]
"""export.json: the files by kind, as in `exporting.files` ("float32", "canvas_int8", "coreml", "saved_model")."""


def split_missed(export: ExportResult) -> tuple[ExportResult, dict[str, str]]:
    """Return the files that were written, and why the others were not, by kind."""
    missed = {kind: why for kind, one in export.items() if (why := getattr(one, "missed", None)) is not None}
    return {kind: one for kind, one in export.items() if kind not in missed}, missed


class TimingResult(Result):
    """timing.json: the machine, and by kind of file `<kind>_us` and `<kind>_p95_us`, microseconds per prediction.

    `export_sha256` is that of the export.json with the results of the same files.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float] = Field(init=False)

    machine: str
    export_sha256: str = ""

    def median(self, kind: str) -> float | None:
        """Return the median of a kind of file, or None if it was not measured."""
        return (self.__pydantic_extra__ or {}).get(f"{kind}_us")

    def p95(self, kind: str) -> float | None:
        """Return what 95 of 100 predictions stay below, or None if it was not measured."""
        return (self.__pydantic_extra__ or {}).get(f"{kind}_p95_us")


# -- What `evaluate.py ensemble` writes --------------------------------------------------------------------------------


class EnsembleSet(MethodResult):
    """One set of drawings, classified by the mean probabilities of several runs."""

    n: int
    interval: Interval


class EnsembleResult(Result):
    """The runs by name, whether with test-time augmentation, the test digits and the sets of drawings."""

    members: list[str]
    tta: bool
    test: TestSummary
    drawn: dict[str, EnsembleSet]
