"""Checks on a composed configuration that Hydra does not make: values, ranges, keys that do nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import Field, Strict, StrictBool, StrictInt, TypeAdapter, ValidationError, with_config

from inkproof.runtime.errors import UserError

Kind = TypeVar("Kind")
LONGEST = 60  # characters of a key or value that are shown
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument", "invalid_key")
# What pydantic expected, by the type of its error, where its own words are those of Python.
EXPECTED = {
    "missing": "a value",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "dataclass_type": "keys with values",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "greater_than": "a number above {gt:,.12g}",
    "greater_than_equal": "at least {ge:,.12g}",
    "less_than": "a number below {lt:,.12g}",
    "less_than_equal": "at most {le:,.12g}",
}
_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)  # to make one takes longer than to check with it


def validated(kind: type[Kind], value: Any, where: object = "") -> Kind:
    """Return `value`, from outside, as the dataclass or other type `kind`; pydantic checks and converts it.

    Raises UserError with the first mistake, in one line that begins with `where`, such as the file it stands in.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        raise UserError(mistake(error, kind, where)[1]) from None


def mistake(error: ValidationError, kind: Any, where: object = "") -> tuple[str, str]:
    """Return one mistake that pydantic found: its type, and a line of where, the key with its value, what was expected.

    An unknown key comes first, since it may be why another is missing, then what is missing; `kind`, a model,
    dataclass or list of dataclasses, tells which keys there are.
    """
    order = (*UNKNOWN_KEY, "missing")
    found = min(error.errors(), key=lambda one: order.index(one["type"]) if one["type"] in order else len(order))
    path, value, said = found["loc"], found["input"], found["msg"].replace("Input should be", "expected")
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    if found["type"] in UNKNOWN_KEY:
        key = _short(key)
        said = f"a key that does nothing; the keys are {', '.join(_keys(kind, path))}"
    elif found["type"] == "value_error":
        said = str(found["ctx"]["error"])
    else:
        if found["type"] in EXPECTED:
            said = f"expected {EXPECTED[found['type']].format(**found.get('ctx', {}))}"
        if key and isinstance(value, str | int | float | None):
            key += f"={_short(str(value))}"
    return found["type"], " ".join(": ".join(part for part in (str(where), key, said) if part).split())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _keys(kind: Any, path: Sequence[int | str]) -> list[str]:
    """Return the keys beside the one that `path` leads to; places in lists do not matter."""
    found: dict[str, Any] = {}
    for step in path:
        model = next(one for one in (kind, *get_args(kind)) if is_dataclass(one) or hasattr(one, "model_fields"))
        found = getattr(model, "model_fields", None) or get_type_hints(model)
        kind = found.get(str(step), model)
    return list(found)


Number = Annotated[float, Strict()]  # true and false are none, though Python counts with them
Groups = dict[str, Any]
Policy = Literal["auto", "float32", "mixed_bfloat16"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Monitor = Literal["accuracy", "loss", "val_accuracy", "val_loss"]  # what the training loop measures each epoch


@with_config(extra="ignore")
@dataclass
class Precision:
    """The number format; a file of conf/precision may say more."""

    policy: Policy


@with_config(extra="ignore")
@dataclass
class Callback:
    """What is checked of a callback here; the rest are arguments of its class."""

    patience: Number = 0
    threshold: Number = 0
    min_delta: Number = 0
    monitor: Monitor = "loss"


@dataclass
class Teacher:
    """Distillation: the run folders of the teachers, how soft their answers are, and their weight."""

    runs: list[str]
    temperature: Annotated[Number, Field(gt=0)]
    weight: Annotated[Number, Field(gt=0, le=1)]


@with_config(extra="forbid")
@dataclass
class Training:
    """The keys of a training configuration."""

    data: Groups
    model: Groups
    aug: Groups
    optimizer: Groups
    callbacks: dict[str, Callback]
    precision: Precision
    seed: Annotated[StrictInt, Field(ge=0)]
    epochs: Annotated[StrictInt, Field(ge=1)]
    batch_size: Annotated[StrictInt, Field(ge=1)]
    train_size: Annotated[StrictInt, Field(ge=10)] | None
    subset_seed: Annotated[StrictInt, Field(ge=0)]
    folds: Annotated[StrictInt, Field(ge=2)] | None
    fold: Annotated[StrictInt, Field(ge=0)]
    label_smoothing: Annotated[Number, Field(ge=0, lt=1)]
    teacher: Teacher
    deterministic: StrictBool
    init: str | None
    register: StrictBool
    force: StrictBool
    out: str | None
    digits: str
    experiment_name: str


def check_training(config: dict[str, Any]) -> None:
    """Raise UserError when a resolved training configuration holds a value that training cannot use."""
    training = validated(Training, config)
    val = training.data.get("val")
    if val is None:
        name = training.data["name"]
        raise UserError(f"data={name}: drawings, not digits to train on; choose mnist, optdigits or mnist_plus_strokes")
    if training.folds is not None and val != 0:
        raise UserError(f"folds={training.folds}: the folds are cut from all training digits; add data.val=0")
    for name, callback in training.callbacks.items():
        if callback.monitor.startswith("val_") and val == 0:
            raise UserError(
                f"callbacks.{name}.monitor={callback.monitor}: there are no validation digits with data.val=0; "
                "choose callbacks=last, none or stop_at_99"
            )


@dataclass
class Limits:
    """How much a request to the drawing page may hold.

    Attributes:
        body_kb: KB of a request, whatever it holds.
        pixels: of an image, by the size it states before anything is decoded.
        strokes, points: of a drawing, `points` over all its strokes.
        text: characters of a name.
        drawings: returned at a time.
    """

    body_kb: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    pixels: Annotated[StrictInt, Field(ge=1, le=89_000_000)]
    strokes: Annotated[StrictInt, Field(ge=1, le=10_000)]
    points: Annotated[StrictInt, Field(ge=1, le=100_000)]
    text: Annotated[StrictInt, Field(ge=1, le=1000)]
    drawings: Annotated[StrictInt, Field(ge=1, le=1000)]


@with_config(extra="ignore")
@dataclass
class App(Limits):
    """The configuration of the drawing page: where it is served, for whom, and where drawings are kept."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[StrictInt, Field(ge=0, le=65_535)]
    hosts: list[str]
    database: Annotated[str, Field(min_length=1)]
