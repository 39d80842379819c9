"""What a file from elsewhere may have built: each foreign name ends in one line, and nothing is called or imported."""

import copy
import io
import json
import pkgutil
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import pytest

from inkproof.config.schema import Component
from inkproof.models import builders, dense
from inkproof.models.builders import instantiate_registered
from inkproof.models.loading import load_network
from inkproof.runtime.errors import UserError
from inkproof.training.callbacks import Backup
from support.foreign_builders import TARGETS, trap

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that appears where a trap is built."""
    path = tmp_path / "trace"
    monkeypatch.setattr(keras.saving, "load_model", lambda filepath: Path(filepath).touch())
    return path


def component(target: str, **arguments: Any) -> Component:
    return Component.model_validate({"_target_": target, **arguments})


def refused(node: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        instantiate_registered(Component.model_validate(node), "runs/r/run.json: model.build")
    line = str(caught.value)
    assert line.startswith("runs/r/run.json: model.build: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("target", [target for target in TARGETS if not target.startswith("inkproof.runtime.files")])
def test_the_traps_would_leave_a_trace(target: str, trace: Path) -> None:
    arguments = trap(target, trace)
    pkgutil.resolve_name(arguments.pop("_target_"))(**arguments)
    assert trace.exists()


@pytest.mark.parametrize("target", TARGETS)
def test_a_foreign_name_is_not_called(target: str, trace: Path) -> None:
    assert f"names {target}, which is no registered builder" in refused(trap(target, trace))
    assert not trace.exists()


@pytest.mark.parametrize("target", TARGETS)
def test_a_foreign_name_among_the_arguments_is_not_called(target: str, trace: Path) -> None:
    inner = [{"deep": trap(target, trace)}]
    assert f"names {target}" in refused({"_target_": "inkproof.models.dense.build", "hidden": inner})
    assert not trace.exists()


@pytest.mark.parametrize(
    "target",
    [
        "inkproof.models.dense.softmax_head",  # imported there
        "inkproof.models.loading.load_network",  # of the project, and no builder
        "inkproof.models.dense.build.__call__",
        "inkproof.models.dense.keras.Model",
        "inkproof.models.nothing.build",
        "inkproof.models.build",
        "inkproof.models",
        "inkproof.tuning.search.build",
        "keras.callbacks.Callback.set_model",
        "keras.optimizers.get",
        "keras.Model",
        "build",
        "",
    ],
)
def test_what_is_no_registered_builder_is_refused(target: str) -> None:
    if target:
        refused({"_target_": target})
    else:
        assert builders.registered(target) is None


def test_nothing_outside_the_package_is_imported() -> None:
    sys.modules.pop("this", None)
    refused({"_target_": "this.s"})
    assert "this" not in sys.modules


def test_registered_builders_and_classes_of_keras_are_built() -> None:
    network = instantiate_registered(component("inkproof.models.dense.build", hidden=[4]), "here")
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in dense.build([4]).layers]
    assert isinstance(instantiate_registered(component("inkproof.training.callbacks.Backup"), "here"), Backup)
    rate = {"_target_": "keras.optimizers.schedules.CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 3}
    optimizer = instantiate_registered(component("keras.optimizers.SGD", learning_rate=rate), "here")
    assert isinstance(optimizer.get_config()["learning_rate"], dict)


def test_arguments_that_a_builder_does_not_take_are_one_line() -> None:
    assert "dense.build cannot be built" in refused({"_target_": "inkproof.models.dense.build", "hiden": [4]})
    assert "cannot be built" in refused({"_target_": "inkproof.models.dense.build", "hidden": [4], "_partial_": True})
    keras_own = {"class_name": "get_file", "module": "keras.utils", "config": {}}
    build = {"_target_": "inkproof.models.tflearn_cnn.build", "conv_initializer": keras_own}
    assert "names keras.utils.get_file" in refused(build)


# A model.keras names classes and functions, too.


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    dense.build([4]).save(path)
    return path.read_bytes()


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A .keras file with another configuration."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for member in source.namelist():
            body = source.read(member)
            if member == "config.json":
                config = copy.deepcopy(json.loads(body))
                change(config)
                body = json.dumps(config).encode()
            target.writestr(member, body)
    return made.getvalue()


def rescaling(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["config"]["layers"][1]
    assert found["class_name"] == "Rescaling"
    return found


def function(target: str) -> dict[str, Any]:
    module, _, name = target.rpartition(".")
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def name_as_layer(target: str, config: dict[str, Any]) -> None:
    module, _, name = target.rpartition(".")
    rescaling(config).update(class_name=name, module=module, registered_name=None)


def name_as_activation(target: str, config: dict[str, Any]) -> None:
    config["config"]["layers"][3]["config"].update(activation=function(target))


LAMBDA = {"class_name": "Lambda", "module": "keras.layers", "registered_name": None}
BASIC = {"name": "x", "trainable": True, "dtype": "float32"}
CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAA==", "defaults": None, "closure": None}}
FILES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a Lambda with code": (
        lambda config: rescaling(config).update(LAMBDA, config={**BASIC, "function": CODE}),
        "keras.layers.Lambda",
    ),
    "a Lambda with a function of Keras": (
        lambda config: rescaling(config).update(LAMBDA, config={**BASIC, "function": function("keras.ops.relu")}),
        "keras.layers.Lambda",
    ),
    "a layer that reads a model": (
        lambda config: rescaling(config).update(class_name="TFSMLayer", config={**BASIC, "filepath": "there"}),
        "keras.layers.TFSMLayer",
    ),
    "a foreign network": (
        lambda config: config.update(class_name="System", module="os", registered_name=None),
        "os.System",
    ),
    **{f"{target} as a layer": (partial(name_as_layer, target), target) for target in TARGETS},
    **{f"{target} as an activation": (partial(name_as_activation, target), target) for target in TARGETS},
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_names_something_foreign_is_not_opened(
    case: str, saved: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, named = FILES[case]
    path = tmp_path / "model.keras"
    path.write_bytes(changed(saved, change))
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("opened by Keras"))
    with pytest.raises(UserError) as caught:
        load_network(path)
    assert str(caught.value) == (
        f"{path}: not a readable Keras model (it names {named}, which is not allowed in a network); "
        "delete it and train the model again"
    )


def test_a_class_that_somebody_else_registered_is_not_built(
    saved: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Theirs(keras.layers.Layer):
        def __init__(self, **_: Any) -> None:
            pytest.fail("built")

    Theirs.__module__ = "theirs"
    with keras.saving.CustomObjectScope({"theirs>Theirs": Theirs}):
        path = tmp_path / "model.keras"
        path.write_bytes(changed(saved, lambda config: rescaling(config).update(registered_name="theirs>Theirs")))
        with pytest.raises(UserError, match="not a readable Keras model"):
            load_network(path)


def test_what_networks_may_consist_of_is_read(tmp_path: Path) -> None:
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(2, 3, activation=keras.activations.gelu, kernel_regularizer="l2")(inputs)
    x = keras.ops.relu(x) + keras.ops.mean(x, axis=(1, 2), keepdims=True)
    model = keras.Model(inputs, keras.layers.Dense(10, kernel_constraint="max_norm")(keras.layers.Flatten()(x)))
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    assert load_network(tmp_path / "model.keras").count_params() == model.count_params()
