"""The graph from canvas to digit says what Keras and NumPy say, and its rule is the one that was chosen."""

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from inkproof.data.drawings import read_drawings
from inkproof.datasets.preprocessed import PreprocessedSet
from inkproof.evaluation.calibration import fit_temperature
from inkproof.evaluation.rejection import RULES, Rule, rejection_scores
from inkproof.exporting.canvas_model import CanvasModel, graph_score, up_to_logits
from inkproof.exporting.files import CANVAS_FILES
from inkproof.exporting.readers import CanvasReader, foreign_operators
from inkproof.exporting.verify import check_canvases, choose_thresholds, compare_canvases, describe_canvas
from inkproof.models.dense import build
from inkproof.models.loading import predict
from inkproof.preprocessing.canvas import load_canvases
from inkproof.preprocessing.methods import apply_method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

pytestmark = pytest.mark.xdist_group("tensorflow")  # where the layer is converted for other tests, too

STARTER = ROOT / "data/drawn/starter"
TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """An untrained network: its answers are anything but sure."""
    keras.utils.set_random_seed(4)
    return up_to_logits(build(hidden=[32]))


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    digits = load_canvases(STARTER, read_drawings(STARTER)[::27])
    return np.concatenate([digits, 255 - digits, digits[:1] * 0])


@pytest.fixture(scope="module")
def logits(network: keras.Model, canvases: np.ndarray) -> np.ndarray:
    return predict(network, apply_method("classic", canvases))


@pytest.fixture(scope="module")
def rule(logits: np.ndarray) -> Rule:
    """One that accepts half of the canvases."""
    return Rule("energy", TEMPERATURE, float(np.median(rejection_scores(logits, TEMPERATURE)["energy"])))


@pytest.fixture(scope="module")
def files(
    network: keras.Model, rule: Rule, canvases: np.ndarray, layer: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A canvas file in each quantization."""
    folder = tmp_path_factory.mktemp("exported")
    calibration = apply_method("classic", canvases)
    for quantization, name in CANVAS_FILES.items():
        content = CanvasModel(network, rule, layer).quantized(quantization, calibration)
        (folder / name).write_bytes(describe_canvas(content, rule, "untrained", quantization, "c0ffee"))
    return {quantization: folder / name for quantization, name in CANVAS_FILES.items()}


@pytest.fixture(scope="module")
def reader(files: dict[str, Path]) -> CanvasReader:
    return CanvasReader(files["float32"])


def test_the_file_says_what_keras_and_numpy_say(
    reader: CanvasReader, rule: Rule, logits: np.ndarray, canvases: np.ndarray
):
    read = reader.read(canvases)
    np.testing.assert_allclose(read.score, rule.scores(logits), atol=1e-4)
    assert np.array_equal(read.seen, apply_method("classic", canvases))
    assert not read.seen[-1].any()
    np.testing.assert_allclose(read.probabilities.sum(axis=1), 1, atol=1e-5)
    assert {key: reader.metadata[key] for key in ("rule", "temperature", "threshold", "model")} == {
        "rule": rule.name,
        "temperature": TEMPERATURE,
        "threshold": rule.threshold,
        "model": "untrained",
    }
    assert (reader.metadata["quantization"], reader.metadata["git_commit"]) == ("float32", "c0ffee")
    compared = compare_canvases(read, logits, rule)
    assert compared["max_difference"] < 1e-4
    assert 5 < read.accepted.sum() < 16  # the threshold parts them


@pytest.mark.parametrize(
    ("quantization", "smaller", "rounding"), [("float16", 1.8, 5e-3), ("dynamic", 3, 0.1), ("int8", 3, 0.1)]
)
def test_only_the_network_shrinks_and_the_layer_stays_to_the_bit(
    files: dict[str, Path],
    canvases: np.ndarray,
    reader: CanvasReader,
    quantization: str,
    smaller: float,
    rounding: float,
):
    exact, read = reader.read(canvases), CanvasReader(files[quantization]).read(canvases)
    assert np.array_equal(read.seen, exact.seen)
    difference = np.abs(read.probabilities - exact.probabilities).max()
    assert 0 < difference < rounding
    np.testing.assert_allclose(read.probabilities.sum(axis=1), 1, atol=1e-5)
    weights = 4 * 784 * 32  # the last layer stays
    saved = files["float32"].stat().st_size - files[quantization].stat().st_size
    assert saved == pytest.approx(weights * (1 - 1 / smaller), rel=0.25)
    content = files[quantization].read_bytes()
    assert foreign_operators(content) == []
    types = {
        tensor.type for tensor in schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0)).subgraphs[0].tensors
    }
    assert (schema.TensorType.INT8 in types) == (quantization != "float16")
    interpreter = Interpreter(model_content=content)
    assert [tuple(one["shape"]) for one in interpreter.get_output_details()] == [(1, 10), (1, 28, 28), (1,)]
    (signature,) = interpreter.get_signature_list().values()
    assert (signature["inputs"], set(signature["outputs"])) == (["canvas"], {"probabilities", "seen", "score"})


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


def test_what_reads_otherwise_than_keras_is_refused(
    reader: CanvasReader, rule: Rule, network: keras.Model, canvases: np.ndarray
):
    read = reader.read(canvases)
    logits = predict(network, read.seen)
    check_canvases(compare_canvases(read, logits, rule))
    logits[:2] = -logits[:2]
    unlike = compare_canvases(read, logits, rule)
    assert unlike["agreement"] <= 1 - 2 / len(canvases)
    with pytest.raises(UserError, match=r"reads \d+ of 21 drawings unlike Keras"):
        check_canvases(unlike)
    # The same digit, but another answer to whether it is one.
    stricter = Rule(rule.name, rule.temperature, float(read.score.max()) + 1)
    both = compare_canvases(read, predict(network, read.seen), stricter)
    assert both["agreement"] == pytest.approx(1 - read.accepted.mean())


@pytest.mark.parametrize(("n", "allowed"), [(20, 1), (1000, 1), (5000, 5)])
def test_one_drawing_in_a_thousand_may_differ(n: int, allowed: int):
    check_canvases({"n": n, "agreement": 1 - allowed / n})
    with pytest.raises(UserError, match=f"reads {allowed + 1} of {n} drawings unlike Keras"):
        check_canvases({"n": n, "agreement": 1 - (allowed + 1) / n})


def test_the_threshold_keeps_the_digits_of_every_set(network: keras.Model):
    rng = np.random.default_rng(5)

    def frames(count: int, level: int) -> PreprocessedSet:
        seen = rng.integers(0, level, (count, 28, 28)).astype(np.uint8)
        labels = predict(network, seen).argmax(axis=1)  # all of them read right
        names = np.array([str(number) for number in range(count)])
        return PreprocessedSet(names, names, labels, {"classic": seen})

    faint, strong, others = frames(300, 40), frames(100, 255), frames(50, 20)
    rule, frame = choose_thresholds(network, [faint, strong], others)
    assert (frame.name, frame.temperature) == ("maximum_probability", 1.0)
    assert 0.1 < frame.threshold <= 255 / 256, "more than a uint8 output can say would refuse everything"
    logits = np.concatenate([predict(network, one.methods["classic"]) for one in (faint, strong)])
    assert rule.temperature == pytest.approx(fit_temperature(logits, np.concatenate([faint.labels, strong.labels])))
    assert rule.accepts(logits).sum() == pytest.approx(0.99 * 400, abs=1)
    # Faint ones alone have another threshold.
    assert choose_thresholds(network, [faint], others).canvas.threshold != rule.threshold
