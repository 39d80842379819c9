"""The graph from canvas to digit computes what Keras and NumPy do, and its rule is the one that was chosen."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from inkproof.config.compose import composing
from inkproof.config.stages import ExportConfig
from inkproof.data.archives import PreprocessedSet
from inkproof.data.drawings import read_drawings
from inkproof.evaluation.calibration import fit_temperature
from inkproof.evaluation.rejection import RULES, Rule, rejection_scores
from inkproof.exporting.canvas_model import CanvasModel, graph_score, up_to_logits
from inkproof.exporting.files import CANVAS_FILES
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.exporting.verify import check_exact, compare_canvases, describe_canvas
from inkproof.models.dense import build
from inkproof.models.loading import predict
from inkproof.preprocessing.canvas import MASK_SIDE, load_canvases
from inkproof.preprocessing.convert import foreign_operators, merge
from inkproof.preprocessing.ink_mask import network_input, trained_mask_network
from inkproof.preprocessing.methods import NORMALIZED_METHOD, apply_method
from inkproof.preprocessing.normalizer_part import marking_part, shrinking_part
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.stages import export as stage
from inkproof.stages.export import COVERAGE, choose_thresholds

pytestmark = pytest.mark.xdist_group("tensorflow")  # where the normalizer is converted for other tests, too

STARTER = ROOT / "data/drawn/starter"
TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """An untrained network, with probabilities far from 1."""
    keras.utils.set_random_seed(4)
    return up_to_logits(build(hidden=[32]))


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    digits = load_canvases(STARTER, read_drawings(STARTER)[::27])
    return np.concatenate([digits, 255 - digits, digits[:1] * 0])


@pytest.fixture(scope="module")
def logits(network: keras.Model, canvases: np.ndarray) -> np.ndarray:
    return predict(network, apply_method(NORMALIZED_METHOD, canvases))


@pytest.fixture(scope="module")
def rule(logits: np.ndarray) -> Rule:
    """One that accepts half of the canvases."""
    return Rule("energy", TEMPERATURE, float(np.median(rejection_scores(logits, TEMPERATURE)["energy"])))


@pytest.fixture(scope="module")
def files(
    network: keras.Model,
    rule: Rule,
    canvases: np.ndarray,
    normalizer: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """A canvas file in each quantization."""
    folder = tmp_path_factory.mktemp("exported")
    calibration = apply_method(NORMALIZED_METHOD, canvases)
    model = CanvasModel(network, rule, normalizer)
    for quantization, name in CANVAS_FILES.items():
        content = model.quantized(quantization, calibration)
        (folder / name).write_bytes(describe_canvas(content, rule, "untrained", quantization, "c0ffee"))
    return {quantization: folder / name for quantization, name in CANVAS_FILES.items()}


@pytest.fixture(scope="module")
def predictor(files: dict[str, Path]) -> CanvasPredictor:
    return CanvasPredictor(files["float32"])


def test_the_file_computes_what_keras_and_numpy_do(
    predictor: CanvasPredictor, rule: Rule, logits: np.ndarray, canvases: np.ndarray
):
    predicted = predictor.predict(canvases)
    np.testing.assert_allclose(predicted.score, rule.scores(logits), atol=1e-4)
    assert np.array_equal(predicted.seen, apply_method(NORMALIZED_METHOD, canvases))
    assert not predicted.seen[-1].any()
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1, atol=1e-5)
    assert {key: predictor.metadata[key] for key in ("rule", "temperature", "threshold", "model")} == {
        "rule": rule.name,
        "temperature": TEMPERATURE,
        "threshold": rule.threshold,
        "model": "untrained",
    }
    assert (predictor.metadata["quantization"], predictor.metadata["git_commit"]) == ("float32", "c0ffee")
    compared = compare_canvases(predicted, logits, rule, logits.argmax(axis=1))
    assert compared.max_difference < 1e-4
    assert 5 < predicted.accepted.sum() < 16  # the threshold separates them


def test_the_mask_is_what_the_mask_network_marks(predictor: CanvasPredictor, canvases: np.ndarray):
    marks = np.asarray(trained_mask_network()(network_input(canvases.astype(np.float32))))[..., 0]
    mask = predictor.predict(canvases).mask
    assert (mask.dtype, mask.shape) == (np.uint8, (len(canvases), MASK_SIDE, MASK_SIDE))
    network = Interpreter(model_content=merge([shrinking_part(), marking_part()], ["marks"])).get_signature_runner()
    by_eight_bits = np.concatenate([network(canvas=canvas[None])["marks"] for canvas in canvases])[..., 0]
    assert np.abs(mask - 255.0 * by_eight_bits).max() < 1
    difference = np.abs(mask - 255.0 * marks)  # by the weights as they were trained
    assert difference.max() < 64 and difference.mean() < 1
    assert (mask[:-1].max(axis=(1, 2)) > 200).all() and not (mask[-1] > 127).any()


@pytest.mark.parametrize(
    ("quantization", "smaller", "rounding"), [("float16", 1.8, 5e-3), ("dynamic", 3, 0.1), ("int8", 3, 0.1)]
)
def test_only_the_network_of_digits_shrinks(
    files: dict[str, Path],
    canvases: np.ndarray,
    predictor: CanvasPredictor,
    quantization: str,
    smaller: float,
    rounding: float,
):
    exact, predicted = predictor.predict(canvases), CanvasPredictor(files[quantization]).predict(canvases)
    difference = np.abs(predicted.probabilities - exact.probabilities).max()
    assert 0 < difference < rounding
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1, atol=1e-5)
    # The normalizer, mask included, is the same in all of them.
    assert np.array_equal(predicted.mask, exact.mask) and np.array_equal(predicted.seen, exact.seen)
    assert not predicted.seen[-1].any()
    saved = files["float32"].stat().st_size - files[quantization].stat().st_size
    assert saved == pytest.approx(4 * 784 * 32 * (1 - 1 / smaller), rel=0.25)  # the last layer stays
    content = files[quantization].read_bytes()
    assert foreign_operators(content) == []
    interpreter = Interpreter(model_content=content)
    shapes = [tuple(one["shape"]) for one in interpreter.get_output_details()]
    assert shapes == [(1, 10), (1, 28, 28), (1,), (1, 70, 70)]
    (signature,) = interpreter.get_signature_list().values()
    assert (signature["inputs"], set(signature["outputs"])) == (["canvas"], {"probabilities", "seen", "score", "mask"})


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_the_same_in_the_graph(name: str):
    logits = np.random.default_rng(3).normal(0, 4, (50, 10)).astype(np.float32) / TEMPERATURE
    log_p = keras.ops.log_softmax(logits, axis=1)
    score = np.asarray(graph_score(name, logits, log_p, TEMPERATURE))
    np.testing.assert_allclose(score, rejection_scores(logits * TEMPERATURE, TEMPERATURE)[name], rtol=1e-5, atol=1e-6)


def test_two_equal_digits_have_no_margin():
    logits = np.zeros((2, 10), np.float32)
    logits[1, [4, 7]] = 30.0
    assert np.asarray(graph_score("margin", logits, keras.ops.log_softmax(logits, axis=1), 1.0)).tolist() == [0, 0]


def test_a_file_that_predicts_otherwise_than_keras_is_an_error(
    predictor: CanvasPredictor, rule: Rule, network: keras.Model, canvases: np.ndarray
):
    predicted = predictor.predict(canvases)
    logits = predict(network, predicted.seen)
    labels = logits.argmax(axis=1)
    check_exact("canvas.tflite", compare_canvases(predicted, logits, rule, labels))
    logits[:2] = -logits[:2]
    unlike = compare_canvases(predicted, logits, rule, labels)
    assert unlike.agreement <= 1 - 2 / len(canvases)
    with pytest.raises(UserError, match=r"classifies \d+ of 21 drawings unlike Keras"):
        check_exact("canvas.tflite", unlike)
    # The same digit, but accepted otherwise.
    stricter = Rule(rule.name, rule.temperature, float(predicted.score.max()) + 1)
    both = compare_canvases(predicted, predict(network, predicted.seen), stricter, labels)
    assert both.agreement == pytest.approx(1 - predicted.accepted.mean())


def test_the_threshold_accepts_the_digits_of_every_set(network: keras.Model):
    rng = np.random.default_rng(5)

    def drawn(count: int, level: int) -> PreprocessedSet:
        seen = rng.integers(0, level, (count, 28, 28)).astype(np.uint8)
        labels = predict(network, seen).argmax(axis=1)  # all of them are correct
        names = np.array([str(number) for number in range(count)])
        return PreprocessedSet(names, names, labels, {NORMALIZED_METHOD: seen})

    faint, strong, others = drawn(300, 40), drawn(100, 255), drawn(50, 20)
    rule, image = choose_thresholds(network, [faint, strong], others)
    assert (image.name, image.temperature) == ("maximum_probability", 1.0)
    assert 0.1 < image.threshold <= 255 / 256, "a threshold above the largest uint8 output would reject everything"
    logits = np.concatenate([predict(network, one.methods[NORMALIZED_METHOD]) for one in (faint, strong)])
    assert rule.temperature == pytest.approx(fit_temperature(logits, np.concatenate([faint.labels, strong.labels])))
    assert rule.accepts(logits).sum() == pytest.approx(COVERAGE * 400, abs=1)
    # Faint ones alone have another threshold.
    assert choose_thresholds(network, [faint], others)[0].threshold != rule.threshold


class Chosen(Exception):
    """Ends an export at its choice of the threshold, with the sets that it is made on."""


def test_an_export_chooses_on_validation_sets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    validation = {name: object() for name in ("digits", "ood", "pens_validation")}
    reported = {name: object() for name in ("ood", "pens", "starter")}

    def choose(network: object, digits: object, ood: object) -> None:
        raise Chosen(digits, ood)

    files = {"thresholds.npz": validation, "ood.npz": reported}
    monkeypatch.setattr(stage, "read_sets", lambda path, *_: files[path.name])
    monkeypatch.setattr(stage, "choose_thresholds", choose)
    for name in ("load_test_split", "load_trained", "predict", "up_to_logits"):
        monkeypatch.setattr(stage, name, lambda *_: SimpleNamespace(images=None))
    with composing() as compose:
        config = compose(ExportConfig, ("data=mnist",))
    with pytest.raises(Chosen) as chosen:
        stage.export(SimpleNamespace(config=SimpleNamespace(data=SimpleNamespace(split="writer"))), config)
    assert chosen.value.args == ([validation["digits"], validation["pens_validation"]], validation["ood"])
