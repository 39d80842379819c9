"""The stages after a training: evaluate, export, drawn digits, report, as they are typed."""

import csv
import dataclasses
import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import DrawnConfig, ExportConfig, ReportConfig
from inkproof.data.archives import read_preprocessed, write_preprocessed
from inkproof.evaluation.results import CanvasFile, ExportedFile, ImageFile
from inkproof.evaluation.statistics import wilson, writer_bootstrap
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES
from inkproof.exporting.metadata import packed_files, read_metadata
from inkproof.preprocessing.methods import METHODS
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.stages.drawn import drawn
from inkproof.stages.export import export, lines
from inkproof.stages.report import evaluated_run, made_or_shown, runs_link
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.run_metadata import trained_run
from support.pipeline import DRAWINGS, OOD_SAMPLES, lighten
from support.trackers import use
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("stages")

CHOSEN = ("data=optdigits", "model=dense")
TRAINED = (*CHOSEN, "data.repeat=2")  # a margin over the accuracy asked for, whatever the processor rounds
MODEL, REPORT = Path("models/optdigits/dense"), Path("reports/optdigits/models/dense")
STAGES = (("src/evaluate.py",), ("src/export.py",), ("src/evaluate.py", "drawn"))
DIGITS = list("0123456789")


@pytest.fixture(scope="module")
def staged(new_workspace: Callable[[], Workspace], normalizer_folder: Path) -> Workspace:
    """A workspace where one model went through all stages, its digits made on the way."""
    workspace = new_workspace()
    lighten(workspace.root)
    shutil.copytree(normalizer_folder, workspace.root / "exports/normalizer")  # as the stage `normalizer` leaves it
    shutil.rmtree(workspace.root / "data" / "optdigits")
    workspace.together(
        ("python", "src/train.py", *TRAINED, "run.register=true", f"run.out={MODEL}"),
        ("python", "src/preprocess.py", "data=optdigits"),
        *(("python", *command, *CHOSEN) for command in STAGES),
        ("python", "src/report.py", "data=optdigits"),
    )
    return workspace


def load(workspace: Workspace, path: Path) -> Any:
    return json.loads((workspace.root / path).read_text())


def rows(workspace: Workspace, path: Path) -> list[dict[str, str]]:
    with (workspace.root / path).open(newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_small_net_learns(staged: Workspace) -> None:
    test = load(staged, REPORT / "test.json")
    assert test["val_acc"] >= 0.95
    assert test["accuracy"] >= 0.93
    assert (staged.root / "data/optdigits/digits.npz").is_file()  # training fetched what it needs


def test_what_evaluate_writes(staged: Workspace) -> None:
    test, metadata = load(staged, REPORT / "test.json"), load(staged, MODEL / "run.json")
    assert (test["data"], test["model"], test["aug"], test["seed"]) == ("optdigits", "dense", "off", 0)
    assert (test["parameters"], test["n"]) == (101_770, 360)
    for name in ("epochs", "best_epoch", "val_acc"):
        assert test[name] == metadata["metrics"][name]
    assert test["accuracy"] == 1 - test["errors"] / 360
    assert (test["accuracy_low"], test["accuracy_high"]) == pytest.approx(wilson(360 - test["errors"], 360))
    assert set(test["per_class"]) == {str(digit) for digit in range(10)}
    assert 0 < test["nll"] < 0.5
    assert 0 < test["ece"] < 0.1

    folder = staged.root / REPORT / "test"
    tables = {"predictions.csv", "history.csv", "confusion.csv", "per_class.csv", "reliability.csv", "run.json"}
    assert names(folder) == tables | {
        "confusion.png",
        "reliability.png",
        "mistakes.png",
        "curves.png",
        "corruptions.csv",
        "corruptions.png",
    }
    assert (folder / "history.csv").read_bytes() == (staged.root / MODEL / "history.csv").read_bytes()

    predictions = rows(staged, REPORT / "test/predictions.csv")
    with np.load(staged.root / "data/optdigits/digits.npz") as digits:
        assert [int(row["label"]) for row in predictions] == digits["test_labels"].tolist()
    assert sum(row["label"] != row["prediction"] for row in predictions) == test["errors"]
    for row in predictions[:20]:
        shares = [float(row[f"p{digit}"]) for digit in range(10)]
        assert int(np.argmax(shares)) == int(row["prediction"])
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    confusion = np.array(
        [[int(row[str(digit)]) for digit in range(10)] for row in rows(staged, REPORT / "test/confusion.csv")]
    )
    assert (confusion.sum(), np.trace(confusion)) == (360, 360 - test["errors"])


def test_what_export_writes(staged: Workspace) -> None:
    export, test = load(staged, REPORT / "export.json"), load(staged, REPORT / "test.json")
    folder = staged.root / "exports/optdigits/dense"
    coreml = {"coreml": COREML_FILE} if importlib.util.find_spec("coremltools") else {}
    canvases = {"canvas" if kind == "float32" else f"canvas_{kind}": file for kind, file in CANVAS_FILES.items()}
    assert names(folder) == {"saved_model", *MODEL_FILES.values(), *CANVAS_FILES.values(), *coreml.values()}
    assert set(export) == {"saved_model", *MODEL_FILES, *canvases, *coreml}
    canvas = export["canvas"]
    assert (canvas["n"], canvas["agreement"]) == (DRAWINGS, 1.0)
    assert canvas["max_difference"] < 1e-3
    metadata = read_metadata(folder / "canvas.tflite")
    assert (metadata["rule"], metadata["model"]) == (canvas["rule"], "optdigits-dense")
    rejection = load(staged, REPORT / "rejection.json")
    assert rejection["threshold"] == metadata["threshold"]
    assert rejection["chosen"]["rejected"]["all"]["n"] == OOD_SAMPLES
    for kind, file in canvases.items():
        assert export[kind]["n"] == DRAWINGS and export[kind]["agreement"] >= 0.98
        assert export[kind]["kb"] == pytest.approx((folder / file).stat().st_size / 1024, abs=0.06)
    for kind, file in MODEL_FILES.items():
        metadata = read_metadata(folder / file)
        assert (metadata["rule"], metadata["quantization"], metadata["labels"]) == ("maximum_probability", kind, DIGITS)
        assert packed_files((folder / file).read_bytes())["labels.txt"].decode().split() == DIGITS
        figures = export[kind]
        assert set(figures) == {
            *("kb", "accuracy", "accuracy_difference", "agreement", "max_difference", "p99_difference"),
        }
        assert figures["kb"] == pytest.approx((folder / file).stat().st_size / 1024, abs=0.06)
        assert figures["accuracy"] == pytest.approx(test["accuracy"] + figures["accuracy_difference"])
    assert export["float32"]["max_difference"] <= 1e-3
    assert export["float32"]["accuracy"] == test["accuracy"]
    assert export["int8"]["kb"] < 0.4 * export["float32"]["kb"]
    timing = load(staged, REPORT / "timing.json")
    assert timing["machine"] and timing["export_sha256"] == sha256_of(staged.root / REPORT / "export.json")
    assert 0 < timing["float32_us"] < 1e5
    for kind in (*MODEL_FILES, *canvases):
        assert 0 < timing[f"{kind}_us"] <= timing[f"{kind}_p95_us"] < 1e6
    assert not [key for key in timing if key.startswith(("coreml", "saved_model"))]


def test_core_ml_that_is_skipped_has_a_line() -> None:
    figures = {"kb": 951.2, "accuracy": 0.9956, "accuracy_difference": -0.0003, "agreement": 0.9995}
    figures["max_difference"] = 0.1
    canvas = CanvasFile(rule="energy", temperature=1.0, n=3768, **figures)
    results = {"saved_model": ExportedFile(kb=1.0), "int8": ImageFile(**figures), "canvas": canvas}
    assert list(lines("mnist-cnn", results)) == [
        "mnist-cnn int8: 951 KB, accuracy 99.56% (-0.03 points against Keras), agreement 99.95%",
        "mnist-cnn canvas: 951 KB, accuracy of drawings 99.56% (-0.03 points against Keras), agreement 99.95%",
        "mnist-cnn coreml: skipped, coremltools is not installed (`make coreml` adds it)",
    ]
    *_, last = lines("mnist-cnn", {**results, "coreml": ImageFile(n=500, **figures)})
    assert last.startswith("mnist-cnn coreml: 951 KB, accuracy of 500 digits 99.56%")


def test_what_drawn_writes(staged: Workspace) -> None:
    drawn = load(staged, REPORT / "drawn.json")
    assert drawn["mine"] == {"n": 0}
    assert (drawn["starter"]["n"], drawn["starter"]["interval"]) == (DRAWINGS, "wilson")
    table = rows(staged, REPORT / "drawn/drawings.csv")
    assert len(table) == DRAWINGS * len(METHODS)
    for method in METHODS:
        figures = drawn["starter"][method]
        correct = sum(row["label"] == row["prediction"] for row in table if row["method"] == method)
        assert figures["accuracy"] == pytest.approx(correct / DRAWINGS)
        assert (figures["low"], figures["high"]) == pytest.approx(wilson(correct, DRAWINGS))
        assert set(figures["per_digit"]) == {str(digit) for digit in range(10)}
    # What the preprocessing is for.
    assert drawn["starter"]["mnist_style"]["accuracy"] > drawn["starter"]["tutorial"]["accuracy"] + 0.2
    assert {row["set"] for row in rows(staged, REPORT / "drawn/per_writer.csv")} == {"starter"}
    images = {"drawn.png", "before_after_starter.png"}
    assert names(staged.root / REPORT / "drawn") == {"drawings.csv", "per_writer.csv"} | images


def test_what_report_writes(staged: Workspace) -> None:
    (row,) = rows(staged, Path("reports/optdigits/leaderboard.csv"))
    test, export, drawn = (load(staged, REPORT / f"{part}.json") for part in ("test", "export", "drawn"))
    assert (row["model"], row["data"], row["aug"], row["parameters"]) == ("dense", "optdigits", "off", "101770")
    assert float(row["test_acc"]) == pytest.approx(test["accuracy"])
    assert float(row["drawn_starter_mnist_style_accuracy"]) == pytest.approx(
        drawn["starter"]["mnist_style"]["accuracy"]
    )
    assert float(row["float32_kb"]) == export["float32"]["kb"]
    page = (staged.root / "reports/optdigits/index.html").read_text()
    assert "dense" in page
    assert f"{test['accuracy']:.1%}"[:-1] in page
    assert names(staged.root / "reports/optdigits") == {
        *("models", "index.html", "ablation.png", "leaderboard.csv", "leaderboard.md"),
    }


def test_one_mlflow_run_has_the_results_of_all_stages(staged: Workspace) -> None:
    (run,) = staged.runs("optdigits")
    assert run.info.run_id == load(staged, MODEL / "run.json")["run_id"]
    assert run.info.status == "FINISHED"
    assert run.data.tags["stage"] == "report"
    metrics = run.data.metrics
    test, export, drawn = (load(staged, REPORT / f"{part}.json") for part in ("test", "export", "drawn"))
    assert metrics["val_acc"] == test["val_acc"]
    for name in ("acc", "acc_low", "acc_high", "nll", "ece", "errors"):
        assert metrics[f"test_{name}"] == test[name.replace("acc", "accuracy")]
    assert metrics["tflite_kb"] == export["float32"]["kb"]
    assert metrics["tflite_int8_accuracy"] == export["int8"]["accuracy"]
    assert metrics["tflite_us"] > 0
    for method in METHODS:
        assert metrics[f"drawn_starter_{method}_accuracy"] == drawn["starter"][method]["accuracy"]
    assert not [name for name in metrics if name.startswith("drawn_mine")]
    client = staged.client()
    stored = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"artifacts", "test", "exports", "drawn"} <= stored
    inputs = {item.tags[0].value: json.loads(item.dataset.profile) for item in run.inputs.dataset_inputs}
    assert inputs == {"training": {"digits": 1197}, "validation": {"digits": 240}, "testing": {"digits": 360}}


def test_report_moves_the_champion(staged: Workspace) -> None:
    client = staged.client()
    (version,) = client.search_model_versions("name='inkproof-optdigits'")  # src/export.py made it
    assert version.tags["canvas_sha256"] == sha256_of(staged.root / "exports/optdigits/dense/canvas.tflite")
    assert client.get_model_version_by_alias("inkproof-optdigits", "champion").version == version.version
    assert client.get_model_version_by_alias("inkproof-optdigits", "deploy").version == version.version
    assert version.run_id == load(staged, MODEL / "run.json")["run_id"]


@pytest.fixture
def copy(staged: Workspace, tmp_path: Path) -> Workspace:
    """The same workspace elsewhere, without a database, as a clone with pulled models is."""
    left_out = shutil.ignore_patterns("copy-*.db", "mlflow.db*", "mlruns", "runs")
    shutil.copytree(staged.root, tmp_path / "copy", ignore=left_out)
    return dataclasses.replace(staged, root=tmp_path / "copy")


@pytest.fixture(scope="module")
def exported_again(staged: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """The workspace after another export, and what that printed: what export reports on has changed, and a bound."""
    root = tmp_path_factory.mktemp("again") / "copy"
    shutil.copytree(staged.root, root, ignore=shutil.ignore_patterns("copy-*.db", "mlflow.db*", "mlruns"))
    workspace = dataclasses.replace(staged, root=root)
    path = root / "data/optdigits/ood.npz"
    sets = dict(read_preprocessed(path))
    starter, samples = sets["starter"], sets["ood"]
    sets["starter"] = dataclasses.replace(starter, labels=(starter.labels + 1) % 10)
    sets["ood"] = dataclasses.replace(samples, methods={name: one[::-1] // 2 for name, one in samples.methods.items()})
    write_preprocessed(path, sets)
    done, _ = workspace.together(
        ("python", "src/export.py", *CHOSEN, "bounds.int8.difference=0.0"),
        ("python", "src/report.py", "data=optdigits"),
    )
    return workspace, done.stdout


def test_the_threshold_is_not_chosen_on_what_it_is_reported_on(
    staged: Workspace, exported_again: tuple[Workspace, str]
) -> None:
    again, _ = exported_again
    before, after = (load(one, REPORT / "rejection.json") for one in (staged, again))
    for key in ("rule", "temperature", "threshold"):
        assert after[key] == before[key], f"{key}: chosen on the drawings or samples of ood.npz"
    assert after["rules"] != before["rules"], "or they would not have told"
    for file in ("canvas.tflite", "model.tflite"):
        first, second = (read_metadata(one.root / "exports/optdigits/dense" / file) for one in (staged, again))
        assert first == second


def test_a_file_that_misses_its_bound_is_not_written_and_said(exported_again: tuple[Workspace, str]) -> None:
    again, printed = exported_again
    missing = {MODEL_FILES["int8"], CANVAS_FILES["int8"]}
    there = names(again.root / "exports/optdigits/dense")
    assert not missing & there and {*MODEL_FILES.values(), *CANVAS_FILES.values()} - missing <= there
    export = load(again, REPORT / "export.json")
    for kind in ("int8", "canvas_int8"):
        why = export[kind]["missed"]
        assert re.fullmatch(r"probabilities differ by [\d.]+, more than 0\.0 \(allowed by bounds\.int8\.diff.*\)", why)
        assert f"optdigits-dense {kind}: not written: {why}" in printed.splitlines()
    assert [kind for kind, one in export.items() if "missed" in one] == ["int8", "canvas_int8"]
    page = (again.root / "reports/optdigits/index.html").read_text()
    assert page.count("was not written: probabilities differ by") == 2
    (row,) = rows(again, Path("reports/optdigits/leaderboard.csv"))
    assert (row["int8_kb"], row["canvas_int8_kb"]) == ("", "") and float(row["canvas_kb"]) > 0


def test_without_its_database_a_run_is_made_again_once(copy: Workspace) -> None:
    original = load(copy, MODEL / "run.json")
    # The later stages find the run that the first one made, though no model is registered for it; and so does training.
    _, _, again = copy.together(
        ("python", "src/evaluate.py", "drawn", *CHOSEN),
        ("python", "src/report.py", "data=optdigits"),
        ("python", "src/train.py", *TRAINED, "run.out=models/again"),
    )
    assert "trained before, reused" in again.stdout
    (made,) = copy.runs("optdigits")
    assert made.info.run_id != original["run_id"]
    assert made.data.tags["original_run_id"] == original["run_id"]
    assert (made.info.run_name, made.info.status) == (original["name"], "FINISHED")
    assert made.data.tags["key"] == original["key"]
    assert made.data.metrics["val_acc"] == original["metrics"]["val_acc"]
    assert made.data.params["model.build.hidden"] == "[128]"
    curve = copy.client().get_metric_history(made.info.run_id, "epoch/loss")
    assert len(curve) == original["metrics"]["epochs"]
    assert made.data.tags["stage"] == "report"
    assert "drawn_starter_mnist_style_accuracy" in made.data.metrics
    assert load(copy, MODEL / "run.json") == original


def test_a_report_without_its_figures_is_not_changed(copy: Workspace) -> None:
    shutil.rmtree(copy.root / REPORT / "test")  # as in a clone, which has the small results alone
    page = (copy.root / "reports/optdigits/index.html").read_bytes()
    report = ("python", "src/report.py", "data=optdigits")
    without, shown, wrong = copy.together(report, (*report, "show=true"), (*report, "show=ture"), codes=[2, 0, 2])
    missing = copy.root / REPORT / "test"
    assert without.stderr.startswith(f"report.py: error: {missing}: the evaluation's files are not here")
    assert (copy.root / "reports/optdigits/index.html").read_bytes() == page
    assert "dense" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("The report with every figure: "), "there are no runs to compare"
    assert "show=ture: expected true or false" in wrong.stderr
    assert len(without.stderr.splitlines()) == len(wrong.stderr.splitlines()) == 1


def test_the_link_after_a_report_is_that_of_runs_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch)
    assert list(runs_link("optdigits")) == [] and not (tmp_path / "mlflow.db").exists()
    Tracker().experiment("optdigits")
    (line,) = runs_link("optdigits")
    assert line.startswith("Compare the runs: `make ui`, then ")
    assert list(runs_link("mnist")) == []


def test_after_the_demo_alone_the_line_names_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkproof.stages.report.path_of", lambda value: tmp_path / value)
    mnist, demo = tmp_path / "reports/mnist/models/cnn/test", tmp_path / "reports/optdigits"
    with pytest.raises(UserError, match=r"run `dvc repro report@mnist`, or add show=true to only look$"):
        evaluated_run(mnist, "dvc repro report@mnist")
    demo.mkdir(parents=True)
    with pytest.raises(UserError, match=r"only look, or data=optdigits for the report of `make demo`$"):
        evaluated_run(mnist, "dvc repro report@mnist")
    with pytest.raises(UserError, match=r"run `make demo`, or add show=true to only look$"):
        evaluated_run(demo / "models/cnn/test", "make demo")


@pytest.mark.parametrize(
    ("stage", "show", "printed"), [("report@optdigits", False, 0), ("", False, 1), ("report@optdigits", True, 1)]
)
def test_a_stage_of_dvc_leaves_the_leaderboard_to_make_demo(
    monkeypatch: pytest.MonkeyPatch, stage: str, show: bool, printed: int
) -> None:
    tables: list[Path] = []
    monkeypatch.setattr("inkproof.stages.report.report", lambda config: Path("index.html"))
    monkeypatch.setattr("inkproof.stages.report.print_leaderboard", lambda path, _: tables.append(path))
    monkeypatch.delenv("DVC_STAGE", raising=False)
    if stage:
        monkeypatch.setenv("DVC_STAGE", stage)  # as DVC does
    with composing() as compose:
        made_or_shown(compose(ReportConfig, (f"show={str(show).lower()}",)))
    assert len(tables) == printed


def test_models_of_another_dataset_are_shown_and_the_report_makes_its_run_again(copy: Workspace) -> None:
    original, other = load(copy, MODEL / "run.json"), copy.root / "reports/mnist_plus_strokes/models/vgg_bn"
    shutil.copytree(copy.root / REPORT, other)
    test = load(copy, REPORT / "test.json")
    (other / "test.json").write_text(
        json.dumps(test | {"data": "mnist_plus_strokes", "model": "vgg_bn", "val_acc": 1.0})
    )
    report = ("python", "src/report.py", "data=optdigits")
    _, wrong = copy.together(
        (*report, "data.compare_with=[mnist_plus_strokes,absent]"),
        (*report, "data.compare_with=mnist_plus_strokes"),
        codes=[0, 2],
    )
    shown = {row["model"]: row["data"] for row in rows(copy, Path("reports/optdigits/leaderboard.csv"))}
    assert shown == {"dense": "optdigits", "mnist_plus_strokes-vgg_bn": "mnist_plus_strokes"}
    page = (copy.root / "reports/optdigits/index.html").read_text()
    assert re.findall(r">([\w-]+)</a><span class=\"badge\">", page) == ["dense"]
    assert "data.compare_with=mnist_plus_strokes: expected a list" in wrong.stderr
    (made,) = copy.runs("optdigits")
    assert made.data.tags["original_run_id"] == original["run_id"]
    assert (made.data.tags["stage"], made.info.status) == ("report", "FINISHED")


def test_where_the_writers_of_test_digits_are_known_the_intervals_are_over_them(copy: Workspace) -> None:
    digits = copy.root / "data/optdigits/digits.npz"
    assert load(copy, REPORT / "test.json")["interval"] == "wilson"
    with np.load(digits) as arrays:
        content = {name: own for name, own in arrays.items() if name != "sha256"}  # that of other arrays
    writers = np.arange(360, dtype=np.int32) % 12
    np.savez(digits, **content, test_writers=writers)
    copy.together(("python", "src/preprocess.py", "corruptions", "data=optdigits"), ("python", *STAGES[0], *CHOSEN))
    test, corruptions = load(copy, REPORT / "test.json"), load(copy, REPORT / "corruptions.json")
    assert (test["writers"], test["interval"]) == (12, "writers")
    with np.load(digits.with_name("corruptions.npz")) as arrays:  # of a few test digits, so of fewer writers
        assert corruptions["writers"] == len(set(arrays["writers"].tolist())) > 0
    predictions = rows(copy, REPORT / "test/predictions.csv")
    correct = [row["label"] == row["prediction"] for row in predictions]
    assert (test["accuracy_low"], test["accuracy_high"]) == pytest.approx(writer_bootstrap(correct, writers))


def test_another_run_keeps_its_results_to_itself(copy: Workspace) -> None:
    shutil.copytree(copy.root / MODEL, copy.root / "runs/own")
    before = load(copy, REPORT / "test.json")
    line = copy.fails("python", "src/evaluate.py", "run=runs/own")
    assert line.endswith("runs/own: a dense trained on optdigits; add data=optdigits model=dense")
    copy.together(*(("python", *command, *CHOSEN, "run=runs/own") for command in STAGES))
    own = copy.root / "runs/own"
    assert names(own / "report") == names(copy.root / REPORT)
    assert "model.tflite" in names(own / "exports")
    assert load(copy, REPORT / "test.json") == before
    assert json.loads((own / "report/test.json").read_text())["accuracy"] == before["accuracy"]


@pytest.mark.parametrize("command", STAGES)
def test_without_a_model_a_stage_names_the_folder(copy: Workspace, command: tuple[str, ...]) -> None:
    shutil.rmtree(copy.root / MODEL)
    line = copy.fails("python", *command, *CHOSEN, "report=reports/none")
    assert line.startswith(f"{Path(command[0]).name}: error: {copy.root / MODEL}: no trained model here")
    assert not (copy.root / "reports/none").exists()
    assert not (copy.root / "mlflow.db").exists()


def test_a_damaged_file_is_named_and_nothing_is_written(copy: Workspace, tmp_path: Path) -> None:
    root, made = copy.root, tmp_path / "made"
    model, exported = root / MODEL / "model.keras", root / "exports/optdigits/dense/model.tflite"
    words = (*CHOSEN, f"run={root / MODEL}", f"report={made}")
    inputs = [f"{name}={root}/data/optdigits/{name}.npz" for name in ("digits", "thresholds", "ood", "drawings")]
    with composing() as compose:
        to_export = trained_run(compose(ExportConfig, (*words, *inputs[:3], f"out={made}")))
        to_draw = trained_run(compose(DrawnConfig, (*words, inputs[3], f"exported={exported}")))
    by_writer = to_export[0].config.data.model_copy(update={"split": "writer"})
    other = to_export[0].model_copy(update={"config": to_export[0].config.model_copy(update={"data": by_writer})})
    with pytest.raises(UserError, match=r"its validation digits are split by writer, those that choose .* by digit;"):
        export(other, to_export[1])
    for path in (model, exported):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=rf"^{re.escape(str(model))}: not the file of this run, by its SHA-256"):
        trained_run(to_export[1])
    with pytest.raises(UserError, match=rf"^{re.escape(str(model))}: not a readable Keras model \("):
        export(*to_export)
    with pytest.raises(UserError, match=rf"^{re.escape(str(exported))}: not a readable LiteRT model; export it again"):
        drawn(*to_draw)
    assert not made.exists()
