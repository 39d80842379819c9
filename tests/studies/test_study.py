"""src/study.py as it is typed: grid runs, results table, README, mistakes."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.runtime.paths import ROOT
from inkproof.studies.command_line import parse
from support.documents import commands
from support.workspaces import Workspace, git

pytestmark = pytest.mark.xdist_group("study")

COMMANDS = [line for line in commands(ROOT / "docs" / "studies.md") if line.startswith("python src/study.py run")]
NAME = "70-tiny"
STUDY = ("python", "src/study.py", "run", f"experiments/{NAME}")
TINY: dict[str, Any] = {
    "question": "Do more units help?",
    "fixed": {
        "data": "optdigits",
        "model": "dense",
        "training.epochs": 1,
        "training.train_size": 200,
        "training.batch_size": 50,
    },
    "grid": {"model.build.hidden": [[4], [16]]},
    "seeds": [0, 1],
    "stages": ["train"],
    "metrics": ["val_acc", "val_loss"],
    "compare": {"axis": "model.build.hidden", "baseline": "[4]"},
}


def write(workspace: Workspace, name: str = NAME, **changes: Any) -> Path:
    folder = workspace.root / "experiments" / name
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))
    return folder


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def table(folder: Path) -> list[str]:
    return [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("|")]


@pytest.fixture(scope="module")
def run(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, Path, str]:
    """A workspace where a study of four grid runs was run, beside one study of the repository, which has no grid."""
    workspace = new_workspace()
    for path in (workspace.root / "experiments").glob("*/study.yaml"):
        shutil.rmtree(path.parent)  # to plan them takes long, and is tested in test_committed_studies.py
    folder = write(workspace)
    return workspace, folder, workspace.run(*STUDY).stdout


def test_each_grid_run_is_a_row_of_the_results_table(run: tuple[Workspace, Path, str]):
    workspace, folder, printed = run
    rows = results(folder)
    assert [row["grid_run"] for row in rows] == [
        f"model.build.hidden=[{units}] seed={seed}" for units in (4, 16) for seed in (0, 1)
    ]
    for row in rows:
        metadata = json.loads((workspace.root / "runs" / "studies" / NAME / row["key"] / "run.json").read_text())
        assert float(row["val_acc"]) == pytest.approx(metadata["metrics"]["val_acc"], abs=1e-8)
        assert metadata["config"]["seed"] == int(row["seed"])
        assert row["run"] == metadata["run_id"]
        assert row["machine"] == metadata["machine"]
        assert (row["commit"], row["stages"]) == ("unknown", "train")  # a workspace is no git repository
    assert len({row["key"] for row in rows}) == 4
    assert printed.count("✔") == 4
    assert "4 of 4 grid runs" in printed


def test_each_grid_run_is_a_child_run_named_by_what_varies(run: tuple[Workspace, Path, str]):
    workspace, folder, _ = run
    runs = {made.info.run_name: made for made in workspace.runs(f"study/{NAME}")}
    parent = runs.pop(NAME)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["question"] == TINY["question"]
    assert set(runs) == {row["grid_run"] for row in results(folder)}
    for made in runs.values():
        assert made.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert made.info.status == "FINISHED"
        assert made.data.metrics["val_acc"] > 0
    stored = {file.path for file in workspace.client().list_artifacts(parent.info.run_id)}
    assert stored == {"README.md", "results.csv", "results.png"}
    assert workspace.client().search_registered_models() == []


def test_the_readme_s_table_is_that_of_the_results(run: tuple[Workspace, Path, str]):
    _, folder, _ = run
    first, second = (float(row["val_acc"]) for row in results(folder)[:2])
    mean, sd = (first + second) / 2 * 100, abs(first - second) / 2**0.5 * 100
    assert table(folder)[2].startswith(f"| [4] | 2 | {mean:.2f} ± {sd:.2f} |")
    assert any(line.startswith("| [16] − [4] | val (%) | 2 |") for line in table(folder))


def test_run_again_it_runs_nothing_and_an_empty_store_changes_nothing(run: tuple[Workspace, Path, str]):
    workspace, folder, _ = run
    before = {name: (folder / name).read_bytes() for name in ("README.md", "results.csv", "results.png")}
    (folder / "results.png").unlink()
    moved = workspace.root / "elsewhere"
    moved.mkdir()
    for name in ("mlflow.db", "mlruns", "runs"):
        (workspace.root / name).rename(moved / name)
    try:
        done = workspace.run(*STUDY)
        assert done.stdout.startswith(f"{NAME}: 4 of 4 grid runs")
        assert not (workspace.root / "mlflow.db").exists()
        assert {name: (folder / name).read_bytes() for name in before} == before
    finally:
        shutil.rmtree(workspace.root / "runs", ignore_errors=True)
        for name in ("mlflow.db", "mlruns", "runs"):
            (moved / name).rename(workspace.root / name)


def test_the_list_of_studies_shows_what_is_left(run: tuple[Workspace, Path, str]):
    workspace, _, _ = run
    more = write(workspace, "71-more", seeds=[0, 1, 2])
    shutil.copy(workspace.root / "experiments" / NAME / "results.csv", more)
    write(workspace, "72-new", question="Is it new?")
    try:
        lines = workspace.run("python", "src/study.py", "list", COLUMNS="200").stdout.splitlines()
    finally:
        for name in ("71-more", "72-new"):
            shutil.rmtree(workspace.root / "experiments" / name)
    shown = {line.split()[0]: line for line in lines if line.strip()}
    assert "finished" in shown[NAME] and " 4/4 " in shown[NAME]
    assert "started" in shown["71-more"] and " 4/6 " in shown["71-more"] and " min " in shown["71-more"]
    assert "to run" in shown["72-new"] and " 0/4 " in shown["72-new"] and " ? " in shown["72-new"]
    assert "by hand" in shown["00-first-choices"]
    assert lines[-1].startswith("Left to compute: ")
    assert lines[-1].endswith("where no grid run has finished yet.")


@pytest.mark.slow
def test_a_row_names_the_commit_that_trained_it(workspace: Workspace):
    folder = write(workspace, grid={"model.build.hidden": [[4]]}, seeds=[0], compare={})
    git(workspace.root, "init", "-q")
    git(workspace.root, "add", "src", "conf")  # code that is not committed gets a "+"
    git(workspace.root, "commit", "-qm", "first")
    words = [f"{key}={value}" for key, value in TINY["fixed"].items()]
    workspace.run("python", "src/train.py", *words, "model.build.hidden=[4]", "seed=0")
    (metadata,) = [json.loads(path.read_text()) for path in (workspace.root / "runs").glob("*/run.json")]
    git(workspace.root, "commit", "-qm", "second", "--allow-empty")
    workspace.run(*STUDY)
    (row,) = results(folder)
    assert len(row["commit"]) == 40 and row["commit"] == metadata["git_commit"]
    assert float(row["seconds"]) == pytest.approx(metadata["seconds"], abs=0.1)
    assert row["run"] != metadata["run_id"]  # the study has a run of its own


@pytest.mark.slow
def test_one_seed_more_runs_its_grid_runs_alone_and_force_runs_all(run: tuple[Workspace, Path, str]):
    workspace, folder, _ = run
    before = {row["grid_run"]: row for row in results(folder)}
    write(workspace, seeds=[0, 1, 2], grid={"model.build.hidden": [[4]]}, metrics=["val_acc"])
    assert workspace.run(*STUDY).stdout.count("✔") == 1
    after = {row["grid_run"]: row for row in results(folder)}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"model.build.hidden=[4] seed=2"}
    write(workspace, grid={"model.build.hidden": [[4]]}, seeds=[0])
    assert workspace.run(*STUDY, "--force").stdout.count("✔") == 1
    forced = {row["grid_run"]: row for row in results(folder)}
    name = "model.build.hidden=[4] seed=0"
    assert forced[name]["run"] != before[name]["run"]
    assert forced[name]["val_acc"] == before[name]["val_acc"]
    assert len(forced) == 5


@pytest.mark.slow
def test_a_grid_run_that_cannot_be_run_is_given_up_and_the_others_are_not(workspace: Workspace):
    folder = write(workspace, grid={"model.build.hidden": [["many"], [4]]}, seeds=[0], compare=None)
    spec = yaml.safe_load((folder / "study.yaml").read_text())
    del spec["compare"]
    (folder / "study.yaml").write_text(yaml.safe_dump(spec))
    done = workspace.run(*STUDY, "--retries", "1", code=1)
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(
        "study.py: model.build.hidden=[many] seed=0: given up: model.build.hidden[0]=many: expected a whole"
    )
    assert [row["grid_run"] for row in results(folder)] == ["model.build.hidden=[4] seed=0"]
    runs = {made.info.run_name: made.info.status for made in workspace.runs(f"study/{NAME}")}
    assert runs[NAME] == "FAILED"


MISTAKES: list[tuple[list[str], dict[str, Any], str]] = [
    (["experiments/absent"], {}, "no study.yaml here"),
    ([], {"stagez": []}, "stagez: unknown key"),
    ([], {"metrics": ["val_acuracy"]}, "no grid run measures val_acuracy; did you mean val_acc"),
    ([], {"grid": {"modle": ["dense"]}}, "modle"),
    ([], {"grid": {"model": ["densee"]}}, "study.yaml: model=densee: unknown model; did you mean dense?"),
    (["--jobs", "2"], {}, "--jobs 2: the launcher basic runs one grid run after another"),
]
WRONG_WORDS = [
    [],
    ["list", "experiments/x"],
    ["run", f"experiments/{NAME}", "training.epochs=3"],
    ["run", "x", "--launcher", "submitit"],
    ["run", "x", "--address", "192.168.0.10:6379"],
    ["run", "x", "--launcher", "ray", "hydra.launcher.verbose=1"],
    ["select", "candidates", "x", "--launcher", "ray"],
    ["run", "x", "--retries", "-1"],
]


@pytest.fixture(scope="module")
def mistaken(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, list[Any], list[Any], Any]:
    """A workspace, and how study.py ended in it with each of MISTAKES, of WRONG_WORDS and a broken results table."""
    workspace = new_workspace()
    commands = []
    for number, (words, changes, _) in enumerate(MISTAKES):
        changed = {**changes, "compare": {}} if "grid" in changes or "metrics" in changes else changes
        folder = write(workspace, f"73-wrong-{number}", **changed)
        target = [] if words and words[0].startswith("experiments") else [f"experiments/{folder.name}"]
        commands.append(["run", *target, *words])
    (write(workspace, "74-broken") / "results.csv").write_text("key,grid_run\nabc\n")
    commands += [*WRONG_WORDS, ["run", "experiments/74-broken"]]
    ended = workspace.together(*(("python", "src/study.py", *words) for words in commands), codes=[2] * len(commands))
    assert not (workspace.root / "runs").exists()
    return workspace, ended[: len(MISTAKES)], ended[len(MISTAKES) : -1], ended[-1]


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[message for _, _, message in MISTAKES])
def test_a_mistake_is_one_line(mistaken: tuple[Workspace, list[Any], list[Any], Any], number: int):
    _, _, message = MISTAKES[number]
    (line,) = mistaken[1][number].stderr.splitlines()
    assert line.startswith("study.py: error: ")
    assert message in line


def test_a_broken_results_table_is_one_line_and_stays_as_it_is(mistaken: tuple[Workspace, list[Any], list[Any], Any]):
    workspace, _, _, broken = mistaken
    (line,) = broken.stderr.splitlines()
    assert "results.csv, line 1: not a results table" in line
    assert (workspace.root / "experiments/74-broken/results.csv").read_text() == "key,grid_run\nabc\n"


def test_a_wrong_word_is_refused_by_the_parser(mistaken: tuple[Workspace, list[Any], list[Any], Any]):
    for done in mistaken[2]:
        assert re.search(r"^study\.py( run| list| select candidates)?: error: ", done.stderr, re.MULTILINE)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_manual_are_understood(line: str):
    words = line.split()[2:]
    options = parse(words, "")
    given = {word.split("=")[0] for word in words if "hydra.launcher" in word}
    assert {setting.split("=")[0] for setting in (options.how.settings if given else ())} == given
    assert options.folder is not None


@pytest.mark.slow
def test_the_leaderboard_joins_results_tables_and_runs(new_workspace: Callable[[], Workspace]):
    workspace = new_workspace()
    for folder in (workspace.root / "experiments").glob("*/results.csv"):
        folder.unlink()  # of this workspace: the repository's own studies are not what is tested
    folder = write(workspace)
    workspace.run(*STUDY)
    # The third seed of one of its configurations, by hand.
    words = [
        "data=optdigits",
        "training.epochs=1",
        "training.train_size=200",
        "training.batch_size=50",
        "model.build.hidden=[16]",
        "seed=2",
    ]
    workspace.run("python", "src/train.py", *words)
    path = workspace.root / "experiments" / "leaderboard.md"
    before = path.read_text()
    order = ("python", "src/study.py", "leaderboard", "--by", "val_acc")
    assert "the first 1 of 2; --top 2 shows all" in workspace.run(*order, "--top", "1").stdout
    assert path.read_text() == before
    done = workspace.run(*order, "--write", COLUMNS="160")
    text = path.read_text()
    lines = {line.split(" | ")[1]: line for line in text.splitlines() if line.startswith("| ") and NAME in line}
    assert set(lines) == {"model.build.hidden=[4]", "model.build.hidden=[16]"}
    three = lines["model.build.hidden=[16]"]
    assert " | 3 | " in three and f"[{NAME}]({NAME}/README.md), `optdigits`" in three
    runs = [row["run"] for row in results(folder) if "[16]" in row["grid_run"]]
    assert all(f"/runs/{run})" in three for run in runs)
    assert "model.build.hidden=[16]" in done.stdout
    line = workspace.fails("python", "src/study.py", "leaderboard", "--by", "nothing")
    assert line.startswith("study.py: error: --by nothing: no configuration has it; known are ")
