"""Keys of what is built are compared with the arguments of what `_target_` names, before any data is read."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from inkproof.config.compose import composing
from inkproof.config.schema import Component, TrainConfig
from inkproof.data.digits import Digits, write_digits
from inkproof.models.builders import builder
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.stages.train import metadata_of, train
from inkproof.tracking.identity import run_key
from inkproof.tracking.run_metadata import RunMetadata
from inkproof.training import augment
from inkproof.training.build import assemble, build_model, check_components, optimizer_maker

pytestmark = pytest.mark.xdist_group("tensorflow")

ADAM = {"_target_": "keras.optimizers.Adam", "learning_rate": 0.01}
DECAY = {"_target_": "keras.optimizers.schedules.CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 30}


def composed(*overrides: str) -> TrainConfig:
    with composing() as compose:
        return compose(TrainConfig, overrides)


@pytest.mark.parametrize("group", ["model", "aug", "optimizer", "callbacks"])
def test_every_file_of_conf_has_only_arguments_that_are_taken(group: str) -> None:
    for file in (ROOT / "conf" / group).glob("*.yaml"):
        check_components(composed(f"{group}={file.stem}"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+callbacks.early_stopping.patiense=3", ["unknown argument of keras.callbacks.EarlyStopping", "patience?"]),
        ("+model.build.depth=3", ["model.build.depth: unknown argument", "choose one of: deskew, hidden"]),
        ("~model.build.hidden", ["model.build.hidden: expected a value"]),
        ("+optimizer.momentum=0.9", ["optimizer.momentum: unknown argument", "choose one of: clip_norm, ema"]),
        ("+optimizer.total_steps=9", ["optimizer.total_steps: unknown argument"]),  # the training loop gives it
        ("callbacks.backup._target_=keras.callbacks.Bakup", ["keras.callbacks.Bakup names no function or class ("]),
        ("+aug.rotaton=3", ["aug.rotaton: unknown key of an augmentation; did you mean rotation? choose one of: rot"]),
        ("aug.rotation=181", ["aug.rotation=181: expected at most 180"]),
        ("callbacks.backup._target_=keraas.Backup", ["names no function or class (No module named 'keraas'); write"]),
    ],
)
def test_an_argument_that_is_not_taken_is_one_line(override: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check_components(composed(override))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


MODULES = {  # what is wrong within somebody's own module, and the reason that the line gives
    "from keras.callbacks import Calback": "cannot import name 'Calback' from 'keras.callbacks'",
    "import numpi as np": "No module named 'numpi'",
    "import keras\nkeras.Calback": "AttributeError: module 'keras' has no attribute 'Calback'",
    "x = (": "SyntaxError: '(' was never closed",
}


@pytest.mark.parametrize("text", MODULES)
@pytest.mark.parametrize("key", ["model.build", "optimizer", "callbacks.own"])
def test_the_mistake_within_a_module_of_a_target_is_named(
    text: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    config = composed(f"~{key}" if key != "callbacks.own" else "seed=0", f"+{key}={{_target_: own_module.Own}}")
    with pytest.raises(UserError) as caught:
        check_components(config)
    line = str(caught.value)
    assert line.startswith(f"{key}._target_=own_module.Own: own_module cannot be imported ({MODULES[text]}"), line
    assert "\n" not in line


VALUES = {
    "model.build.hidden=3": "model.build.hidden=3: expected a list",
    "model.build.hidden=[4,x]": "model.build.hidden[1]=x: expected a whole number",
    "model.build.hidden=[4,0]": "model.build.hidden[1]=0: expected at least 1",
    "model.build.hidden='128'": "model.build.hidden=128: expected a list",
    "model.build.deskew=1": "model.build.deskew=1: expected true or false",
    "+model.build.normalize_axis=7": "model.build.normalize_axis=7: expected 1 or 2",
    "optimizer.learning_rate=fast": "optimizer.learning_rate=fast: expected a number",
    "optimizer.learning_rate='0.1'": "optimizer.learning_rate=0.1: expected a number",
    "optimizer.learning_rate=true": "optimizer.learning_rate=True: expected a number",
    "optimizer.learning_rate=nan": "optimizer.learning_rate=nan: expected a finite number",
    "optimizer.learning_rate=inf": "optimizer.learning_rate=inf: expected a finite number",
    "optimizer.learning_rate=-1": "optimizer.learning_rate=-1: expected at least 0",
    "optimizer.learning_rate=null": "optimizer.learning_rate=None: expected a number",
    "optimizer.name=lion": "optimizer.name=lion: expected 'adam' or 'sgd'",
    "optimizer.schedule=step": "optimizer.schedule=step: expected 'constant' or 'cosine'",
    "optimizer.ema=0": "optimizer.ema=0: expected a number above 0",
    "optimizer.clip_norm=x": "optimizer.clip_norm=x: expected a number",
    "callbacks.early_stopping.start_from_epoch=x": "callbacks.early_stopping.start_from_epoch=x: expected a number",
    "callbacks.early_stopping.restore_best_weights=maybe": (
        "callbacks.early_stopping.restore_best_weights=maybe: expected true or false"
    ),
}


@pytest.mark.parametrize("override", VALUES)
def test_a_value_of_a_wrong_type_or_out_of_range_is_named(override: str) -> None:
    # Some keys are Keras's own and not in the file of conf/.
    with pytest.raises(UserError) as caught:
        check_components(composed(override if "early_stopping" not in override else f"+{override}"))
    assert str(caught.value) == VALUES[override]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model.build.dropout=1", "model.build.dropout=1: expected a number below 1"),
        ("model.build.kernels=[5,3.5,3]", "model.build.kernels[1]=3.5: expected a whole number"),
        ("model.build.dense=many", "model.build.dense=many: expected a whole number"),
    ],
)
def test_a_wrong_value_of_a_convolutional_network_is_named(override: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        check_components(composed("model=cnn", override))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "model.build.pools=[2]",
            r"^model\.build: inkproof\.models\.cnn\.build cannot be built \(filters, kernels and po",
        ),
        ("model.build.kernels=[29,3,3]", r"^model\.build: inkproof\.models\.cnn\.build cannot be built \("),
        ("+callbacks.nan={_target_: math.sqrt}", r"^callbacks\.nan: math\.sqrt cannot be built \("),
        (
            "+callbacks.nan={_target_: builtins.dict}",
            r"^callbacks\.nan\._target_=builtins\.dict: makes no keras\.Callback$",
        ),
        (
            "+callbacks.slow={_target_: keras.callbacks.ReduceLROnPlateau, factor: 2.0}",
            r"^callbacks\.slow: keras\.callbacks\.ReduceLROnPlateau cannot be built \(",
        ),
    ],
)
def test_what_cannot_be_built_names_its_key(override: str, line: str, digits: Path) -> None:
    config = composed("data.val=40", "data.split=digit", "model=cnn", override)
    with pytest.raises(UserError, match=line) as caught:
        assemble(config, digits, "float32")
    assert "\n" not in str(caught.value)


OPERATIONS = {  # what somebody's own augmentation does with a batch, and the line about it
    "images[..., 0]": "it returns float32 (None, 28, 28); expected float32 (None, 28, 28, 1)",
    "tf.cast(images, tf.float64)": "it returns float64 (None, 28, 28, 1); expected float32 (None, 28, 28, 1)",
    "None": "it returns NoneType; expected float32 (None, 28, 28, 1)",
    "images.numpy()": "it fails (AttributeError: 'SymbolicTensor' object has no attribute 'numpy')",
    "images + own": None,
}


@pytest.mark.parametrize("code", OPERATIONS)
def test_an_augmentation_that_fails_or_returns_no_images_is_one_line(
    code: str, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment, "OPERATIONS", dict(augment.OPERATIONS))

    @augment.operation(own=10)
    def change(images: tf.Tensor, seed: tf.Tensor, own: float) -> tf.Tensor:
        return eval(code, {"images": images, "own": own, "tf": tf})

    assert assemble(composed("data.val=40", "data.split=digit", "+aug.own=0"), digits, "float32")  # not called
    config, line = composed("data.val=40", "data.split=digit", "+aug.own=5"), OPERATIONS[code]
    if line is None:
        assert assemble(config, digits, "float32")
    else:
        with pytest.raises(UserError) as caught:
            assemble(config, digits, "float32")
        assert str(caught.value) == f"augmentation change: {line}"


def test_an_optimizer_must_be_one(digits: Path) -> None:
    config = composed("data.val=40", "data.split=digit").model_copy(
        update={"optimizer": Component.model_validate({"_target_": "keras.Sequential"})}
    )
    with pytest.raises(UserError, match=r"^optimizer\._target_=keras\.Sequential: makes no keras\.Optimizer$"):
        assemble(config, digits, "float32")


@builder
def shaped(
    side: int = 28, channels: int = 1, outputs: int = 10, code: bool = False, unbuilt: bool = False
) -> keras.Model:
    """A network of any shape, one with code of its own that later stages do not run, and one without a shape."""
    if unbuilt:
        return keras.Sequential([keras.layers.Dense(outputs)])
    inputs = keras.Input((side, side, channels))
    x = keras.layers.Lambda(lambda values: values)(inputs) if code else inputs
    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, ""),
        ({"channels": 3}, "takes (None, 28, 28, 3) and returns (None, 10); expected (None, 28, 28, 1) and (None, 10)"),
        ({"outputs": 11}, "takes (None, 28, 28, 1) and returns (None, 11); expected"),
        ({"side": 32}, "takes (None, 32, 32, 1) and"),
        ({"unbuilt": True}, "takes None and returns None; expected"),
        ({"code": True}, "uses keras.layers.Lambda, which later stages do not read; use layers of Keras other than"),
    ],
)
def test_a_network_of_another_shape_or_that_cannot_be_read_is_refused(arguments: dict[str, Any], words: str) -> None:
    build = Component.model_validate({"_target_": f"{__name__}.shaped", **arguments})
    model = composed().model.model_copy(update={"build": build})
    if not words:
        assert build_model(model).count_params() == 7850
        return
    with pytest.raises(UserError) as caught:
        build_model(model)
    assert str(caught.value).startswith(f"model.build: {__name__}.shaped {words}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["keras.Sequential", "inkproof.models.layers.softmax_head", f"{__name__}.shaped"])
def test_a_network_without_a_registered_builder_is_refused_before_data_is_read(target: str) -> None:
    words = ("+model.build.x=1",) if target.endswith("head") else ()
    build = "~model.build", f"+model.build={{_target_: {target}}}"
    with pytest.raises(UserError) as caught:
        train(composed(*build, *words, "run.digits=/nowhere/digits.npz"))
    line = str(caught.value)
    assert line.startswith(f"model.build._target_={target}: not a registered builder; later stages build only")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (ADAM, None),
        ({"_target_": "keras.optimizers.RMSprop", "rho": 7}, "optimizer.rho=7: expected a number below 1"),
        ({**ADAM, "learning_rate": "fast"}, "optimizer.learning_rate=fast: expected a number"),
        ({**ADAM, "clipnorm": "x"}, "optimizer.clipnorm=x: expected a number"),
        ({**ADAM, "beta_1": -0.1}, "optimizer.beta_1=-0.1: expected at least 0"),
        ({**ADAM, "use_ema": 3}, "optimizer.use_ema=3: expected true or false"),
        ({**ADAM, "learning_rate": {**DECAY, "alpha": "x"}}, "optimizer.learning_rate.alpha=x: expected a number"),
        (
            {**ADAM, "learning_rate": {**DECAY, "decay_steps": "x"}},
            "optimizer.learning_rate.decay_steps=x: expected a number",
        ),
        ({**ADAM, "learning_rate": {**DECAY, "decay_steps": 0}}, "optimizer: keras.optimizers.Adam cannot be built ("),
        ({**ADAM, "clipnorm": 1.0, "use_ema": True}, None),  # arguments of the class that Adam is derived from
        ({**ADAM, "learning_rate": DECAY}, None),
        ({**ADAM, "rate": 1}, "optimizer.rate: unknown argument of keras.optimizers.Adam; choose one of: amsgrad, "),
        ({**ADAM, "learning_rate": {**DECAY, "steps": 1}}, "optimizer.learning_rate.steps: unknown argument of keras."),
        (
            {**ADAM, "learning_rate": {**DECAY, "_target_": "keras.optimizers.schedules.Cosine"}},
            "optimizer.learning_ra",
        ),
    ],
)
def test_the_arguments_of_keras_s_own_optimizers_are_checked(node: dict[str, Any], line: str | None) -> None:
    config = composed().model_copy(update={"optimizer": Component.model_validate(node)})
    if line is None:
        check_components(config)
        built = optimizer_maker(config.optimizer)(total_steps=30, steps_per_epoch=10)
        assert isinstance(built, keras.optimizers.Adam)
    else:
        with pytest.raises(UserError) as caught:
            check_components(config)
            optimizer_maker(config.optimizer)()
        assert str(caught.value).startswith(line)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A digits file with four of each digit in each split."""
    split = Digits(np.zeros((40, 28, 28), np.uint8), np.arange(40, dtype=np.uint8) % 10)
    write_digits(tmp_path, dict.fromkeys(("train", "val", "test"), split))
    return tmp_path


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """The folder of a finished run of `dense`."""
    folder = tmp_path / "teacher"
    folder.mkdir()
    build_model(composed().model).save(folder / "model.keras")
    names = ("run_id", "experiment", "name", "key", "data_sha", "code_sha", "git_commit", "machine")
    metadata = RunMetadata(**dict.fromkeys(names, "t5"), config=composed().identity(), finished=True)
    metadata.key = run_key(metadata.config, metadata.data_sha, metadata.code_sha)
    metadata.artifacts = metadata.hashes(folder)
    metadata.write(folder)
    return folder


def test_a_teacher_is_a_finished_run_with_its_own_weights(digits: Path, teacher: Path) -> None:
    config = composed("data.val=40", "data.split=digit", f"training.teacher.runs=[{teacher}]")
    file = digits / "digits.npz"
    assert metadata_of(config, file).config.training.teacher.runs == (RunMetadata.read(teacher).key,)
    parts = assemble(config, digits, "float32")
    assert parts.teacher is not None and len(parts.teacher.models) == 1
    build_model(config.model).save(teacher / "model.keras")  # other weights of the same network
    line = rf"^{teacher}/model\.keras: not the file of this run, by its SHA-256"
    with pytest.raises(UserError, match=line):
        metadata_of(config, file)
    with pytest.raises(UserError, match=line):
        assemble(config, digits, "float32")


def test_a_run_s_key_depends_on_configuration_digits_and_code(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, file = composed("data.val=40"), digits / "digits.npz"
    keys = [metadata_of(config, file).key, metadata_of(config, file).key]
    assert keys[0] == keys[1]
    keys.append(metadata_of(composed("data.val=40", "data.split=digit", "seed=1"), file).key)
    with monkeypatch.context() as patched:
        patched.setattr("inkproof.stages.train.code_sha", lambda: "other code")
        keys.append(metadata_of(config, file).key)
    with monkeypatch.context() as patched:
        patched.setattr("inkproof.stages.train.data_sha", lambda path: "other digits")
        keys.append(metadata_of(config, file).key)
    assert len(set(keys)) == 4


REDUCE = "+callbacks.reduce={_target_: keras.callbacks.ReduceLROnPlateau, patience: 1}"


def test_a_callback_that_sets_the_rate_needs_an_optimizer_without_a_schedule(digits: Path) -> None:
    with pytest.raises(
        UserError, match=r"^callbacks\.reduce: sets the learning rate, which has a schedule; choose opt"
    ):
        assemble(composed("data.val=40", "data.split=digit", REDUCE), digits, "float32")
    parts = assemble(composed("data.val=40", "data.split=digit", "optimizer=adam", REDUCE), digits, "float32")
    assert isinstance(parts.callbacks[-1], keras.callbacks.ReduceLROnPlateau)


def test_the_command_line_replaces_the_optimizer(digits: Path) -> None:
    rate = "{_target_: keras.optimizers.schedules.PiecewiseConstantDecay, boundaries: [5], values: [0.1, 0.01]}"
    words = ("~optimizer", f"+optimizer={{_target_: keras.optimizers.Lion, learning_rate: {rate}}}")
    config = composed("data.val=40", "data.split=digit", *words)
    check_components(config)
    optimizer = assemble(config, digits, "float32").make_optimizer(total_steps=9, steps_per_epoch=3)
    assert isinstance(optimizer, keras.optimizers.Lion)
    assert optimizer.get_config()["learning_rate"]["config"]["boundaries"] == [5]
