"""A search space: which keys of a training configuration vary, and how far."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from inkproof.config.schema import is_number
from inkproof.runtime.errors import UserError

KEYS = ("key", "low", "high", "step", "log", "choices")


@dataclass(frozen=True)
class Parameter:
    """One key of the training configuration: among `choices`, or from `low` to `high` (by `step`, or `log`)."""

    key: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def read_space(listed: Any, config: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of a file in conf/tuner/space; `config` is the training configuration they are keys of.

    Raises UserError where one is no key of it, or has neither bounds nor choices.
    """
    if not isinstance(listed, list) or not listed:
        raise UserError(
            "tuner.space.parameters: expected a list of parameters, such as {key: batch_size, choices: [64]}"
        )
    return [_parameter(one, config) for one in listed]


def _parameter(listed: Any, config: Mapping[str, Any]) -> Parameter:
    if not isinstance(listed, dict) or not isinstance(listed.get("key"), str):
        raise UserError(f"tuner.space.parameters: {listed}: expected a key with choices, or with low and high")
    key = listed["key"]
    for name in listed:
        if name not in KEYS:
            raise UserError(f"tuner.space.parameters: {key}: {name} does nothing; there is {', '.join(KEYS)}")
    value_at(config, key)
    bounded = "choices" not in listed and {"low", "high"} <= listed.keys()
    if not bounded and listed.keys() != {"key", "choices"}:
        raise UserError(f"tuner.space.parameters: {key}: give either choices, or low and high")
    if not bounded:
        if not isinstance(listed["choices"], list) or not listed["choices"]:
            raise UserError(f"tuner.space.parameters: {key}: choices: expected a list of values")
        return Parameter(key, choices=tuple(listed["choices"]))
    low, high, step, log = listed["low"], listed["high"], listed.get("step"), listed.get("log", False)
    if not is_number(low) or not is_number(high) or not low < high or (log and low <= 0):
        raise UserError(
            f"tuner.space.parameters: {key}: low and high: expected numbers, the lower first, above 0 for log"
        )
    found = Parameter(key, low=low, high=high, step=step, log=bool(log))
    if not isinstance(log, bool) or (log and step is not None):
        raise UserError(f"tuner.space.parameters: {key}: log: expected true or false, and no step beside true")
    if step is not None and (not is_number(step) or step <= 0 or (found.whole and not isinstance(step, int))):
        kind = "whole number" if found.whole else "number"
        raise UserError(f"tuner.space.parameters: {key}: step: expected a {kind} above 0")
    return found


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key; raises UserError where there is none."""
    found: Any = config
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise UserError(f"tuner.space.parameters: {key}: no key of the training configuration")
        found = found[part]
    return found


def configured(config: Mapping[str, Any], space: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training configuration with a trial's `values` in the places that `space` names."""
    made = deepcopy(dict(config))
    for one in space:
        *parents, last = one.key.split(".")
        place = made
        for parent in parents:
            place = place[parent]
        value = json.loads(values[one.key]) if one.choices else values[one.key]
        # Bounds leave digits that nobody needs, and that a recipe should not show.
        place[last] = float(f"{value:.4g}") if isinstance(value, float) else value
    return made
