"""The choices of the pipeline, params.yaml: read as DVC reads it, and checked."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any

from inkproof.config.compose import files_of
from inkproof.config.one_line import unknown
from inkproof.config.schema import Config, Name, Seed, Text
from inkproof.config.validation import validated
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT

PARAMS = ROOT / "params.yaml"
# What `overrides` may not choose: the first have keys of their own, and no stage depends on the files of the others.
OWN_KEYS = ("data", "model", "aug", "seed")
NO_DEPS = ("experiment", "debug")


class PipelineRun(Config):
    """One run: its model, dataset, folder name, and the dataset it is evaluated on."""

    data: Name
    name: Name
    model: Name
    aug: Name
    seed: Seed
    eval_data: Name
    overrides: str


class DownloadOf(Config):
    """The file or folder that is made of a dataset, and what it is made from; conf/download.yaml if nothing is here."""

    file: Text
    needs: Text


class DrawingsOf(Config):
    """The folders of data/drawn that a dataset's models are evaluated on, besides starter and mine."""

    pens: Text
    unipen: Text
    paper: Text
    usps: Text
    semeion: Text


class ReportOn(Config):
    """The folder of models that a report shows besides its own; conf/report.yaml if there is none."""

    compare_with: Text


class Pipeline(Config):
    """The content of params.yaml."""

    runs: dict[str, PipelineRun]
    downloads: dict[str, DownloadOf]
    drawings: dict[str, DrawingsOf]
    reports: dict[str, ReportOn]

    def names(self, data: str) -> list[str]:
        """Return the names of the runs on a dataset, which are those of their folders."""
        return [run.name for run in self.runs.values() if run.data == data]


def read_pipeline(path: Path = PARAMS) -> Pipeline | None:
    """Return the content of params.yaml, or None if the file does not exist.

    Raises UserError if it cannot be read, or if a key is unknown, missing or of the wrong type.
    """
    return _read(path, path.stat().st_mtime_ns) if path.exists() else None


@cache
def _read(path: Path, _changed: int) -> Pipeline:
    pipeline = validated(Pipeline, read_yaml(path), path.name)
    for part in ("downloads", "drawings", "reports"):
        for data in getattr(pipeline, part):
            _check_file(f"{path.name}: {part}.{data}", "data", data)
    files: dict[str, Any] = {}
    for key, run in pipeline.runs.items():
        if key != f"{run.data}-{run.name}":
            raise UserError(
                f"{path.name}: runs.{key}: with its data and name the key is {run.data}-{run.name}; rename one of them"
            )
        for field, group in {"data": "data", "model": "model", "aug": "aug", "eval_data": "data"}.items():
            name = getattr(run, field)
            _check_file(f"{path.name}: runs.{key}.{field}={name}", group, name)
        if run.data not in files:
            files[run.data] = read_yaml(ROOT / "conf" / "data" / f"{run.data}.yaml")
        found = files[run.data]
        for own, name in {"folder": run.data, "eval_data": run.eval_data}.items():
            folder = f"data/{name}"  # where dvc.yaml expects it
            if isinstance(found, dict) and found.get(own, folder) != folder:
                raise UserError(
                    f"{path.name}: runs.{key}: conf/data/{run.data}.yaml has {own}={found[own]}; expected {folder}"
                )
        _check_overrides(f"{path.name}: runs.{key}.overrides", run.overrides)
    return pipeline


def _check_file(where: str, group: str, name: str) -> None:
    names = files_of(group)
    if name not in names:
        raise UserError(unknown(where, f"file of conf/{group}", name, names))


def _check_overrides(where: str, overrides: str) -> None:
    try:
        words = shlex.split(overrides)  # the shell reads them in the command of dvc.yaml
    except ValueError as error:
        raise UserError(f"{where}={overrides}: the shell cannot read it ({error}); close the quotes") from error
    for word in words:
        name = word.lstrip("+~").partition("=")[0]
        if name in OWN_KEYS:
            raise UserError(f"{where}: {word}: set the key `{name}` of the run instead")
        if name in NO_DEPS:
            raise UserError(
                f"{where}: {word}: no stage depends on its file; set single keys, such as training.epochs=5"
            )
