"""src/report.py compare: what differs between two runs, and the digits that one of them classifies correctly."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from inkproof.config import compose as composition
from inkproof.config.compose import composing
from inkproof.config.pipeline import Pipeline, PipelineRun
from inkproof.config.schema import TrainConfig
from inkproof.data.digits import Digits, write_digits
from inkproof.evaluation.results import Accuracy, Corruption, CorruptionsResult, ImageFile, TimingResult, write_result
from inkproof.evaluation.statistics import mcnemar
from inkproof.reporting.compared_runs import VAL
from inkproof.reporting.tables import SHOWN_METHOD, write_rows
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.stages import compare as stage
from inkproof.stages.compare import compare_runs
from inkproof.tracking.identity import run_key
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.run_metadata import RunMetadata
from support import model_results
from support.trackers import use
from support.workspaces import Workspace

N = 200
LABELS = np.arange(N, dtype=np.uint8) % 10
ONLY_CNN, ONLY_DENSE = (3, 4, 5, 6, 7, 8, 9, 10), (100,)  # test digits that one of the two classifies correctly


def predicted(wrong: tuple[int, ...], labels: np.ndarray = LABELS) -> np.ndarray:
    """The labels, but for the digits `wrong`, which are predicted as the next digit; digit 0 is always wrong."""
    found = labels.copy()
    found[[0, *wrong]] = (found[[0, *wrong]] + 1) % 10
    return found


def corruptions(rotated: float) -> CorruptionsResult:
    def around(share: float) -> dict[str, float]:
        return {"accuracy": share, "low": share - 0.02, "high": share + 0.02}

    kinds = {"rotate": rotated, "blur": 0.9 if rotated > 0.9 else 0.91}
    own = {name: Corruption(**around(share), severities=[share] * 3) for name, share in kinds.items()}
    return CorruptionsResult(n=50, clean=Accuracy(**around(0.95)), mca=Accuracy(**around(0.9)), corruptions=own)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the repository, with the digits of optdigits and without a store or a pipeline."""
    use(tmp_path, monkeypatch)
    for module in (stage, composition):
        monkeypatch.setattr(module, "HOME", tmp_path)
    monkeypatch.setattr(stage, "path_of", lambda value: tmp_path / value)
    monkeypatch.setattr(stage, "read_pipeline", lambda: None)
    images = np.random.default_rng(0).integers(0, 255, (N, 28, 28), dtype=np.uint8)
    splits = dict.fromkeys(("train", "val", "test"), Digits(images, LABELS))
    write_digits(tmp_path / "data" / "optdigits", splits)
    return tmp_path


def made(
    home: Path,
    *words: str,
    wrong: tuple[int, ...] | None = None,
    labels: np.ndarray = LABELS,
    rotated: float = 0.95,
    code: str = "c",
) -> Path:
    """A finished run with these overrides, with an evaluation if `wrong` says which test digits it misclassifies."""
    with composing() as compose:
        config = compose(TrainConfig, words).identity()
    name, data = f"{config.model.name}-{config.aug.name}-s{config.seed}", config.data.name
    metadata = RunMetadata(
        run_id=f"{len(list(home.glob('runs/*'))):x}".rjust(8, "a") + "0" * 24,
        experiment=data,
        name=name,
        key=run_key(config, data, code),
        data_sha=data,
        code_sha=code,
        git_commit=code,
        machine="m",
        config=config,
        metrics={VAL: 0.9, "parameters": 1000.0, "epochs": 3.0, "best_epoch": 2.0},
        finished=True,
    )
    metadata.write()
    if wrong is not None:
        report = metadata.folder / "report"
        prediction = predicted(wrong, labels)
        accuracy = float((prediction == labels).mean())
        write_result(
            report / "test.json", model_results.tested(accuracy, len(labels), data=data, model=config.model.name)
        )
        write_result(report / "corruptions.json", corruptions(rotated))
        file = ImageFile(kb=100 * len(name), accuracy=accuracy, accuracy_difference=0, agreement=1, max_difference=0)
        write_result(report / "export.json", {"float32": file})
        sha = sha256_of(report / "export.json")
        write_result(report / "timing.json", TimingResult(machine="m", export_sha256=sha, float32_us=10.0 * len(name)))
        rows = pd.DataFrame({"index": range(len(labels)), "label": labels, "prediction": prediction})
        write_rows(report / "test" / "predictions.csv", rows)
        metadata.write(report / "test")
    return metadata.folder


@pytest.fixture
def two(home: Path) -> tuple[Path, Path]:
    cnn = made(home, "data=optdigits", "model=cnn", "aug=on", "training.epochs=3", wrong=ONLY_DENSE)
    return cnn, made(home, "data=optdigits", "training.epochs=3", wrong=ONLY_CNN, rotated=0.8)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_what_differs_is_printed_with_intervals_and_the_paired_test(
    two: tuple[Path, Path], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_runs(*map(str, two), home / "out")
    text = printed(capsys)
    assert "model.name cnn dense" in text and "aug.name on off" in text and "validation digits 90.00% 90.00%" in text
    assert "training.epochs" not in text and "optimizer" not in text  # equal in both
    assert "test digits 99.0% (96.4–99.7) 95.5% (91.7–97.6)" in text
    cnn, dense = predicted(ONLY_DENSE) == LABELS, predicted(ONLY_CNN) == LABELS
    p = mcnemar(cnn, dense)
    assert p == pytest.approx(20 / 512)  # of nine digits: none or one, on either side
    a, b = (folder.name for folder in two)
    assert f"only {a} is correct on 8, only {b} on 1. McNemar's exact test: n = 200, p = 0.039." in text
    assert f"From {a} to {b}: \N{MINUS SIGN}3.5 points (95% interval over digits:" in text
    # Corruptions whose intervals overlap do not differ clearly.
    assert "rotate 95.0% (93.0–97.0) 80.0% (78.0–82.0)" in text and "blur" not in text
    assert "float32, KB 900 1,200" in text and "float32, microseconds 90 120" in text


def test_runs_of_one_configuration_by_other_code_say_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commits = "1" * 40, "2" * 40
    folders = [made(home, "data=optdigits", code=commit) for commit in commits]
    compare_runs(*map(str, folders), home / "out")
    a, b = (RunMetadata.read(folder).key for folder in folders)
    line = f"configuration: the same; training code differs (commit 1111111111, key {a}; commit 2222222222, key {b})"
    assert line in printed(capsys)
    compare_runs(str(folders[0]), str(made(home, "data=optdigits", "seed=1", code=commits[0])), home / "out")
    text = printed(capsys)
    assert "seed 0 1" in text and "configuration: the same" not in text and "code differs" not in text


def test_the_digits_that_one_run_classifies_correctly_are_written(two: tuple[Path, Path], home: Path) -> None:
    table, sheet = compare_runs(*map(str, two), home / "out")
    rows = pd.read_csv(table)
    a, b = (folder.name for folder in two)
    assert list(rows.columns) == ["index", "label", a, b]
    assert rows["index"].tolist() == sorted(ONLY_CNN + ONLY_DENSE)  # digit 0 is wrong for both
    assert (rows[a] == rows["label"]).sum() == len(ONLY_CNN)
    assert rows["label"].tolist() == LABELS[rows["index"]].tolist()
    with Image.open(sheet) as drawn:
        assert drawn.size == (640, 2 * 44 + 3 * 160)  # eight digits in two rows, one in the third


@pytest.mark.parametrize("word", ["folder", "name", "folder name", "id", "key", "short key"])
def test_a_run_has_several_names(two: tuple[Path, Path], home: Path, word: str) -> None:
    metadata = RunMetadata.read(two[0])
    names = {"folder": str(two[0]), "name": metadata.name, "folder name": two[0].name}
    names |= {"id": metadata.run_id[:8], "key": metadata.key[:8], "short key": metadata.key[:4]}
    assert compare_runs(names[word], two[1].name, home / "out")[0].is_file()


def test_a_name_of_no_run_or_of_two_ends_in_one_line(two: tuple[Path, Path], home: Path) -> None:
    with pytest.raises(UserError, match=rf"cnn-on-s9: unknown run; the closest are: .*{RunMetadata.read(two[0]).name}"):
        compare_runs("cnn-on-s9", two[1].name)
    again = made(home, "data=optdigits", "model=cnn", "aug=on", "training.epochs=2")
    with pytest.raises(UserError, match=rf"2 runs are called so; choose one of: .*runs/{again.name}"):
        compare_runs(RunMetadata.read(again).name, two[1].name)
    with pytest.raises(UserError, match=r"aaaa: 3 runs are called so; choose one of: runs/"):
        compare_runs("aaaa", two[1].name)  # their ids begin so
    with pytest.raises(UserError, match=r"unknown run; .*, or the first 4 characters or more of an MLflow run id"):
        compare_runs("aaa", two[1].name)
    with pytest.raises(UserError, match="are the same run"):
        compare_runs(two[0].name, str(two[0]))
    shutil.copytree(two[0], home / "models" / "copy")  # as run.out copies it
    with pytest.raises(UserError, match="are the same run"):
        compare_runs(two[0].name, str(home / "models" / "copy"))


def test_runs_on_other_digits_are_compared_in_what_they_share(
    two: tuple[Path, Path], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = made(home, "data=mnist", wrong=(1,), labels=LABELS[::-1].copy())
    assert compare_runs(str(two[1]), str(other), home / "out") == []
    text = printed(capsys)
    assert "data.name optdigits mnist" in text and "float32, KB" in text
    assert "Validation accuracies are not compared: the runs have other validation digits." in text
    assert "Test digits are not compared: those of optdigits and mnist differ." in text
    assert "test digits 9" not in text and "rotate" not in text and not (home / "out").exists()


def test_a_run_without_evaluation_names_the_command(
    two: tuple[Path, Path], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = made(home, "data=optdigits", "model=cnn", "seed=4")
    assert compare_runs(str(two[0]), str(fresh), home / "out") == []
    command = f"python src/evaluate.py data=optdigits model=cnn run=runs/{fresh.name}"
    text = printed(capsys)
    first = "python src/preprocess.py corruptions data=optdigits"
    assert f"{fresh.name}: has no test evaluation yet; run `{first}` and `{command}`" in text
    (home / "data" / "optdigits" / "corruptions.npz").touch()
    compare_runs(str(two[0]), str(fresh), home / "out")
    text = printed(capsys)
    assert f"{fresh.name}: has no test evaluation yet; run `{command}`" in text and "seed 0 4" in text
    # An evaluation that an earlier training left in this place is not this run's.
    shutil.copytree(two[0] / "report", fresh / "report")
    assert compare_runs(str(two[0]), str(fresh), home / "out") == []
    assert "has no test evaluation yet" in printed(capsys)


def test_a_key_of_the_pipeline_that_is_not_trained_here_has_its_configuration(
    two: tuple[Path, Path], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"data": "optdigits", "name": "dense", "model": "dense", "aug": "off", "eval_data": "optdigits"}
    run = PipelineRun(**words, seed=3, overrides="training.epochs=3 optimizer.learning_rate=0.01")
    pipeline = Pipeline(runs={"optdigits-dense": run}, downloads={}, drawings={}, reports={})
    monkeypatch.setattr(stage, "read_pipeline", lambda: pipeline)
    changed = RunMetadata.read(two[1])
    precision = changed.config.precision.model_copy(update={"policy": "mixed_bfloat16"})
    changed.config = changed.config.model_copy(update={"precision": precision})
    changed.key = run_key(changed.config, changed.data_sha, changed.code_sha)
    changed.write(two[1])
    assert compare_runs(str(two[1]), "optdigits-dense", home / "out") == []
    text = printed(capsys)
    assert "seed 0 3" in text and "optimizer.learning_rate 0.003 0.01" in text and "precision" not in text
    assert "optdigits-dense: has no test evaluation yet; run `dvc repro evaluate@optdigits-dense`" in text


def test_without_the_digits_there_is_a_table_and_no_sheet(
    two: tuple[Path, Path], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "data" / "optdigits" / "digits.npz").unlink()
    assert [path.name for path in compare_runs(*map(str, two), home / "out")] == ["digits.csv"]
    assert "No contact sheet:" in (text := printed(capsys)) and "src/download.py data=optdigits" in text


def test_a_run_that_only_mlflow_has_is_compared(
    two: tuple[Path, Path], home: Path, opened: Callable[[], Tracker], capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = opened()
    metadata = RunMetadata.read(two[0])
    run = tracker.start("optdigits", metadata.name, metadata.tags)
    tracker.file(run, two[0] / "run.json", "artifacts")
    tracker.file(run, two[0] / "report" / "test", "test")
    tracker.finish(run)
    shutil.rmtree(two[0])
    table, _ = compare_runs(run[:8], two[1].name, home / "out")
    assert pd.read_csv(table)["index"].tolist() == sorted(ONLY_CNN + ONLY_DENSE)
    assert "only MLflow has it, so drawings, corruptions and files are not compared" in printed(capsys)


def test_a_clone_compares_the_committed_results(workspace: Workspace) -> None:
    done: Any = workspace.run("python", "src/report.py", "compare", "mnist-cnn", "mnist-dense")
    text = " ".join(done.stdout.split())
    assert "model.name cnn dense" in text and "test digits 99." in text and f"Pen tablet, {SHOWN_METHOD}" in text
    assert "there is no paired test; run `dvc repro evaluate@mnist-cnn`" in text
    done = workspace.run("python", "src/report.py", "compare", "mnist-cnn", "mnist-dense", "--o", "x", code=2)
    assert "unrecognized arguments: --o x" in done.stderr
    line = workspace.fails("python", "src/report.py", "compare", "mnist-cn", "mnist-dense")
    assert line.startswith("report.py: error: mnist-cn: unknown run; the closest are: mnist-cnn")
