"""From a checked configuration to everything that one training needs."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import keras
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from inkproof.config.compose import path_of
from inkproof.config.one_line import unknown
from inkproof.config.schema import Augmentation, Component, ModelIdentity, Number, RunIdentity, Share, Size, TrainConfig
from inkproof.config.schema import Teacher as TeacherConfig
from inkproof.config.validation import mistake, named
from inkproof.data.digits import IMAGE_SIDE, Digits
from inkproof.data.splits import training_split
from inkproof.models.builders import BUILT, foreign_part, instantiate_registered, registered
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata
from inkproof.training.augment import OPERATIONS, check_operations
from inkproof.training.loop import Plan, prepare_keras
from inkproof.training.losses import Teacher


@dataclass(frozen=True)
class Parts:
    """What `fit` takes: digits, network, callbacks, optimizer; `val` and `teacher` may be None."""

    training: Digits
    val: Digits | None
    model: keras.Model
    plan: Plan
    callbacks: list[keras.callbacks.Callback]
    make_optimizer: Callable[..., keras.optimizers.Optimizer]
    teacher: Teacher | None


def assemble(config: TrainConfig, digits: Path, policy: str) -> Parts:
    """Return the parts of the run that `config` describes, on the digits file `digits`.

    Sets Keras's global state to `policy` and the seed. Raises UserError for digits that cannot be split so, and for
    callbacks that do not fit the optimizer. The same for an augmentation that fails, and for anything that cannot be
    built.
    """
    chosen = config.training
    val_size, repeat = config.data.val or 0, config.data.repeat or 1
    subset = (chosen.train_size, chosen.subset_seed, chosen.folds, chosen.fold)
    training, val = training_split(digits, val_size, *subset, config.data.split)
    prepare_keras(config.seed, policy, chosen.deterministic)
    check_operations(config.aug.limits, IMAGE_SIDE)
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
    callbacks = {
        name: _built(f"callbacks.{name}", one, keras.callbacks.Callback) for name, one in config.callbacks.items()
    }
    for name, callback in callbacks.items():
        if isinstance(callback, SETS_RATE) and isinstance(optimizer.get_config().get("learning_rate"), dict):
            raise UserError(f"callbacks.{name}: sets the learning rate, which has a schedule; choose optimizer=adam")
    model = build_model(config.model)
    return Parts(training, val, model, plan, list(callbacks.values()), make_optimizer, _teacher(chosen.teacher))


def build_model(model: ModelIdentity) -> keras.Model:
    """Return a fresh network as `model` describes it, in Keras's present number format.

    Raises UserError if it cannot be built, does not take a digit and return ten numbers, or could not be read again.
    """
    made = _built("model.build", model.build, keras.Model)
    shapes = getattr(made, "input_shape", None), getattr(made, "output_shape", None)  # a Sequential may have none yet
    if shapes != ((None, IMAGE_SIDE, IMAGE_SIDE, 1), (None, 10)):
        raise UserError(
            f"model.build: {model.build.target} takes {shapes[0]} and returns {shapes[1]}; "
            f"expected (None, {IMAGE_SIDE}, {IMAGE_SIDE}, 1) and (None, 10)"
        )
    if (name := foreign_part(keras.saving.serialize_keras_object(made))) is not None:
        raise UserError(
            f"model.build: {model.build.target} uses {name}, which later stages do not read; use layers of Keras other "
            "than Lambda, or register a layer in src/inkproof/models"
        )
    return made


Built = TypeVar("Built")


def _built(key: str, component: Component, kind: type[Built], **given: int) -> Built:
    """Return what `component` describes, of `kind`; raises UserError that begins with `key` for any other."""
    try:
        made = instantiate(component.node(), _convert_="all", **given)
    except InstantiationException as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = " ".join(str(cause).split())[:300]
        raise UserError(f"{key}: {component.target} cannot be built ({reason})") from error
    if not isinstance(made, kind):
        raise UserError(f"{key}._target_={component.target}: makes no keras.{kind.__name__}")
    return made


SETS_RATE = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
STEPS = ("total_steps", "steps_per_epoch")  # arguments of an optimizer that the training loop gives


def optimizer_maker(optimizer: Component) -> Callable[..., keras.optimizers.Optimizer]:
    """Return a function of the STEPS that builds `optimizer`; Keras's own optimizers do not take these arguments."""
    taken = _parameters(named(optimizer.target, f"optimizer._target_={optimizer.target}"))[0]

    def make(**steps: int) -> keras.optimizers.Optimizer:
        given = {name: count for name, count in steps.items() if name in taken}
        return _built("optimizer", optimizer, keras.optimizers.Optimizer, **given)

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
        build = RunMetadata.read_finished(folder).config.model.build
        model = instantiate_registered(build, f"{folder / 'run.json'}: model.build")
        if not isinstance(model, keras.Model):
            raise UserError(f"{folder / 'run.json'}: model.build._target_={build.target}: makes no keras.Model")
        model.set_weights(load_trained(folder).get_weights())
        model.trainable = False
        models.append(model)
    return Teacher(models, chosen.temperature, chosen.weight) if models else None


def check_components(config: RunIdentity) -> None:
    """Compare the keys of everything that `config` lets build with the arguments of what its `_target_` names.

    Their values are compared with the types of these arguments, the augmentation with its operations. No data is read.
    Raises UserError for a target that does not exist, and for a key that is missing or unknown. The same for a value
    of a wrong type or out of range, and for a network that is no registered builder's.
    """
    _check_limits(config.aug)
    _check("model.build", config.model.build)
    if registered(config.model.build.target) is None:
        raise UserError(
            f"model.build._target_={config.model.build.target}: not a registered builder; later stages build only "
            "functions marked with @builder in src/inkproof/models"
        )
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
    """Compare `component`, and all that is built for it, with signatures; `given` are arguments that it gets later."""
    where = f"{key}._target_={component.target}"
    target = named(component.target, where)
    try:
        parameters, needed, open_ended = _parameters(target)
    except (ValueError, TypeError) as error:  # some that are written in C
        raise UserError(f"{where} does not tell its arguments ({error}); name another one") from error
    choices = [name for name in parameters if name not in given]
    types = _types(target, parameters)
    for name, value in component.arguments.items():
        if name not in choices and not open_ended and not name.startswith("_"):  # _args_ and the like are Hydra's
            raise UserError(unknown(f"{key}.{name}", f"argument of {component.target}", name, choices))
        if isinstance(value, Mapping) and "_target_" in value:
            _check(f"{key}.{name}", Component.model_validate(value))
        elif name in types:
            _check_value(f"{key}.{name}", value, types[name])
    missing = [name for name in needed if name not in component.arguments and name not in given]
    if missing and "_args_" not in component.arguments:
        raise UserError(f"{key}.{missing[0]}: expected a value; {component.target} needs {', '.join(missing)}")


def _check_value(key: str, value: Any, kind: Any) -> None:
    try:
        adapter = TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))
    except PydanticUserError:
        return  # a type of somebody's builder that has no place in a configuration
    try:
        adapter.validate_json(json.dumps(value))  # as JSON, a list is a tuple, too
    except ValidationError as error:
        reason = mistake(error, kind)[1]
        raise UserError(f"{key}{reason}" if reason.startswith("[") else f"{key}={value}: {reason}") from None


def _parameters(target: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], list[str], bool]:
    """Return the arguments that `target` takes, the names of those that it needs, and whether it takes any others.

    A class of Keras hands on what it does not name to the classes that it is derived from.
    """
    bases: tuple[Any, ...] = ()
    if isinstance(target, type) and target.__module__.startswith("keras."):
        bases = target.__mro__
    signature = inspect.signature(bases[0].__init__ if bases else target)  # not __new__, which names nothing
    own = [one for one in signature.parameters.values() if one.name != "self"]
    named = {one.name: one for one in own if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    needed = [one.name for one in own if one.name in named and one.default is one.empty]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in own)
    if open_ended:
        for base in bases[1:-1]:
            inherited = inspect.signature(base.__init__).parameters
            named = {name: one for name, one in inherited.items() if name not in ("self", "args", "kwargs")} | named
    return dict(sorted(named.items())), needed, open_ended and not bases


# Arguments of Keras's optimizers and schedules, which say nothing of their types and check values late or never.
_RATES: dict[str, Any] = {
    **dict.fromkeys(("rho", "beta_1", "beta_2", "momentum", "ema_momentum"), Share),
    **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm", "weight_decay"), Size | None),
    **dict.fromkeys(("learning_rate", "initial_learning_rate", "decay_steps", "first_decay_steps", "decay_rate"), Size),
    **dict.fromkeys(("boundaries", "values"), list[Number]),
}
_NUMBER_OR_TEXT = ("verbose", "profile_batch")  # of Keras's callbacks


def _types(target: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """Return the types of those arguments of which something is known: by their hints, else by their defaults."""
    source: Any = target
    try:
        hints = get_type_hints(source.__init__ if isinstance(target, type) else source, include_extras=True)
    except NameError:
        hints = {}
    if isinstance(target, type) and issubclass(target, BUILT[:2]) and not hints:
        hints = _RATES
    defaults = {
        name: bool if isinstance(one.default, bool) else float
        for name, one in parameters.items()
        if isinstance(one.default, bool | int | float) and name not in _NUMBER_OR_TEXT
    }
    return defaults | hints
