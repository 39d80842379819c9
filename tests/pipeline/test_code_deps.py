"""Each stage depends on the code that it runs: none missing, none too many; and a change of it reruns that stage."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx
import pytest
from dvc.repo import Repo

from inkproof.config.pipeline import read_pipeline
from inkproof.config.schema import flatten
from inkproof.runtime.paths import ROOT
from inkproof.tracking.identity import TRAINING_CODE
from support.code_deps import as_deps, built_by, followed, run_by
from support.pipeline_stages import Stage, composed_of, stages_of

pytestmark = pytest.mark.xdist_group("dvc")  # one worker makes the workspace

DOCS = ROOT / "docs" / "internals.md"
PACKAGE = ROOT / "src" / "inkproof"
# What builds `_target_`s of its configuration. Of the others' nothing is built: they load what training has saved.
BUILDERS = ("download", "train")
# Fetches and makes datasets. What is trained on them depends on their digits.npz instead.
MAKERS = [PACKAGE / "data" / "download.py"]


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return stages_of(ROOT)


def targets_of(stage: Stage) -> set[str]:
    """The `_target_`s that a stage builds: a dataset's where it is made, all others where a model is trained."""
    if stage.kind not in BUILDERS:
        return set()
    targets = {
        key: str(value) for key, value in flatten(composed_of(ROOT, stage)[0]).items() if key.endswith("_target_")
    }
    return {target for key, target in targets.items() if key.startswith("data.") != (stage.kind == "train")}


def test_code_deps_are_what_is_imported_and_built(stages: dict[str, Stage]):
    run: dict[tuple[str, str | None], set[Path]] = {}
    for stage in stages.values():
        key = stage.script, stage.command
        if key not in run:
            run[key] = run_by(ROOT, ROOT / stage.words[1], stage.command)
        expected = as_deps(ROOT, run[key] | built_by(ROOT, targets_of(stage)))
        assert stage.code == expected, f"{stage.name}: {sorted(stage.code ^ expected)}"


def test_the_hash_of_a_runs_code_covers_what_training_depends_on(stages: dict[str, Stage]):
    trained = [stage for stage in stages.values() if stage.kind == "train"]
    modules = followed(ROOT, [PACKAGE / "stages" / "train.py"], without=MAKERS)
    modules |= set().union(*(built_by(ROOT, targets_of(stage)) for stage in trained))
    packages = {path.relative_to(PACKAGE).parts[0] for path in modules}
    expected = {path.relative_to(PACKAGE).as_posix() for path in modules if path.parent.name in ("data", "stages")}
    assert set(TRAINING_CODE) == expected | (packages - {"data", "stages"})


# The table of docs/internals.md.


def table() -> dict[str, set[str]]:
    """The packages of each kind of stage, by the table of docs/internals.md."""
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    start = next(number for number, row in enumerate(rows) if row[0] == "stage")
    head = rows[start]
    kinds = {}
    for line in rows[start + 2 :]:
        if len(line) != len(head):
            break
        packages = {name.strip("`") for name, mark in zip(head[1:], line[1:], strict=True) if mark == "x"}
        kinds[line[0].strip("`").partition("@")[0]] = packages
    return kinds


def test_the_table_says_what_dvc_yaml_does(stages: dict[str, Stage]):
    expected: dict[str, set[str]] = {}
    for stage in stages.values():
        packages = {name for dep in stage.code if "/" not in (name := dep.removeprefix("src/inkproof/"))}
        assert expected.setdefault(stage.kind, packages) == packages, stage.name
    assert table() == expected


# What DVC does about a change, in a workspace where every stage was "run": its outs are there, made up.


@pytest.fixture(scope="module")
def locked(dvc_workspace: Callable[..., Any]) -> Iterator[Repo]:
    root = dvc_workspace().root
    with pytest.MonkeyPatch.context() as patch, Repo(str(root)) as repo:
        patch.chdir(root)
        for stage in repo.index.stages:
            for out in stage.outs:
                path = root / out.def_path
                file = path if path.suffix else path / "made.txt"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text('{"accuracy": 0.5}' if path.suffix == ".json" else out.def_path)
        for path in (path for path in (root / "models").glob("*/*") if path.is_dir()):
            (path / "run.json").write_text("{}")  # a stage depends on this file of a folder
        repo.commit(force=True)
        assert repo.status() == {}
        yield repo


def changed(repo: Repo) -> dict[str, set[str]]:
    """The stages that `dvc status` lists, each with its changed deps."""
    repo._reset()
    return {
        name: {dep for reason in reasons for dep in reason.get("changed deps", {})}
        for name, reasons in repo.status().items()
    }


@pytest.fixture(scope="module")
def touched(locked: Repo) -> dict[str, set[str]]:
    """What DVC lists after a change in every package: for each stage the packages for which it would run again."""
    folders = [path for path in Path(locked.root_dir, "src", "inkproof").iterdir() if path.is_dir()]
    files = [folder / "__init__.py" for folder in folders if folder.name not in ("__pycache__", "stages")]
    texts = [path.read_text() for path in files]
    for path, text in zip(files, texts, strict=True):
        path.write_text(f"{text}# changed\n")
    found = changed(locked)
    for path, text in zip(files, texts, strict=True):
        path.write_text(text)
    assert changed(locked) == {}
    return {name: {dep.removeprefix("src/inkproof/") for dep in deps} for name, deps in found.items()}


@pytest.mark.parametrize(
    "package",
    ["data", "datasets", "evaluation", "exporting", "models", "preprocessing", "reporting", "synthetic", "training"],
)
def test_a_changed_package_reruns_the_stages_of_the_table(locked: Repo, touched: dict[str, set[str]], package: str):
    kinds = {kind for kind, packages in table().items() if package in packages}
    names = {stage.addressing for stage in locked.index.stages}
    rerun = {name for name, packages in touched.items() if package in packages}
    assert rerun == {name for name in names if name.partition("@")[0] in kinds} != set()


@pytest.mark.parametrize("package", ["runtime", "config", "tracking", "inference", "studies", "app", "tuning"])
def test_a_change_of_what_decides_no_result_reruns_nothing(touched: dict[str, set[str]], package: str):
    assert {name for name, packages in touched.items() if package in packages} == set()


@pytest.mark.parametrize("file", ["optimizer/sgd", "callbacks/last", "precision/float32", "optimizer/new"])
def test_a_file_that_overrides_can_choose_reruns_train_alone(locked: Repo, file: str):
    path = Path(locked.root_dir, "conf", f"{file}.yaml")
    text = path.read_text() if path.exists() else None
    path.write_text(f"{text or ''}# changed\n")
    pipeline = read_pipeline()
    assert pipeline is not None and set(changed(locked)) == {f"train@{key}" for key in pipeline.runs}
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


def test_a_new_drawing_reruns_drawings_drawn_and_report(locked: Repo):
    mine = Path(locked.root_dir, "data", "drawn", "mine", "drawings.jsonl")
    mine.write_text("{}\n")
    first = set(changed(locked))
    pipeline = read_pipeline()
    assert pipeline is not None and first == {f"drawings@{data}" for data in pipeline.drawings}
    graph = locked.index.graph  # from each stage to those that it depends on
    later = {
        stage.addressing.partition("@")[0]
        for stage in graph
        if {one.addressing for one in networkx.descendants(graph, stage)} & first
    }
    assert later == {"drawn", "report"}
    mine.unlink()
