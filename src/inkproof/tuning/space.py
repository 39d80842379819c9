"""What a search is asked for: which keys of a training configuration vary, how far, and by which tuner.

TensorFlow is not imported here, so that mistakes are reported at once.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, Strict, StrictBool, StrictInt, ValidatorFunctionWrapHandler, WrapValidator, with_config

from inkproof.config.schema import Training, check_training
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.tuning.recipe import recipe_path

WHERE = "tuner.space.parameters"
CHIEF = "chief"
# Of a training's keys, what a search sets itself.
OWN: dict[str, Any] = {"register": False, "force": False, "out": None, "init": None}


def _as_given(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Let pydantic check a number and leave it as it is: whole bounds make whole values."""
    check(value)
    return value


Number = Annotated[float, Strict(), WrapValidator(_as_given)]


@with_config(extra="forbid")
@dataclass(frozen=True)
class Parameter:
    """One key of the training configuration: among `choices`, or from `low` to `high` (by `step`, or `log`)."""

    key: str
    choices: Annotated[tuple[Any, ...], Field(min_length=1)] = ()
    low: Number = 0.0
    high: Number = 0.0
    step: Annotated[Number, Field(gt=0)] | None = None
    log: StrictBool = False

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def read_space(listed: Any, config: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of a file in conf/tuner/space; `config` is the training configuration they are keys of.

    Raises UserError where one is no key of it, or has neither bounds nor choices.
    """
    if not listed:
        raise UserError(f"{WHERE}: expected a list of parameters, such as {{key: batch_size, choices: [64]}}")
    found = validated(list[Parameter], listed, WHERE)
    for one, given in zip(found, listed, strict=True):
        value_at(config, one.key)
        _check_bounds(one, given.keys() - {"key"})
    return found


def _check_bounds(one: Parameter, given: set[str]) -> None:
    """Raise UserError where the `given` keys of a parameter do not go together."""
    if given != {"choices"} and ("choices" in given or not {"low", "high"} <= given):
        raise UserError(f"{WHERE}: {one.key}: give either choices, or low and high")
    if "low" in given and (one.low >= one.high or (one.log and one.low <= 0)):
        raise UserError(f"{WHERE}: {one.key}: low and high: expected the lower first, above 0 for log")
    if one.log and one.step is not None:
        raise UserError(f"{WHERE}: {one.key}: log: expected no step beside true")
    if one.whole and isinstance(one.step, float):
        raise UserError(f"{WHERE}: {one.key}: step: expected a whole number")


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key; raises UserError where there is none."""
    found: Any = config
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise UserError(f"{WHERE}: {key}: no key of the training configuration")
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


@with_config(extra="ignore")
@dataclass(frozen=True)
class Tuner:
    """What is checked of a file in conf/tuner; each kind of search has some of these."""

    trials: Annotated[StrictInt, Field(ge=1)] = 1
    factor: Annotated[StrictInt, Field(ge=2)] = 2
    iterations: Annotated[StrictInt, Field(ge=1)] = 1
    seed: Annotated[StrictInt, Field(ge=1)] = 1
    retries: Annotated[StrictInt, Field(ge=0)] = 0
    initial: Annotated[StrictInt, Field(ge=1)] | None = None


def enter_service(service: Any, address: Any) -> None:
    """Tell keras-tuner which part this process has in a search on several machines; nothing where it is alone."""
    if service is None:
        return
    if not isinstance(service, str) or not re.fullmatch(r"[\w-]+", service) or (CHIEF in service and service != CHIEF):
        raise UserError(f"service={service}: expected {CHIEF}, or a worker's own name, such as w1")
    found = re.fullmatch(r"(?P<host>[^:\s]+):(?P<port>\d{1,5})", str(address))
    if found is None:
        raise UserError(f"address={address}: expected the chief's HOST:PORT, such as 192.168.0.10:8999")
    os.environ["KERASTUNER_TUNER_ID"] = service
    os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"] = found["host"], found["port"]


@dataclass(frozen=True)
class Request:
    """A search: the training configuration that its trials begin with, what varies, and where the best is written."""

    experiment: str
    training: dict[str, Any]
    space: Sequence[Parameter]
    recipe: Path


def checked(config: dict[str, Any]) -> Request:
    """Return what the resolved `config` asks for; raises UserError where that cannot be searched."""
    experiment = f"tune/{config['name']}"
    given = {one.name: config[one.name] for one in fields(Training) if one.name in config}
    training = given | OWN | {"experiment_name": experiment}
    check_training(training)
    if training["data"]["val"] == 0:
        raise UserError("data.val=0: a search needs validation digits to choose by")
    space = read_space(config["tuner"]["space"].get("parameters"), training)
    validated(dict[str, Tuner], {"tuner": config["tuner"]})
    recipe = recipe_path(config["recipe"])
    enter_service(config["service"], config["address"])
    return Request(experiment, training, space, recipe)
