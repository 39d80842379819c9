"""Optimizers with their learning-rate schedule over a run of known length."""

from functools import partial
from typing import Any

import keras

from inkproof.models.builders import builder

NAMES = {
    "adam": keras.optimizers.Adam,
    "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
}
_WARM_UP = 0.25  # epochs until the cosine begins at its full rate


@builder
def build(
    name: str,
    learning_rate: float,
    schedule: str,
    total_steps: int,
    steps_per_epoch: int,
    clip_norm: float | None = None,
    ema: float | None = None,
) -> keras.optimizers.Optimizer:
    """Return the optimizer; `schedule` is "constant", or "cosine" with a quarter of an epoch of warm-up.

    Where the gradient of all weights together is longer than `clip_norm`, it is shortened to that length. `ema`
    is the time constant, in epochs, of the running average of the weights that `EMAWeights` puts in their place.

    Raises ValueError for an unknown name or schedule.
    """
    if name not in NAMES:
        raise ValueError(f"optimizer.name={name}: choose one of {', '.join(NAMES)}")
    if ema is not None and ema <= 0:
        raise ValueError(f"optimizer.ema={ema}: expected a share of an epoch above 0, or null")
    rate: Any = learning_rate
    if schedule == "cosine":
        warm_up = min(max(1, round(_WARM_UP * steps_per_epoch)), total_steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=learning_rate / 10,
            decay_steps=max(1, total_steps - warm_up),
            warmup_target=learning_rate,
            warmup_steps=warm_up,
        )
    elif schedule != "constant":
        raise ValueError(f"optimizer.schedule={schedule}: choose constant or cosine")
    average: dict[str, Any] = {}
    if ema is not None:
        average = {"use_ema": True, "ema_momentum": 1 - 1 / max(1.0, ema * steps_per_epoch)}
    return NAMES[name](rate, global_clipnorm=clip_norm, **average)
