"""From a checked configuration to everything that one training needs."""

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from hydra.utils import instantiate

from inkproof.config.compose import path_of
from inkproof.config.one_line import unknown
from inkproof.config.schema import Augmentation, Component, ModelIdentity, RunIdentity, TrainConfig
from inkproof.config.schema import Teacher as TeacherConfig
from inkproof.data.digits import Digits
from inkproof.data.splits import training_split
from inkproof.models.builders import instantiate_registered
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata
from inkproof.training.augment import OPERATIONS
from inkproof.training.loop import Plan, prepare_keras
from inkproof.training.losses import Teacher


@dataclass(frozen=True)
class Parts:
    """What `fit` takes: digits, network, callbacks, optimizer; `val` and `teacher` are None where there is none."""

    training: Digits
    val: Digits | None
    model: keras.Model
    plan: Plan
    callbacks: list[keras.callbacks.Callback]
    make_optimizer: Callable[..., keras.optimizers.Optimizer]
    teacher: Teacher | None


def assemble(config: TrainConfig, digits: Path, policy: str) -> Parts:
    """Return the parts of the run that `config` describes, on the digits file `digits`.

    Sets Keras's global state to `policy` and the seed. Raises UserError for digits that cannot be split so and for
    callbacks that do not fit the optimizer, and Hydra's InstantiationException for what cannot be built.
    """
    chosen = config.training
    val_size, repeat = config.data.val or 0, config.data.repeat or 1
    training, val = training_split(digits, val_size, chosen.train_size, chosen.subset_seed, chosen.folds, chosen.fold)
    prepare_keras(config.seed, policy, chosen.deterministic)
    make_optimizer = optimizer_maker(config.optimizer)
    optimizer = make_optimizer(total_steps=2, steps_per_epoch=1)  # a wrong value is found before the run begins
    plan = Plan(
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        repeat=repeat,
        limits=config.aug.limits,
        seed=config.seed,
        label_smoothing=chosen.label_smoothing,
    )
    callbacks = {name: instantiate(one.node(), _convert_="all") for name, one in config.callbacks.items()}
    for name, callback in callbacks.items():
        if isinstance(callback, SETS_RATE) and isinstance(optimizer.get_config().get("learning_rate"), dict):
            raise UserError(f"callbacks.{name}: sets the learning rate, which has a schedule; choose optimizer=adam")
    model = build_model(config.model)
    return Parts(training, val, model, plan, list(callbacks.values()), make_optimizer, _teacher(chosen.teacher))


def build_model(model: ModelIdentity) -> keras.Model:
    """Return a fresh network as `model` describes it, in Keras's present number format."""
    return instantiate(model.build.node(), _convert_="all")


SETS_RATE = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
STEPS = ("total_steps", "steps_per_epoch")  # arguments of an optimizer that the training loop gives


def optimizer_maker(optimizer: Component) -> Callable[..., keras.optimizers.Optimizer]:
    """Return a function of the STEPS that builds `optimizer`; Keras's own optimizers do not take these arguments."""
    taken = _arguments(pkgutil.resolve_name(optimizer.target))[0]

    def make(**steps: int) -> keras.optimizers.Optimizer:
        given = {name: count for name, count in steps.items() if name in taken}
        return instantiate(optimizer.node(), _convert_="all", **given)

    return make


def in_float32(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Return the trained `model` in float32 and without its optimizer, as every later stage needs it.

    Sets Keras's global number format to float32.
    """
    keras.mixed_precision.set_global_policy("float32")
    final = build_model(config.model)
    final.set_weights(model.get_weights())
    return final


def _teacher(chosen: TeacherConfig) -> Teacher | None:
    """The trained networks of the run folders in `chosen`, in Keras's present number format, which makes them fast."""
    models = []
    for folder in map(path_of, chosen.runs):
        build = RunMetadata.read(folder).config.model.build
        model = instantiate_registered(build, f"{folder / 'run.json'}: model.build")
        if not isinstance(model, keras.Model):
            raise UserError(f"{folder / 'run.json'}: model.build={build.target}: makes no network")
        model.set_weights(load_trained(folder).get_weights())
        model.trainable = False
        models.append(model)
    return Teacher(models, chosen.temperature, chosen.weight) if models else None


def check_components(config: RunIdentity) -> None:
    """Compare the keys of everything that `config` lets build with the arguments of what its `_target_` names.

    Those of the augmentation are compared with its operations. Raises UserError for a target that does not exist, and
    for a key that is missing, unknown or out of range, before data is read.
    """
    _check_limits(config.aug)
    _check("model.build", config.model.build)
    _check("optimizer", config.optimizer, STEPS)
    for name, callback in config.callbacks.items():
        _check(f"callbacks.{name}", callback)


def _check_limits(aug: Augmentation) -> None:
    highest = {key: most for keys in OPERATIONS.values() for key, most in keys.items()}
    for key, value in aug.limits.items():
        if key not in highest:
            raise UserError(unknown(f"aug.{key}", "key of an augmentation", key, list(highest)))
        if not value <= highest[key]:
            raise UserError(f"aug.{key}={value:g}: expected at most {highest[key]:g}")


def _check(key: str, component: Component, given: tuple[str, ...] = ()) -> None:
    """Compare the keys of `component`, and of what is built for it, with signatures; `given` are further arguments."""
    try:
        named, needed, open_ended = _arguments(pkgutil.resolve_name(component.target))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UserError(f"{key}._target_={component.target}: no function or class of this name ({error})") from error
    choices = [name for name in named if name not in given]
    for name, value in component.arguments.items():
        if name not in choices and not open_ended and not name.startswith("_"):  # _args_ and the like are Hydra's
            raise UserError(unknown(f"{key}.{name}", f"argument of {component.target}", name, choices))
        if isinstance(value, Mapping) and "_target_" in value:
            _check(f"{key}.{name}", Component.model_validate(value))
    missing = [name for name in needed if name not in component.arguments and name not in given]
    if missing and "_args_" not in component.arguments:
        raise UserError(f"{key}.{missing[0]}: expected a value; {component.target} needs {', '.join(missing)}")


def _arguments(target: Callable[..., Any]) -> tuple[list[str], list[str], bool]:
    """Return the names of the arguments that `target` takes, those that it needs, and whether it takes any others.

    A class of Keras hands on what it does not name to the classes that it is derived from.
    """
    bases: tuple[Any, ...] = ()
    if isinstance(target, type) and target.__module__.startswith("keras."):
        bases = target.__mro__
    signature = inspect.signature(bases[0].__init__ if bases else target)  # not __new__, which names nothing
    own = [one for one in signature.parameters.values() if one.name != "self"]
    named = {one.name for one in own if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    needed = [one.name for one in own if one.name in named and one.default is one.empty]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in own)
    if open_ended:
        for base in bases[1:-1]:
            named |= set(inspect.signature(base.__init__).parameters) - {"self", "args", "kwargs"}
    return sorted(named), needed, open_ended and not bases
