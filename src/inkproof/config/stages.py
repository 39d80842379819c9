"""The types of the configurations of all stages but training and search: see conf/ for their values."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StrictBool, StrictInt, model_validator

from inkproof.config.one_line import unknown
from inkproof.config.schema import Config, DataConfig, ModelConfig, Name, Number, Positive, Primary, Seed, Text


class Rendering(Config):
    """A set of drawings and how each is drawn; see conf/sets/all.yaml."""

    folder: Text
    role: Literal["training", "validation", "test"] | None
    brush: Annotated[Number, Field(gt=0)]  # pixels of a 280 x 280 canvas
    pixels: StrictBool
    inverted: StrictBool
    most: Positive | None


Renderings = dict[str, Rendering]
Share = Annotated[Number, Field(ge=0, le=1)]


def _check_sets(key: str, names: Iterable[str], sets: Renderings) -> None:
    """Raise ValueError if one of the `names`, which the value `key` has, is not one of `sets`."""
    for name in names:
        if name not in sets:
            raise ValueError(unknown(f"{key}: {name}", "set", name, sorted(sets)))


class DownloadConfig(Primary, primary="download", uses=("data.name", "data.val", "data.source")):
    """conf/download.yaml: one dataset, and the folder that it is written to."""

    data: DataConfig
    out: Text


class PreprocessConfig(
    Primary,
    primary="preprocess",
    uses=("data.name", "data.split", "data.evaluation", "pens.name", "pens.folder", "pens.source"),
):
    """conf/preprocess.yaml: the drawings, corruptions and out-of-distribution samples of a dataset, as files."""

    data: DataConfig
    pens: DataConfig
    sets: Renderings
    digits: Text
    drawings: Text
    corruptions: Text
    ood: Text
    thresholds: Text
    corruption_seed: Seed
    ood_seed: Seed

    @model_validator(mode="after")
    def _knows_the_sets(self) -> Self:
        evaluation = self.data.evaluation
        _check_sets("data.evaluation.drawn_sets", evaluation.drawn_sets if evaluation else (), self.sets)
        return self


class MaskConfig(Primary, primary="mask", uses=("mnist.name", "pens.name", "unipen.name")):
    """conf/mask.yaml: the training of the network that tells ink from ground."""

    mnist: DataConfig
    pens: DataConfig
    unipen: DataConfig
    pages: Positive
    validation_pages: Positive
    epochs: Positive
    batch_size: Positive
    learning_rate: Annotated[Number, Field(gt=0)]
    seed: Seed
    workers: Positive


class StageConfig(Primary, uses=("data.name", "model.name")):
    """What all stages after training take: the `run` folder they read, known by its data and model.

    `name` is that of the pipeline's run, the last part of its folders: the model's own, or "cnn-s1" of another seed.
    """

    data: DataConfig
    model: ModelConfig
    name: Name
    run: Text


class EvaluateConfig(StageConfig, primary="evaluate"):
    """conf/evaluate.yaml: test digits and corruptions."""

    digits: Text
    corruptions: Text
    report: Text


class OutOfFoldConfig(StageConfig, primary="out_of_fold"):
    """conf/out_of_fold.yaml: the digits that a cross-validated run left out."""

    digits: Text


class DrawnConfig(StageConfig, primary="drawn"):
    """conf/drawn.yaml: drawn digits, with the exported model."""

    exported: Text
    drawings: Text
    report: Text
    sets: Renderings


class NumbersConfig(StageConfig, primary="numbers", uses=("data.name", "model.name", "pens.name", "pens.source")):
    """conf/numbers.yaml: numbers of several digits, with the exported model."""

    pens: DataConfig
    exported: Text
    compose: tuple[str, ...]
    strings: Positive
    seed: Seed
    report: Text
    sets: Renderings

    @model_validator(mode="after")
    def _knows_the_sets(self) -> Self:
        _check_sets("compose", self.compose, self.sets)
        return self


class Bound(Config):
    """How far an exported file with smaller weights may differ from Keras; see conf/export.yaml."""

    lost: Share
    agreement: Share
    difference: Share


# One for each quantization with smaller weights; of three keys none may be missing.
Bounds = Annotated[dict[Literal["float16", "dynamic", "int8"], Bound], Field(min_length=3)]


class ExportConfig(StageConfig, primary="export", uses=("data.name", "data.split", "model.name")):
    """conf/export.yaml: the exported files, and what they are verified on."""

    out: Text
    report: Text
    digits: Text
    ood: Text
    thresholds: Text
    agreement_sets: tuple[str, ...]
    bounds: Bounds
    coreml_sample: Positive
    canvas_sample: Positive
    sets: Renderings


class FormatsConfig(StageConfig, primary="formats"):
    """conf/formats.yaml: the quantizations of an exported file, by size and accuracy."""

    out: Text
    report: Text
    digits: Text
    drawings: Text


class EnsembleConfig(Primary, primary="ensemble", uses=()):
    """conf/ensemble.yaml: the mean probabilities of several runs."""

    data: DataConfig
    runs: tuple[str, ...]
    tta: StrictBool
    method: Text
    digits: Text
    drawings: Text
    out: Text | None


class FinetunedConfig(Primary, primary="finetuned", uses=("data.source",)):
    """conf/finetuned.yaml: a fine-tuned network compared with the one it started from."""

    data: DataConfig
    sets: Renderings
    run: Text
    digits: Text
    replay: Text
    report: Text


class ReportConfig(Primary, primary="report", uses=("data.name", "data.title", "data.compare_with", "data.credit")):
    """conf/report.yaml: the report of one dataset."""

    data: DataConfig
    report: Text
    show: StrictBool


class PretrainedConfig(StageConfig, primary="pretrained"):
    """conf/pretrained.yaml: models/pretrained, made from a finished run."""

    sets: Renderings
    exports: Text
    report: Text
    digits: Text
    out: Text
    vectors: Text


class Limits(Config):
    """How much a request to the drawing page may hold."""

    body_kb: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    pixels: Annotated[StrictInt, Field(ge=1, le=89_000_000)]
    strokes: Annotated[StrictInt, Field(ge=1, le=10_000)]
    points: Annotated[StrictInt, Field(ge=1, le=100_000)]
    length: Annotated[StrictInt, Field(ge=1, le=10_000)]  # of all strokes, in longer sides of the canvas
    text: Annotated[StrictInt, Field(ge=1, le=1000)]  # characters of a name
    drawings: Annotated[StrictInt, Field(ge=1, le=1000)]  # on a page of the gallery


class AppConfig(Limits, Primary, primary="app"):
    """conf/app.yaml: the drawing page."""

    sets: Renderings
    host: Text
    port: Annotated[StrictInt, Field(ge=0, le=65_535)]
    hosts: tuple[str, ...]
    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")]
    token: StrictBool
    connections: Annotated[StrictInt, Field(ge=1, le=10_000)]
    database: Text


class SiteConfig(Primary, primary="site"):
    """conf/site.yaml: the drawing page as files for a static web host."""

    sets: Renderings
    out: Text


Port = Annotated[StrictInt, Field(ge=1, le=65_535)]


class ServerConfig(Primary, primary="server"):
    """conf/server.yaml: the tracking server."""

    host: Text
    port: Port
    s3_port: Port
    inner_port: Annotated[StrictInt, Field(ge=1, le=65_527)]
    workers: Positive
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    database: Text | None
    s3: Text | None
    account: Text
    wait: Positive
    name: Name | None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        inner = range(self.inner_port, self.inner_port + 9)
        if self.port == self.s3_port or {self.port, self.s3_port} & {*inner}:
            raise ValueError(f"port, s3_port and the nine ports from inner_port={self.inner_port} must differ")
        if self.database is not None:
            address = urlsplit(self.database)
            if address.scheme != "postgresql" or not address.hostname or not address.path.strip("/"):
                raise ValueError("database: expected an address such as postgresql://USER@HOST:5432/NAME")
            if address.password:
                raise ValueError("database: git would see the password; put it into PGPASSWORD or ~/.pgpass")
        if self.s3 is not None and urlsplit(self.s3).scheme not in ("http", "https"):
            raise ValueError(f"s3: {self.s3}: expected an address such as https://s3.lan")
        return self
