"""From a checked configuration to everything that one training needs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
from hydra.utils import instantiate

from inkproof.sources.digits import Digits
from inkproof.training.augment import Distortion
from inkproof.training.loop import Plan, prepare_keras
from inkproof.training.split import training_split


@dataclass(frozen=True)
class Parts:
    """What `fit` takes: digits, network, callbacks and optimizer; `val` is None where nothing is held out."""

    training: Digits
    val: Digits | None
    model: keras.Model
    plan: Plan
    callbacks: list[keras.callbacks.Callback]
    make_optimizer: Callable[..., keras.optimizers.Optimizer]


def assemble(config: dict[str, Any], digits: Path, policy: str) -> Parts:
    """Return the parts of the run that `config` describes, on the digits file `digits`.

    Sets Keras's global state to `policy` and the seed. Raises UserError for digits that cannot be split so, and
    Hydra's InstantiationException for a network, optimizer or callback that cannot be built.
    """
    training, val = training_split(digits, config["data"]["val"], config["train_size"], config["subset_seed"])
    prepare_keras(config["seed"], policy, config["deterministic"])
    make_optimizer = partial(instantiate, config["optimizer"])
    make_optimizer(total_steps=2, steps_per_epoch=1)  # a wrong name is found now, not after the first look at the data
    plan = Plan(
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        repeat=config["data"]["repeat"],
        limits=Distortion(**{name: value for name, value in config["aug"].items() if name != "name"}),
        seed=config["seed"],
    )
    callbacks = [instantiate(callback) for callback in config["callbacks"].values()]
    return Parts(training, val, build_model(config), plan, callbacks, make_optimizer)


def build_model(config: dict[str, Any]) -> keras.Model:
    """Return a fresh network as `config["model"]` describes it, in Keras's present number format."""
    return instantiate(config["model"]["build"], _convert_="all")
