"""What a search varies: keys of the training configuration and the values that they may take.

TensorFlow is not imported here, so that mistakes are reported at once.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, Strict, StrictBool, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from inkproof.config.schema import Config, RunIdentity, Space, Text, TrainConfig, TuneConfig
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.tuning.recipe import recipe_path

WHERE = "tuner.space.parameters"
CHIEF = "chief"


def _as_given(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Let pydantic check a number but not convert it: whole bounds give whole values."""
    check(value)
    return value


Bound = Annotated[float, Strict(), WrapValidator(_as_given)]


class Parameter(Config):
    """One key of the training configuration: among `choices`, or from `low` to `high`, by `step` or on a `log` scale.

    A parameter with choices has no bounds, step or scale.
    """

    key: Text
    choices: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None
    low: Bound | None = None
    high: Bound | None = None
    step: Annotated[Bound, Field(gt=0)] | None = None
    log: StrictBool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value; raises ValueError for a parameter with choices."""
        if self.low is None or self.high is None:
            raise ValueError(f"{self.key}: has choices, not bounds")
        return self.low, self.high

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set - {"key"}
        if given != {"choices"} and ("choices" in given or not {"low", "high"} <= given):
            raise ValueError(f"{self.key}: give either choices, or low and high")
        if self.choices is None:
            low, high = self.bounds
            if low >= high or (self.log and low <= 0):
                raise ValueError(f"{self.key}: low and high: expected low below high, and low above 0 for log")
        if self.log and self.step is not None:
            raise ValueError(f"{self.key}: log: true allows no step; leave step out")
        if self.whole and isinstance(self.step, float):
            raise ValueError(f"{self.key}: step: expected a whole number")
        return self


def read_space(space: Space, training: RunIdentity) -> tuple[Parameter, ...]:
    """Return the parameters of a file in conf/tuner/space; raises UserError if `training` lacks the key of one."""
    found = validated(tuple[Parameter, ...], space.parameters, WHERE)
    for one in found:
        value_at(training, one.key)
    return found


def value_at(training: RunIdentity, key: str) -> Any:
    """Return the value of a dotted key; raises UserError if it does not exist."""
    found: Any = training.model_dump(by_alias=True)
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise UserError(f"{WHERE}: {key}: no key of the training configuration, such as training.batch_size")
        found = found[part]
    return found


def configured(config: TrainConfig, space: Sequence[Parameter], values: Mapping[str, Any]) -> TrainConfig:
    """Return the training configuration with a trial's `values`; raises UserError if one is not valid."""
    made = config.model_dump(by_alias=True)
    for one in space:
        *parents, last = one.key.split(".")
        place = made
        for parent in parents:
            place = place[parent]
        value = values[one.key] if one.choices is None else json.loads(values[one.key])
        # Four digits are enough: values between bounds have many more, which a recipe should not show.
        place[last] = float(f"{value:.4g}") if isinstance(value, float) else value
    return validated(TrainConfig, made)


def join_search(service: str | None, address: str) -> None:
    """Set keras-tuner's environment variables for this process's part in a search on several machines.

    Sets none if `service` is None. Raises UserError for an invalid service or address.
    """
    if service is None:
        return
    if not re.fullmatch(r"[\w-]+", service) or (CHIEF in service and service != CHIEF):
        raise UserError(f"service={service}: expected {CHIEF}, or a worker's own name, such as w1")
    found = re.fullmatch(r"(?P<host>[^:\s]+):(?P<port>\d{1,5})", address)
    if found is None:
        raise UserError(f"address={address}: expected the chief's HOST:PORT, such as 192.168.0.10:8999")
    os.environ["KERASTUNER_TUNER_ID"] = service
    os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"] = found["host"], found["port"]


class Request(NamedTuple):
    """A search: the training that its trials begin with, what varies, and where the best is written."""

    training: TrainConfig
    space: tuple[Parameter, ...]
    recipe: Path


def request_of(config: TuneConfig) -> Request:
    """Return the search that `config` describes, and join it if it has several machines.

    Raises UserError if the space, the recipe, the service or the address is not valid.
    """
    training = config.training_config()
    space = read_space(config.tuner.space, training.identity())
    request = Request(training, space, recipe_path(config.recipe))
    join_search(config.service, config.address)
    return request
