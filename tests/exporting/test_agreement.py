"""The bounds within which an exported file counts as the model, and what happens to one that misses its own."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import Bound, Bounds, ExportConfig
from inkproof.data.digits import Digits
from inkproof.evaluation.rejection import Rule
from inkproof.evaluation.results import Agreement, CanvasAgreement, ImageFile, split_missed
from inkproof.exporting import verify
from inkproof.exporting.convert import to_litert, write_saved_model
from inkproof.exporting.files import MODEL_FILES
from inkproof.exporting.verify import Origin, check_exact, compare, missed, verify_image_files
from inkproof.models.dense import build
from inkproof.models.loading import predict
from inkproof.runtime.errors import UserError
from inkproof.stages.export import lines

pytestmark = pytest.mark.xdist_group("tensorflow")
SMALLER = ("float16", "dynamic", "int8")


def figures(n: int = 10_000, **others: Any) -> Agreement:
    """The figures of a perfect file, with `others`: `lost` and `unlike` are numbers of images."""
    lost, unlike = others.pop("lost", 0), others.pop("unlike", 0)
    same = {"accuracy": 0.9, "accuracy_difference": -lost / n, "agreement": 1 - unlike / n}
    return Agreement(**{**same, "max_difference": 0.0, "p99_difference": 0.0, **others})


def on_canvases(n: int, unlike: int, difference: float = 0.0) -> CanvasAgreement:
    return CanvasAgreement(**{**figures(n, unlike=unlike, p99_difference=difference).content(), "n": n})


def test_compare() -> None:
    labels = np.array([0, 1, 2, 3])
    reference = np.eye(10)[[0, 1, 2, 9]] * 0.9 + 0.01  # three are correct
    exported = reference.copy()
    exported[1] = np.roll(exported[1], 1)  # another prediction for one of them, and wrong
    assert compare(reference, exported, labels).content() == {
        "accuracy": 0.5,
        "accuracy_difference": -0.25,
        "agreement": 0.75,
        "max_difference": pytest.approx(0.9),
        "p99_difference": pytest.approx(0.9 * 0.97),  # between the largest and the next, which is 0
    }
    assert compare(exported, reference, labels).accuracy_difference == 0.25
    assert compare(reference, reference, labels).max_difference == 0


def test_exact_files_differ_by_rounding_alone() -> None:
    check_exact("model.tflite", figures(max_difference=1e-3))
    for difference in (1.01e-3, 0.5, float("nan")):
        with pytest.raises(UserError, match=r"model\.tflite: a probability differs from Keras by .*, more than 1e-03"):
            check_exact("model.tflite", figures(max_difference=difference))


@pytest.mark.parametrize(("n", "allowed"), [(20, 1), (1000, 1), (5000, 5)])
def test_one_drawing_in_a_thousand_may_differ(n: int, allowed: int) -> None:
    check_exact("canvas.tflite", on_canvases(n, allowed))
    with pytest.raises(UserError, match=f"classifies {allowed + 1} of {n} drawings unlike Keras"):
        check_exact("canvas.tflite", on_canvases(n, allowed + 1))
    with pytest.raises(UserError, match=r"a probability differs from Keras by 2\.0e-03"):
        check_exact("canvas.tflite", on_canvases(n, 0, 2e-3))


@pytest.mark.parametrize("quantization", SMALLER)
@pytest.mark.parametrize(
    ("n", "allowed"),
    [(360, 3), (1500, 3), (2000, 4), (10_000, 20)],  # three digits, or 0.2 points where that is more
)
def test_accuracy_at_and_beyond_its_bound(bounds: Bounds, quantization: str, n: int, allowed: int) -> None:
    bound = bounds[quantization]
    assert missed(quantization, figures(n, lost=allowed), n, bound) is None
    assert missed(quantization, figures(n, lost=-5), n, bound) is None  # better than Keras misses nothing
    why = missed(quantization, figures(n, lost=allowed + 1), n, bound)
    assert why and why.startswith(
        f"{allowed + 1} of {n} fewer correct than with Keras, more than {allowed} (allowed by"
    )
    with pytest.raises(ValueError):
        missed(quantization, figures(n, accuracy_difference=float("nan")), n, bound)


@pytest.mark.parametrize(
    ("quantization", "unlike", "difference"), [("float16", 50, 0.005), ("dynamic", 200, 0.05), ("int8", 300, 0.2)]
)
def test_agreement_and_probabilities_at_and_beyond_their_bound(
    bounds: Bounds, quantization: str, unlike: int, difference: float
) -> None:
    n, bound = 10_000, bounds[quantization]
    assert missed(quantization, figures(n, unlike=unlike, p99_difference=difference), n, bound) is None
    assert missed(quantization, figures(20, unlike=3), 20, bound) is None  # three images may always differ
    more = missed(quantization, figures(n, unlike=unlike + 1), n, bound)
    assert more and f"{unlike + 1} of {n} predicted unlike Keras, more than {unlike}" in more
    apart = missed(quantization, figures(n, p99_difference=difference + 1e-3), n, bound)
    assert apart and f"more than {difference} (allowed by bounds.{quantization}.difference=" in apart


def test_what_a_message_says_allows_the_file() -> None:
    worst = figures(270, lost=9, unlike=100, p99_difference=0.3412)
    words: tuple[str, ...] = ("data=optdigits", "model=dense")
    with composing() as compose:
        why = missed("int8", worst, 270, compose(ExportConfig, words).bounds["int8"])
        assert why
        words += tuple(word for word in why.rstrip(")").split() if word.startswith("bounds."))
        assert len(words) == 5
        assert missed("int8", worst, 270, compose(ExportConfig, words).bounds["int8"]) is None


def test_nothing_allows_probabilities_that_are_no_numbers() -> None:
    anything = Bound(lost=1.0, agreement=0.0, difference=1.0)
    assert missed("int8", figures(p99_difference=float("nan")), 270, anything) == "its probabilities are not numbers"


@pytest.fixture(scope="module")
def reference() -> tuple[keras.Model, Digits, np.ndarray]:
    """A network that nobody trained, and digits of which it and its twin with turned outputs get as many right."""
    keras.utils.set_random_seed(3)
    model = build(hidden=[16])
    images = np.random.default_rng(0).integers(0, 256, (100, 28, 28)).astype(np.uint8)
    probabilities = predict(model, images)
    labels = probabilities.argmax(axis=1)
    labels[50:] = (labels[50:] + 1) % 10  # right for the twin alone
    return model, Digits(images, labels), probabilities


@pytest.mark.parametrize("quantization", ["int8", "float32"])
def test_a_file_of_the_same_accuracy_that_predicts_otherwise_is_not_written(
    reference: tuple[keras.Model, Digits, np.ndarray],
    bounds: Bounds,
    quantization: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, digits, probabilities = reference
    twin = keras.models.clone_model(model)
    twin.set_weights([*model.get_weights()[:-2], *(np.roll(one, 1, axis=-1) for one in model.get_weights()[-2:])])
    write_saved_model(twin, tmp_path / "twin")

    def converted(saved_model: Path, asked: str, calibration: np.ndarray) -> bytes:
        return to_litert(tmp_path / "twin" if asked == quantization else saved_model, asked, calibration)

    monkeypatch.setattr(verify, "to_litert", converted)
    rule, origin = Rule("maximum_probability", 1.0, 0.5), Origin(model, "optdigits-dense", "c0ffee")
    folder = tmp_path / "exports"
    folder.mkdir()
    if quantization == "float32":
        with pytest.raises(UserError, match=r"model\.tflite: a probability differs from Keras by"):
            verify_image_files(origin, folder, rule, bounds, digits.images, digits, probabilities)
        return
    made = verify_image_files(origin, folder, rule, bounds, digits.images, digits, probabilities)
    results = {kind: one.result for kind, one in made.items()}
    int8 = results["int8"]
    assert isinstance(int8, ImageFile) and int8.missed
    assert abs(int8.accuracy_difference) < 0.04 and int8.agreement <= 0.1, "or this test is about accuracy"
    assert {path.name for path in folder.glob("*.tflite")} == set(MODEL_FILES.values()) - {"model_int8.tflite"}
    assert [line for line in lines("optdigits-dense", results) if "not written" in line] == [
        f"optdigits-dense int8: not written: {int8.missed}"
    ]
    written, why = split_missed(results)
    assert set(written) == {"saved_model", "float32", "float16", "dynamic"} and why == {"int8": int8.missed}


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("~bounds.int8", "bounds"),
        ("bounds.int8.agreement=1.5", r"bounds\.int8\.agreement"),
        ("+bounds.int4.agreement=1.0", r"bounds\.int4"),
    ],
)
def test_a_bound_that_is_missing_or_out_of_range_is_one_line(word: str, words: str) -> None:
    with composing() as compose, pytest.raises(UserError, match=words) as caught:
        compose(ExportConfig, ("data=optdigits", "model=dense", word))
    assert "\n" not in str(caught.value)
