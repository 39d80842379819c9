"""From a checked configuration to everything that one training needs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
from hydra.utils import instantiate

from inkproof.config.compose import path_of
from inkproof.config.schema import ModelIdentity, TrainConfig
from inkproof.config.schema import Teacher as TeacherConfig
from inkproof.data.digits import Digits
from inkproof.data.splits import training_split
from inkproof.models.builders import instantiate_registered
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata
from inkproof.training.augment import Distortion
from inkproof.training.loop import Plan, prepare_keras
from inkproof.training.losses import Teacher


@dataclass(frozen=True)
class Parts:
    """What `fit` takes: digits, network, callbacks, optimizer; `val` and `teacher` are None where there is none."""

    training: Digits
    val: Digits | None
    model: keras.Model
    plan: Plan
    callbacks: list[keras.callbacks.Callback]
    make_optimizer: Callable[..., keras.optimizers.Optimizer]
    teacher: Teacher | None


def assemble(config: TrainConfig, digits: Path, policy: str) -> Parts:
    """Return the parts of the run that `config` describes, on the digits file `digits`.

    Sets Keras's global state to `policy` and the seed. Raises UserError for digits that cannot be split so, and
    Hydra's InstantiationException for a network, optimizer or callback that cannot be built.
    """
    chosen = config.training
    val_size, repeat = config.data.val or 0, config.data.repeat or 1
    training, val = training_split(digits, val_size, chosen.train_size, chosen.subset_seed, chosen.folds, chosen.fold)
    prepare_keras(config.seed, policy, chosen.deterministic)
    make_optimizer = partial(instantiate, config.optimizer.node())
    make_optimizer(total_steps=2, steps_per_epoch=1)  # a wrong name is found now, not after the first look at the data
    plan = Plan(
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        repeat=repeat,
        limits=Distortion(**config.aug.model_dump(exclude={"name"})),
        seed=config.seed,
        label_smoothing=chosen.label_smoothing,
    )
    callbacks = [instantiate(callback.node()) for callback in config.callbacks.values()]
    model = build_model(config.model)
    return Parts(training, val, model, plan, callbacks, make_optimizer, _teacher(chosen.teacher))


def build_model(model: ModelIdentity) -> keras.Model:
    """Return a fresh network as `model` describes it, in Keras's present number format."""
    return instantiate(model.build.node(), _convert_="all")


def in_float32(model: keras.Model, config: TrainConfig) -> keras.Model:
    """Return the trained `model` in float32 and without its optimizer: what every later stage reads.

    Sets Keras's global number format to float32.
    """
    keras.mixed_precision.set_global_policy("float32")
    final = build_model(config.model)
    final.set_weights(model.get_weights())
    return final


def _teacher(chosen: TeacherConfig) -> Teacher | None:
    """The trained networks of the run folders in `chosen`, in Keras's present number format, which makes them fast."""
    models = []
    for folder in map(path_of, chosen.runs):
        build = RunMetadata.read(folder).config.model.build
        model = instantiate_registered(build, f"{folder / 'run.json'}: model.build")
        if not isinstance(model, keras.Model):
            raise UserError(f"{folder / 'run.json'}: model.build={build.target}: makes no network")
        model.set_weights(load_trained(folder).get_weights())
        model.trainable = False
        models.append(model)
    return Teacher(models, chosen.temperature, chosen.weight) if models else None
