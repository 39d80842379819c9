"""The types of all configurations: what each file of conf/ may hold, and within what range.

Here are types and ranges. Values are only in conf/ (tests/config checks it), so a change here trains nothing again.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

Text = Annotated[str, StringConstraints(min_length=1)]


def _is_name(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", text):
        raise ValueError(f"{text}: expected a name of letters, digits, _, . and -")
    return text


Name = Annotated[str, AfterValidator(_is_name)]  # part of the names of folders, and of models in MLflow
Natural = Annotated[StrictInt, Field(ge=0)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]  # what NumPy takes
Positive = Annotated[StrictInt, Field(ge=1)]
Number = Annotated[float, Strict()]  # excludes true and false, which are integers to Python
Size = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Policy = Literal["auto", "float32", "mixed_bfloat16"]


class Config(BaseModel):
    """A configuration or a part of one: read-only; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Primary(Config):
    """What one file at the top of conf/ composes to; `primary` is that file's name.

    `uses` are the dotted keys of datasets and networks that the stage's code uses, None for all of them. Other keys
    have no effect, unless another value of the configuration refers to them.
    """

    primary: ClassVar[str]
    uses: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls, primary: str | None = None, uses: tuple[str, ...] | None = None, **others: Any) -> None:
        super().__init_subclass__(**others)
        if primary is not None:
            cls.primary = primary
        if uses is not None:
            cls.uses = uses


class Component(Config):
    """Something to be built: `_target_` names a function or class, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    target: Text = Field(alias="_target_")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys other than `_target_`."""
        return dict(self.model_extra or {})

    def node(self) -> dict[str, Any]:
        """Return it as a file of conf/ has it, `_target_` included, as `hydra.utils.instantiate` takes it."""
        return {"_target_": self.target, **self.arguments}


class DataIdentity(Config):
    """The part of a dataset that identifies a run, without its digits, which are identified by their SHA-256.

    `split` is what is dealt out whole to training and validation, and to the folds: a digit or a writer.
    """

    name: Name
    split: Literal["digit", "writer"]
    val: Natural | None  # None where there is nothing to train on
    repeat: Positive | None


class Evaluation(Config):
    """The evaluation data that src/preprocess.py makes for the models of a dataset, once for all of them."""

    corruption_digits: Natural
    ood_samples: Positive
    workers: Positive
    drawn_sets: tuple[str, ...]


@dataclass(frozen=True)
class Credit:
    """A dataset's title, citation and license, and the address of its description, which may be empty."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    title: str
    citation: str
    license: str
    link: str


class DataConfig(DataIdentity):
    """A file of conf/data: a dataset, how it is made, and what its models are evaluated on.

    `eval_data` is the folder with the preprocessed drawings and corruptions, of this dataset or of another one.
    `evaluation` has their sizes, and is None if another dataset's are used. `source` makes the digits or drawings.
    `compare_with` names datasets whose models the report shows, too. `credit` is what the report's section on data
    has of it, None for a dataset that `inkproof.reporting.results` knows.
    """

    title: Text
    folder: Text
    eval_data: Text | None
    compare_with: tuple[str, ...]
    credit: Credit | None
    evaluation: Evaluation | None
    source: Component


class ModelIdentity(Config):
    """A network: `build` makes it; `convolutional` ones gain from bfloat16."""

    name: Name
    convolutional: StrictBool
    build: Component


class ModelConfig(ModelIdentity):
    """A file of conf/model: a network, with the epochs and the batch size that `training` takes from it."""

    epochs: Positive
    batch_size: Positive


class Augmentation(Config):
    """A file of conf/aug: how far training images are distorted, by the keys that `inkproof.training.augment` has.

    A key that a file leaves out is 0 and not part of a run's identity. So a new key does not change existing runs.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Size]

    name: Name

    @property
    def limits(self) -> dict[str, float]:
        """The keys other than `name`, with their values."""
        return dict(self.__pydantic_extra__)


class Precision(Config):
    """A file of conf/precision: the number format of the computation."""

    policy: Policy


class Teacher(Config):
    """Distillation: the teachers' run folders, the temperature of their probabilities, and their weight in the loss."""

    runs: tuple[str, ...]
    temperature: Annotated[Number, Field(gt=0)]
    weight: Annotated[Number, Field(gt=0, le=1)]


class Training(Config):
    """The hyperparameters of a training that no other group has."""

    epochs: Positive
    batch_size: Positive
    train_size: Annotated[StrictInt, Field(ge=10)] | None
    subset_seed: Seed
    folds: Annotated[StrictInt, Field(ge=2)] | None
    fold: Natural
    label_smoothing: Share
    teacher: Teacher
    init: Text | None
    deterministic: StrictBool


class RunIdentity(Config):
    """Everything that decides a run's result, except its data and code, which are identified by their SHA-256."""

    seed: Seed
    data: DataIdentity
    model: ModelIdentity
    aug: Augmentation
    optimizer: Component
    callbacks: dict[str, Component]
    precision: Precision
    training: Training

    def flat(self) -> dict[str, Any]:
        """Return it with dotted keys, as MLflow holds parameters: "training.epochs"."""
        return flatten(self.model_dump(mode="json", by_alias=True))


class RunOptions(Config):
    """Where and how a run is done. None of this changes its result."""

    experiment: Text
    digits: Text
    registered: StrictBool = Field(alias="register")
    force: StrictBool
    out: Text | None


class TrainConfig(RunIdentity, Primary, primary="config"):
    """conf/config.yaml: one training run."""

    data: DataConfig
    model: ModelConfig
    run: RunOptions

    @model_validator(mode="after")
    def _fits(self) -> Self:
        val, folds = self.data.val, self.training.folds
        if val is None:
            raise ValueError(f"data={self.data.name}: drawings, not digits to train on; choose mnist or optdigits")
        if folds is not None and val != 0:
            raise ValueError(f"training.folds={folds}: the folds are cut from all training digits; add data.val=0")
        for name, callback in self.callbacks.items():
            for key in ("patience", "threshold", "min_delta"):
                value = callback.arguments.get(key, 0)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ValueError(f"callbacks.{name}.{key}={value}: expected a number")
            monitor = callback.arguments.get("monitor", "loss")
            if monitor not in MONITORS:
                raise ValueError(f"callbacks.{name}.monitor={monitor}: choose one of {', '.join(MONITORS)}")
            if monitor.startswith("val_") and val == 0:
                raise ValueError(
                    f"callbacks.{name}.monitor={monitor}: there are no validation digits with data.val=0; "
                    "choose callbacks=last, none or stop_at_99"
                )
        return self

    def identity(self) -> RunIdentity:
        """Return the part that decides the result: without `run`, and without what the data's SHA-256 covers."""
        parts = {key: getattr(self, key) for key in RunIdentity.model_fields}
        data = DataIdentity(**{key: getattr(self.data, key) for key in DataIdentity.model_fields})
        model = ModelIdentity(**{key: getattr(self.model, key) for key in ModelIdentity.model_fields})
        return RunIdentity(**{**parts, "data": data, "model": model})

    def with_run(self, **options: Any) -> Self:
        """Return it with other `run` options."""
        return self.model_copy(update={"run": self.run.model_copy(update=options)})


MONITORS = ("accuracy", "loss", "val_accuracy", "val_loss")  # what the training loop measures each epoch


class Space(Config):
    """A file of conf/tuner/space. The type of its parameters is `inkproof.tuning.space.Parameter`."""

    parameters: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]


class Hyperband(Config):
    """conf/tuner/hyperband.yaml."""

    name: Literal["hyperband"]
    factor: Annotated[StrictInt, Field(ge=2)]
    iterations: Positive
    seed: Positive
    retries: Natural
    space: Space


class RandomSearch(Config):
    """conf/tuner/random.yaml."""

    name: Literal["random"]
    trials: Positive
    seed: Positive
    retries: Natural
    space: Space


class Bayesian(Config):
    """conf/tuner/bayesian.yaml."""

    name: Literal["bayesian"]
    trials: Positive
    initial: Positive | None
    seed: Positive
    retries: Natural
    space: Space


Tuner = Hyperband | RandomSearch | Bayesian


class TuneConfig(TrainConfig, primary="tune"):
    """conf/tune.yaml: a search, and the training that its trials vary."""

    name: Text
    recipe: Text
    service: Text | None
    address: Text
    tuner: Annotated[Tuner, Field(discriminator="name")]

    @model_validator(mode="after")
    def _can_choose(self) -> Self:
        if self.data.val == 0:
            raise ValueError("data.val=0: a search needs validation digits; choose a number above 0")
        return self

    def training_config(self) -> TrainConfig:
        """Return the training that trials vary."""
        return TrainConfig(**{key: getattr(self, key) for key in TrainConfig.model_fields})


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, with dotted keys: {"model": {"name": 1}} becomes {"model.name": 1}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
