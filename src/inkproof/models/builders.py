"""What a file that was made elsewhere may have built: builders of this project and classes of Keras, nothing else.

conf/ and the command line may name any importable function, since the user writes them. A run.json or a model.keras
may come from anybody. Each name in it is checked before anything is imported, and before anything is called.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import keras

from inkproof.config.schema import Component
from inkproof.runtime.errors import UserError

PACKAGES = ("inkproof.models", "inkproof.training")
KERAS = {
    "keras.optimizers": keras.optimizers,
    "keras.optimizers.schedules": keras.optimizers.schedules,
    "keras.callbacks": keras.callbacks,
}
BUILT = (keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule, keras.callbacks.Callback)

# What the config of a network consists of. These layers bring code or files of their own.
PARTS = (
    *(keras.Operation, keras.initializers.Initializer, keras.regularizers.Regularizer),
    *(keras.constraints.Constraint, keras.DTypePolicy),
)
BRING_CODE = (
    *(keras.layers.Lambda, keras.layers.TFSMLayer, keras.layers.JaxLayer, keras.layers.FlaxLayer),
    keras.layers.TorchModuleWrapper,
)
VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")

Function = TypeVar("Function", bound=Callable[..., Any])
_listed: set[Callable[..., Any]] = set()


def builder(function: Function) -> Function:
    """Register a function of inkproof.models or inkproof.training as a builder that a run folder may name."""
    _listed.add(function)
    return function


def instantiate_registered(component: Component, where: object) -> Any:
    """Return what `component` describes; `where`, such as the file that it came from, begins the line of an error.

    Unlike `hydra.utils.instantiate` it takes only registered builders, in nested arguments, too. Such a builder is
    marked with `@builder`, or is a class of BUILT, and stands in the very module that its name says. Raises UserError
    for any other name, and for arguments that its builder does not take.
    """
    node = component.node()
    for target in _targets(node):
        if _registered(target) is None:
            raise UserError(
                f"{where}: names {target}, which is no registered builder; only functions marked with @builder in "
                "src/inkproof/models and training, and Keras's optimizers, schedules and callbacks may stand there"
            )
    try:
        if (name := foreign_part(node)) is not None:
            raise UserError(f"{where}: names {name}, which is no part of a network that may stand there")
        return _made(node)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {component.target} cannot be built ({' '.join(str(error).split())})") from error


def foreign_part(config: Any) -> str | None:
    """Return the first class or function in the serialized Keras `config` that a file may not name; None without one.

    It may name Keras's layers, operations, activations, initializers and their like, and what this project has
    registered with Keras.
    """
    return next((_name(node) for node in _serialized(config) if not _may_be_named(node)), None)


def _registered(target: str) -> Callable[..., Any] | None:
    module, _, name = target.rpartition(".")
    package, _, own = module.rpartition(".")
    if module in KERAS:
        found = vars(KERAS[module]).get(name)
        return found if _built(found) else None
    # Only a module that lies in the package is imported; what it has imported itself is not taken for its own.
    if package not in PACKAGES or own not in _modules(package):
        return None
    found = vars(importlib.import_module(module)).get(name)
    if f"{getattr(found, '__module__', None)}.{getattr(found, '__qualname__', None)}" != target:
        return None
    return found if _built(found) or (callable(found) and found in _listed) else None


def _built(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BUILT)


def _modules(package: str) -> set[str]:
    return {found.name for found in pkgutil.iter_modules(importlib.import_module(package).__path__)}


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield str(node["_target_"])
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value)


def _made(node: Any) -> Any:
    if isinstance(node, list | tuple):
        return [_made(value) for value in node]
    if not isinstance(node, dict):
        return node
    made = {key: _made(value) for key, value in node.items() if key != "_target_"}
    build = _registered(str(node["_target_"])) if "_target_" in node else None
    return made if build is None else build(**made)


def _serialized(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _serialized(value)
    elif isinstance(config, list):
        for value in config:
            yield from _serialized(value)


def _may_be_named(node: dict[str, Any]) -> bool:
    kind, module = node["class_name"], node.get("module")
    if kind in VALUES:
        return True
    # Keras looks here first, whatever the module is.
    known_as = node.get("config") if kind == "function" else node.get("registered_name")
    known = keras.saving.get_registered_object(known_as) if isinstance(known_as, str) else None
    if known is not None:
        return known.__module__.split(".")[0] == "inkproof"
    if kind == "function":
        return module in ("builtins", "keras.activations") and hasattr(keras.activations, str(known_as))
    if not isinstance(module, str) or module.split(".")[0] != "keras" or module not in sys.modules:
        return False
    found = vars(sys.modules[module]).get(kind)
    return isinstance(found, type) and issubclass(found, PARTS) and not issubclass(found, BRING_CODE)


def _name(node: dict[str, Any]) -> str:
    kind = node.get("config") if node["class_name"] == "function" else node["class_name"]
    return " ".join(f"{node.get('module')}.{kind}".split())[:100]
