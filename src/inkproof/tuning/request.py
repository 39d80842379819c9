"""What a search is asked for, checked before anything slow is imported."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkproof.config.schema import TRAIN_KEYS, check_training
from inkproof.runtime.errors import UserError
from inkproof.tuning.recipe import recipe_path
from inkproof.tuning.space import Parameter, read_space

CHIEF = "chief"
# Of a training's keys, what a search sets itself.
OWN: dict[str, Any] = {"register": False, "force": False, "out": None, "init": None}


def check_tuner(tuner: Mapping[str, Any]) -> None:
    """Raise UserError where a value of conf/tuner is none that a search can use."""
    least = {"trials": 1, "factor": 2, "iterations": 1, "seed": 1, "retries": 0, "initial": 1}
    for name, bound in least.items():
        value = tuner.get(name, bound)
        if name == "initial" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < bound:
            raise UserError(f"tuner.{name}={value}: expected a whole number, at least {bound}")


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
    training = {key: config[key] for key in TRAIN_KEYS if key in config} | OWN | {"experiment_name": experiment}
    check_training(training)
    if training["data"]["val"] == 0:
        raise UserError("data.val=0: a search needs validation digits to choose by")
    space = read_space(config["tuner"]["space"].get("parameters"), training)
    check_tuner(config["tuner"])
    recipe = recipe_path(config["recipe"])
    enter_service(config["service"], config["address"])
    return Request(experiment, training, space, recipe)
