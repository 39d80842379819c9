"""Checks on a composed configuration that Hydra does not make: values, ranges, keys that do nothing."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from inkproof.runtime.errors import UserError

Kind = TypeVar("Kind")
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
    "greater_than": "a number above {gt}",
}


def validated(kind: type[Kind], value: Any, where: object) -> Kind:
    """Return `value`, from outside, as the dataclass or other type `kind`; pydantic checks and converts it.

    Raises UserError with the first mistake, in one line that begins with `where`.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise UserError(one_error(error, where, kind)) from None


def one_error(error: ValidationError, where: object, kind: Any = None) -> str:
    """Return one mistake that pydantic found as a line: where, the key with its value, what was expected.

    An unknown key comes first, since it may be why another is missing; `kind`, a dataclass or a list of them, tells
    which keys there are.
    """
    found = min(error.errors(), key=lambda one: one["type"] not in UNKNOWN_KEY)
    path, value, said = found["loc"], found["input"], found["msg"].replace("Input should be", "expected")
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    if found["type"] in UNKNOWN_KEY:
        said = "a key that does nothing"
        if kind is not None:
            said += f"; the keys are {', '.join(_keys(kind, path))}"
    elif found["type"] == "value_error":
        said = str(found["ctx"]["error"])
    else:
        if found["type"] in EXPECTED:
            said = f"expected {EXPECTED[found['type']].format(**found.get('ctx', {}))}"
        if key and isinstance(value, str | int | float | None):
            key += f"={value}"
    return " ".join(f"{where}: {f'{key}: ' if key else ''}{said}".split())


def _keys(kind: Any, path: Sequence[int | str]) -> list[str]:
    """Return the keys beside the one that `path` leads to; places in lists do not matter."""
    found: dict[str, Any] = {}
    for step in path:
        model = next(one for one in (kind, *get_args(kind)) if is_dataclass(one))
        found = get_type_hints(model)
        kind = found.get(str(step), model)
    return list(found)


POLICIES = ("auto", "float32", "mixed_bfloat16")
TRAIN_KEYS: dict[str, Any] = {
    "data": dict,
    "model": dict,
    "aug": dict,
    "optimizer": dict,
    "callbacks": dict,
    "precision": dict,
    "seed": int,
    "epochs": int,
    "batch_size": int,
    "train_size": (int, type(None)),
    "subset_seed": int,
    "folds": (int, type(None)),
    "fold": int,
    "label_smoothing": (int, float),
    "teacher": dict,
    "deterministic": bool,
    "init": (str, type(None)),
    "register": bool,
    "force": bool,
    "out": (str, type(None)),
    "digits": str,
    "experiment_name": str,
}
AT_LEAST = {"seed": 0, "epochs": 1, "batch_size": 1, "train_size": 10, "subset_seed": 0, "folds": 2, "fold": 0}
MONITORS = ("accuracy", "loss", "val_accuracy", "val_loss")  # what the training loop measures each epoch


def check_training(config: dict[str, Any]) -> None:
    """Raise UserError when a resolved training configuration holds a value that training cannot use."""
    for key in config:
        if key not in TRAIN_KEYS:
            raise UserError(f"{key}: an option that does nothing; the keys are {', '.join(sorted(TRAIN_KEYS))}")
    for key, kind in TRAIN_KEYS.items():
        value = config[key]
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise UserError(f"{key}={value}: expected {_word(kind)}")
        if key in AT_LEAST and value is not None and value < AT_LEAST[key]:
            raise UserError(f"{key}={value}: expected at least {AT_LEAST[key]}")
    if config["data"].get("val") is None:
        name = config["data"]["name"]
        raise UserError(f"data={name}: drawings, not digits to train on; choose mnist, optdigits or ink")
    if config["precision"]["policy"] not in POLICIES:
        raise UserError(f"precision.policy={config['precision']['policy']}: choose one of {', '.join(POLICIES)}")
    if config["folds"] is not None and config["data"]["val"] != 0:
        raise UserError(f"folds={config['folds']}: the folds are cut from all training digits; add data.val=0")
    if not 0 <= config["label_smoothing"] < 1:
        raise UserError(f"label_smoothing={config['label_smoothing']}: expected a probability below 1")
    _check_teacher(config["teacher"])
    for name, callback in config["callbacks"].items():
        for key in ("patience", "threshold", "min_delta"):
            if not is_number(value := callback.get(key, 0)):
                raise UserError(f"callbacks.{name}.{key}={value}: expected a number")
        monitor = callback.get("monitor", "loss")
        if monitor not in MONITORS:
            raise UserError(f"callbacks.{name}.monitor={monitor}: choose one of {', '.join(MONITORS)}")
        if monitor.startswith("val_") and config["data"]["val"] == 0:
            raise UserError(
                f"callbacks.{name}.monitor={monitor}: there are no validation digits with data.val=0; "
                "choose callbacks=last, none or stop_at_99"
            )


def _check_teacher(teacher: dict[str, Any]) -> None:
    """Raise UserError where the teacher's keys hold what distillation cannot use."""
    if not isinstance(teacher["runs"], list) or not all(isinstance(run, str) for run in teacher["runs"]):
        raise UserError(f"teacher.runs={teacher['runs']}: expected a list of run folders")
    for key, high in (("temperature", float("inf")), ("weight", 1)):
        value = teacher[key]
        if not is_number(value) or not 0 < value <= high:
            raise UserError(f"teacher.{key}={value}: expected a number above 0{' and at most 1' * (high == 1)}")


def is_number(value: Any) -> bool:
    """Return whether `value` is a number; true and false are none here, though Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "a group"}
    kinds = kind if isinstance(kind, tuple) else (kind,)
    kinds = tuple(one for one in kinds if not (one is int and float in kinds))
    return " or ".join(words.get(one, "null") for one in kinds)


APP_NUMBERS = {"port": (0, 65535), "body_kb": (1, 1_000_000), "pixels": (1, 89_000_000), "strokes": (1, 10_000)}
APP_NUMBERS |= {"points": (1, 100_000), "text": (1, 1000), "drawings": (1, 1000)}


def check_app(config: dict[str, Any]) -> None:
    """Raise UserError where a value of the drawing page cannot be used."""
    for key, (low, high) in APP_NUMBERS.items():
        value = config[key]
        if type(value) is not int or not low <= value <= high:
            raise UserError(f"{key}={value}: expected a whole number from {low:,} to {high:,}")
    hosts = config["hosts"]
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise UserError(f"hosts={hosts}: expected a list of names, such as hosts=[192.168.1.5]")
    for key in ("host", "database"):
        if not isinstance(config[key], str) or not config[key]:
            raise UserError(f"{key}={config[key]}: expected a text")
