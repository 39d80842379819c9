"""Compare two runs: find them by any of their names, print what differs, write the digits that differ."""

import difflib
import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from inkproof.config.compose import composing, path_of
from inkproof.config.pipeline import PipelineRun, read_pipeline
from inkproof.config.schema import TrainConfig
from inkproof.config.stages import EvaluateConfig
from inkproof.data.digits import load_test_split, load_test_writers
from inkproof.evaluation.comparison import compare
from inkproof.reporting.compared_runs import (
    VAL,
    ComparedRun,
    Pair,
    disagreements,
    disagreements_sheet,
    print_comparison,
    same_test_digits,
)
from inkproof.reporting.results import ModelResults, read_model
from inkproof.reporting.style import save
from inkproof.reporting.tables import read_table, write_rows
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import HOME, ROOT, has_tracking_store
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.run_metadata import RunMetadata

SHORTEST = 4  # hexadecimal digits of an id or a key
PREDICTIONS = "test/predictions.csv"  # in a report's folder, and among the artifacts of the MLflow run
CLOSEST = 4  # names that a message shows


def compare_runs(first: str, second: str, out: Path | None = None) -> list[Path]:
    """Print what differs between two runs, write the digits that differ to `out`, and return the files.

    A run is a folder, a key of params.yaml, the beginning of an MLflow run id or of a run's key, or a name that only
    one run has. `out` is by default a folder of reports/compare. Nothing is written if there is no paired test. Raises
    UserError for an unknown run, and for the same run twice.
    """
    runs = found_run(first), found_run(second)
    if runs[0].name == runs[1].name or runs[0].key == runs[1].key != "":
        raise UserError(f"{first} and {second} are the same run: {runs[0].name}; name another one")
    folder = out or ROOT / "reports" / "compare" / "_".join(re.sub(r"[^\w.=-]+", "-", run.name) for run in runs)
    predicted = [run.predictions for run in runs if run.predictions is not None]
    if len(predicted) < 2 or not same_test_digits(runs):
        print_comparison(runs, None)
        return []
    labels = predicted[0]["label"].to_numpy(int)
    images, writers, why = digits_of(runs, labels)
    before, after = (own["prediction"].to_numpy(int) for own in predicted)
    paired = compare(labels, before, after, writers)
    print_comparison(runs, paired)
    table = disagreements(runs)
    write_rows(folder / "digits.csv", table)
    if images is None:
        print(f"No contact sheet: {why}")
        return [folder / "digits.csv"]
    save(disagreements_sheet(images, table), folder / "digits.png")
    return [folder / "digits.csv", folder / "digits.png"]


def digits_of(runs: Pair, labels: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None, str]:
    """Return images and writers of the test digits with these `labels`, or None, None and why they are not here."""
    why = ""
    with composing() as compose:
        for run in runs:
            data, model = run.config.data.name, run.config.model.name
            path = path_of(compose(EvaluateConfig, (f"data={data}", f"model={model}")).digits)
            try:
                digits = load_test_split(path)
                if np.array_equal(digits.labels, labels):
                    return digits.images, load_test_writers(path), ""
                why = why or f"{path}: has other test digits by now; run `{run.evaluate}`"
            except UserError as error:
                why = why or str(error)
    return None, None, why


@dataclass(frozen=True)
class Known:
    """A run that a word may mean: its names, its identity, and its folder, or None if only MLflow has it."""

    names: tuple[str, ...]
    key: str
    run_id: str
    folder: Path | None

    def is_meant(self, word: str) -> bool:
        """Return whether `word` is one of its names, or the beginning of its id or key."""
        short = re.fullmatch(rf"[0-9a-f]{{{SHORTEST},}}", word)
        return word in self.names or bool(short and (self.run_id.startswith(word) or self.key.startswith(word)))


def found_run(word: str) -> ComparedRun:
    """Return the run that `word` names; raises UserError, with the closest names, if it names none or several."""
    pipeline = read_pipeline()
    keys = pipeline.runs if pipeline else {}
    if word in keys:
        return _of_pipeline(word, keys[word])
    by_folder = {_folder(run): key for key, run in keys.items()}
    folder = next((path.resolve() for path in (Path(word), path_of(word)) if (path / "run.json").is_file()), None)
    if folder is None:
        known = list(_known(list(by_folder)))
        if not any(one.is_meant(word) for one in known) and has_tracking_store():
            known += _logged()
        meant = [one for one in known if one.is_meant(word)]
        if len({one.key for one in meant}) != 1:
            raise UserError(_not_one(word, meant, [*keys, *(name for one in known for name in one.names)]))
        folders = [one.folder for one in meant if one.folder]
        if not folders:
            return _of_store(meant[0])
        folder = max(folders, key=lambda path: (path in by_folder, (path / "report").is_dir()))
    if folder in by_folder:
        return _of_pipeline(by_folder[folder], keys[by_folder[folder]])
    metadata = RunMetadata.read_finished(folder)
    data, model = metadata.config.data.name, metadata.config.model.name
    shown = folder.relative_to(HOME) if folder.is_relative_to(HOME) else folder
    command = f"python src/evaluate.py data={data} model={model} run={shlex.quote(str(shown))}"
    return _compared(folder.name, metadata, folder / "report", command)


def _not_one(word: str, meant: list[Known], names: list[str]) -> str:
    """The line for a word that names no run, or several."""
    if meant:
        choices = sorted({one.folder.relative_to(HOME).as_posix() if one.folder else one.run_id for one in meant})
        return f"{word}: {len({one.key for one in meant})} runs are called so; choose one of: {', '.join(choices)}"
    close = difflib.get_close_matches(word, sorted({*names}), n=CLOSEST, cutoff=0.4) or sorted({*names})[:CLOSEST]
    more = f"or give a run folder, or the first {SHORTEST} characters or more of an MLflow run id"
    return f"{word}: unknown run; the closest are: {', '.join(close)}; {more}"


def _folder(run: PipelineRun) -> Path:
    return path_of(f"models/{run.data}/{run.name}").resolve()


def _known(pipeline: list[Path]) -> Iterator[Known]:
    """Yield the runs on this machine that are finished; those of the pipeline are in the folders `pipeline`."""
    files = [*(HOME / "runs").glob("*/run.json"), *(HOME / "runs" / "studies").glob("*/*/run.json")]
    for folder in [*pipeline, *sorted(file.parent for file in files)]:
        try:
            metadata = RunMetadata.read(folder)
        except UserError:
            continue  # no run, or one of an older version
        if metadata.finished:
            yield Known((metadata.name, folder.name), metadata.key, metadata.run_id, folder.resolve())


def _logged() -> list[Known]:
    """The finished trainings in MLflow."""
    runs = [one for one in Tracker().runs_with() if "key" in one.tags and "model" in one.tags]
    return [Known((one.name,), one.tags["key"], one.run_id, None) for one in runs]


def _of_pipeline(key: str, run: PipelineRun) -> ComparedRun:
    """A run of params.yaml. A clone may have its committed results alone: then params.yaml has its configuration."""
    report, command = path_of(f"reports/{run.data}/models/{run.name}"), f"dvc repro evaluate@{key}"
    if (_folder(run) / "run.json").is_file():
        return _compared(key, RunMetadata.read_finished(_folder(run)), report, command)
    words = (f"data={run.data}", f"model={run.model}", f"aug={run.aug}", f"seed={run.seed}")
    with composing() as compose:
        config = compose(TrainConfig, (*words, *shlex.split(run.overrides))).identity()
    results = read_model(report, key) if (report / "test.json").is_file() else None
    test = results.test if results else None
    measured = {name: getattr(test, name) for name in ("parameters", "epochs", "best_epoch", VAL) if test}
    metrics = {name: value for name, value in measured.items() if value is not None}
    return ComparedRun(key, "", config, "", "", "", metrics, results, None, command)


def _of_store(known: Known) -> ComparedRun:
    """A run that MLflow alone has, with the predictions that its evaluation logged."""
    client = Tracker().client
    logged = {one.path for one in client.list_artifacts(known.run_id, "test")}
    predictions = None
    # Where a file is put depends on the kind of store, so use the returned path.
    with tempfile.TemporaryDirectory() as scratch:
        metadata = RunMetadata.read(Path(client.download_artifacts(known.run_id, "artifacts/run.json", scratch)).parent)
        if PREDICTIONS in logged:
            predictions = _predictions(Path(client.download_artifacts(known.run_id, PREDICTIONS, scratch)))
    data, model = metadata.config.data.name, metadata.config.model.name
    command = f"python src/evaluate.py data={data} model={model} run=FOLDER"
    return _with_metadata(metadata.folder.name, metadata, None, predictions, command)


def _compared(name: str, metadata: RunMetadata, report: Path, command: str) -> ComparedRun:
    """A run with the evaluation in `report`, if there is one, and it is of this run."""
    results = predictions = None
    evaluated = report / "test" / "run.json"
    if not evaluated.is_file() or RunMetadata.read(evaluated.parent).key == metadata.key:
        results = read_model(report, name) if (report / "test.json").is_file() else None
        if (report / PREDICTIONS).is_file():
            predictions = _predictions(report / PREDICTIONS)
    return _with_metadata(name, metadata, results, predictions, command)


def _with_metadata(
    name: str, metadata: RunMetadata, results: ModelResults | None, predictions: pd.DataFrame | None, command: str
) -> ComparedRun:
    if results is None and predictions is None and command.startswith("python"):  # dvc makes what is missing
        data, model = metadata.config.data.name, metadata.config.model.name
        with composing() as compose:
            corruptions = path_of(compose(EvaluateConfig, (f"data={data}", f"model={model}")).corruptions)
        if not corruptions.exists():
            command = f"python src/preprocess.py corruptions data={corruptions.parent.name}` and `{command}"
    made_of = metadata.data_sha, metadata.code_sha, metadata.git_commit
    return ComparedRun(name, metadata.key, metadata.config, *made_of, metadata.metrics, results, predictions, command)


def _predictions(path: Path) -> pd.DataFrame:
    return read_table(path, ("index", "label", "prediction"))
