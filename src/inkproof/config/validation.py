"""Check input from outside with pydantic. A mistake is reported in one line."""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from inkproof.runtime.errors import MissingKey, UserError

Kind = TypeVar("Kind")
LONGEST = 60  # characters of a key or value that are shown
DATASET_KEY = re.compile(r"(data|pens)(\.\w+)+")
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument", "invalid_key")
# What was expected, by the type of pydantic's error without SAME. Pydantic's own text has words of Python or JSON.
EXPECTED = {
    "missing": "a value",
    "string": "a text",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "keys with values",
    "dataclass": "keys with values",
    "model": "keys with values",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "greater_than": "a number above {gt:,.12g}",
    "greater_than_equal": "at least {ge:,.12g}",
    "less_than": "a number below {lt:,.12g}",
    "less_than_equal": "at most {le:,.12g}",
    "union_tag_invalid": "one of {expected_tags}",
}
SAME = re.compile(r"_(type|attributes_type|parsing|from_float)$")
_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)  # making an adapter takes longer than a check


def validated(kind: type[Kind], value: Any, where: object = "") -> Kind:
    """Return the input `value` as the model or other type `kind`; pydantic checks and converts it.

    Raises UserError with the first mistake, in one line that begins with `where`: the file it is in, or a key such as
    data.source. It is a MissingKey if there is no value.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        reason, line = mistake(error, kind, where, value)
        raise (MissingKey if reason == "missing" else UserError)(line) from None


def mistake(error: ValidationError, kind: Any, where: object = "", whole: Any = None) -> tuple[str, str]:
    """Return one mistake that pydantic found: its type, and a line with place, key, value and what was expected.

    An unknown key comes first, because it may explain a missing one. Then come missing keys. `kind`, a model or a type
    made of models, has the keys to choose from. `whole` is the value that was checked. Without it, a path through a
    union also names the model that was tried.
    """
    order = (*UNKNOWN_KEY, "missing")
    found = min(error.errors(), key=lambda one: order.index(one["type"]) if one["type"] in order else len(order))
    path, value = _within(whole, found["loc"]), found["input"]
    reason = found["msg"].replace("Input should be", "expected")
    if found["type"] == "union_tag_invalid":
        path, value = (*path, found["ctx"]["discriminator"].strip("'")), found["ctx"]["tag"]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    if found["type"] in UNKNOWN_KEY:
        key = _short(key)
        reason = f"unknown key; the keys are {', '.join(_keys(kind, found['loc']))}"
    elif found["type"] == "value_error":
        reason = str(found["ctx"]["error"])
    else:
        if expected := EXPECTED.get(SAME.sub("", found["type"])):
            reason = f"expected {expected.format(**found.get('ctx', {}))}"
        if key and isinstance(value, str | int | float | None):
            key += f"={_short(str(value))}"
    place = str(where)
    if key and DATASET_KEY.fullmatch(place):
        place, key = "", f"{place}.{key}"  # as it is typed
    return found["type"], " ".join(": ".join(part for part in (place, key, reason) if part).split())


def named(target: str, where: str) -> Callable[..., Any]:
    """Return the function or class that a `_target_` names.

    Raises UserError, which begins with `where`, if there is none, or with the reason if its module fails when imported.
    """
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
        if callable(found):
            return found
        reason = f"it is a {type(found).__name__}" if found is not None else f"{module} has no {name}"
    except Exception as error:  # a module may raise anything when imported
        reason = " ".join(str(error).split())
        absent = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        if module and not absent:
            kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
            raise UserError(f"{where}: {module} cannot be imported ({kind}{reason}); correct it") from error
    raise UserError(f"{where} names no function or class ({reason}); write it as MODULE.NAME")


def _within(whole: Any, path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return `path` without the steps that are not keys of `whole`: by these pydantic names a choice of a union."""
    steps: list[int | str] = []
    for step in path[:-1]:
        if isinstance(whole, Mapping) and step not in whole:
            continue
        steps.append(step)
        try:
            whole = whole[step]
        except (TypeError, LookupError):
            whole = None
    return (*steps, *path[-1:])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _keys(kind: Any, path: Sequence[int | str]) -> list[str]:
    """Return the keys next to the one that `path` leads to; positions in lists and free keys are skipped.

    A step may also be the tag by which a model was chosen from a union: the value of one of its fields.
    """
    models = list(_models(kind))
    for step in path[:-1]:
        inner = [fields[str(step)] for model in models if str(step) in (fields := _fields(model))]
        tagged = [model for model in models if any(step in get_args(field) for field in _fields(model).values())]
        models = [model for one in inner for model in _models(one)] or tagged or models
    return list(dict.fromkeys(name for model in models for name in _fields(model)))


def _models(kind: Any) -> Iterator[Any]:
    """The models that a type is made of: itself, or the choices or parts of a union, list or dictionary."""
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        yield kind
    else:
        for part in get_args(kind):
            yield from _models(part)


def _fields(model: Any) -> Mapping[str, Any]:
    if issubclass(model, BaseModel):
        return {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return get_type_hints(model, include_extras=True)
