"""Optimizers with their learning-rate schedule over a run of known length."""

import keras

NAMES = {
    "adam": lambda rate, clip_norm: keras.optimizers.Adam(rate, global_clipnorm=clip_norm),
    "sgd": lambda rate, clip_norm: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, global_clipnorm=clip_norm),
}


def build(
    name: str,
    learning_rate: float,
    schedule: str,
    total_steps: int,
    steps_per_epoch: int,
    clip_norm: float | None = None,
) -> keras.optimizers.Optimizer:
    """Return the optimizer; `schedule` is "constant", or "cosine" with one epoch of warm-up.

    Where the gradient of all weights together is longer than `clip_norm`, it is shortened to that length.

    Raises ValueError for an unknown name or schedule.
    """
    if name not in NAMES:
        raise ValueError(f"optimizer.name={name}: choose one of {', '.join(NAMES)}")
    if schedule == "constant":
        return NAMES[name](learning_rate, clip_norm)
    if schedule != "cosine":
        raise ValueError(f"optimizer.schedule={schedule}: choose constant or cosine")
    warm_up = min(steps_per_epoch, total_steps // 2)
    return NAMES[name](
        keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=learning_rate / 10,
            decay_steps=max(1, total_steps - warm_up),
            warmup_target=learning_rate,
            warmup_steps=warm_up,
        ),
        clip_norm,
    )
