"""All runs as one frame: those of the results tables, and those of the store."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.studies import frame, results
from inkproof.studies.frame import ABOUT, all_runs
from inkproof.tracking.identity import configuration_key
from inkproof.tracking.mlflow_tracker import LoggedRun
from support.made_up import grid_run, row, written_study
from support.trackers import use

SHA = "d1"


@pytest.fixture
def experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one study, of which two seeds of a configuration with other epochs are finished; no store."""
    use(tmp_path, monkeypatch)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    folder = written_study(tmp_path / "02-made-up", grid={"model": ["dense", "cnn"]})
    for seed, accuracy in enumerate((0.9, 0.8)):
        one = row(grid_run({"model": "cnn"}, seed, configuration="c1"), val_acc=accuracy)
        results.write_row(folder / "results.csv", one)
    return tmp_path


def with_store(monkeypatch: pytest.MonkeyPatch, *logged: LoggedRun) -> None:
    """Let the store have these runs."""

    class Store:
        def runs_with(self) -> list[LoggedRun]:
            return list(logged)

    monkeypatch.setattr(frame, "has_tracking_store", lambda: True)
    monkeypatch.setattr(frame, "Tracker", Store)


def logged(*words: str, run: str = "r1", seed: int = 0, policy: str = "auto", **metrics: float) -> LoggedRun:
    """A run of src/train.py with these overrides, as MLflow has it on a machine that computes in bfloat16."""
    with composing() as compose:
        flat: dict[str, Any] = compose(TrainConfig, words).model_copy(update={"seed": seed}).identity().flat()
    params = {key: str(value) for key, value in flat.items()} | {"precision.policy": "mixed_bfloat16"}
    tags = {"key": "k1", "data_sha": SHA, "git_commit": "c0ffee", "machine": "a machine"}
    tags |= {"configuration": configuration_key(params, SHA, policy)}
    return LoggedRun(run, "optdigits", "1", f"cnn-off-s{seed}", params, tags, metrics)


def test_the_committed_tables_are_a_frame_without_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path, monkeypatch)  # a folder without mlflow.db
    runs = all_runs()
    tables = [pd.read_csv(path) for path in sorted((ROOT / "experiments").glob("*/results.csv"))]
    every = pd.concat(tables)[["configuration", "seed"]].drop_duplicates()
    assert len(runs) == len(every) and not runs.duplicated(["configuration", "seed"]).any()
    assert set(runs["source"]) == {"table"} and not (tmp_path / "mlflow.db").exists()
    assert runs[["model", "aug", "data", "run", "commit", "machine"]].notna().all(axis=None)
    assert list(runs.columns) == [*ABOUT, *runs.attrs["overrides"], *runs.attrs["metrics"]]
    # 07-speed varies one key, and 01-ancestors trains a network that 02-augmentation trained, too.
    speed = runs[runs["places"] == "07-speed"]
    assert set(speed["precision.policy"]) == {"float32", "mixed_bfloat16"}
    former = "data.split=digit training.epochs=8 training.batch_size=128"
    shared = runs[(runs["model"] == "tflearn_cnn") & (runs["aug"] == "on") & (runs["overrides"] == former)]
    assert "01-ancestors, 02-augmentation" in shared["places"].iloc[0]


def test_a_row_of_a_table_has_its_overrides_and_its_metrics(experiments: Path) -> None:
    runs = all_runs(experiments).set_index("seed")
    assert runs["overrides"].tolist() == ["training.epochs=1"] * 2
    assert runs["training.epochs"].tolist() == [1, 1]
    assert runs["val_acc"].to_dict() == {0: 0.9, 1: 0.8}
    first = runs.loc[0, ["name", "data", "split", "model", "aug", "places", "key", "configuration", "commit"]]
    assert first.tolist() == [
        "model=cnn",
        "optdigits",
        "digit",
        "cnn",
        "off",
        "02-made-up",
        "modelcnn0",
        "c1",
        "c0ffee",
    ]


def test_a_run_in_a_table_and_in_the_store_is_one_row(experiments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("data=optdigits", "model=cnn", "training.epochs=1")
    with_store(monkeypatch, logged(*words, run="run-modelcnn0", val_acc=0.1, test_nll=0.5), logged(*words, seed=7))
    runs = all_runs(experiments).set_index("seed")
    assert runs["source"].to_dict() == {0: "both", 1: "table", 7: "store"}
    assert runs.loc[0, "places"] == "02-made-up, optdigits"
    assert runs.loc[0, "val_acc"] == 0.9 and runs.loc[0, "test_nll"] == 0.5  # what the table lacks is added


def test_a_run_of_the_store_has_what_differs_from_its_defaults(
    experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("optimizer.learning_rate=0.01", "callbacks=last")
    asked = logged("data=optdigits", "precision=bfloat16", seed=2, policy="mixed_bfloat16")
    with_store(monkeypatch, logged("data=optdigits", "model=vgg", "aug=on", *given), asked)
    runs = all_runs(experiments)
    changed, exact = runs[runs["source"] == "store"].to_dict("records")
    assert changed["overrides"] == "optimizer.learning_rate=0.01 callbacks=backup"
    assert changed["optimizer.learning_rate"] == 0.01
    assert exact["overrides"] == "precision.policy=mixed_bfloat16"  # as asked for, not as auto chose it
    # The default stands in the column, too: seeds can be grouped by it.
    assert set(runs.loc[runs["source"] == "table", "optimizer.learning_rate"]) == {0.003}


def test_a_run_that_no_study_asks_for_any_more_is_a_row_without_overrides(experiments: Path) -> None:
    path = experiments / "02-made-up" / "results.csv"
    results.write_row(path, row(grid_run({"model": "gone"}, 0, configuration="c2"), val_acc=0.7))
    gone = all_runs(experiments).set_index("configuration").loc["c2"]
    assert pd.isna(gone["model"]) and gone["overrides"] == "" and gone["val_acc"] == 0.7


def test_a_damaged_store_is_one_line(experiments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_text("garbage, not a database\n" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(UserError, match="the file is damaged; move it away"):
        all_runs(experiments)
