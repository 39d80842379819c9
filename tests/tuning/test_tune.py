"""src/tune.py as it is typed: trials, resuming, chief and workers, mistakes."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("tune")

TUNE = ("python", "src/tune.py", "data=optdigits", "model=dense", "aug=off")
SHORT = ("training.train_size=200", "training.batch_size=50")
RANDOM = (*TUNE, "tuner=random", "tuner.trials=3", "training.epochs=1", *SHORT)
HYPERBAND = (*TUNE, "tuner=hyperband", "training.epochs=4", *SHORT)
RECIPE = Path("conf/experiment/tuned_optdigits_dense.yaml")


def number_of(run: Any) -> str:
    """The number of a trial; the rest of its run's name says what differs: "trial 0 lr=0.0012 epochs=1"."""
    return " ".join(run.info.run_name.split()[:2])


def trials(workspace: Workspace, name: str) -> tuple[Any, dict[str, Any]]:
    """The run of a search and those of its trials by name; each trial has one."""
    runs = workspace.runs(f"tune/{name}")
    parent = next(run for run in runs if run.info.run_name == name)
    children = {number_of(run): run for run in runs if run.info.run_id != parent.info.run_id}
    assert len(children) == len(runs) - 1
    assert all(run.data.tags["mlflow.parentRunId"] == parent.info.run_id for run in children.values())
    return parent, children


def recipe(workspace: Workspace) -> dict[str, Any]:
    return dict(yaml.safe_load((workspace.root / RECIPE).read_text()))


@pytest.fixture(scope="module")
def searched(new_workspace: Callable[[], Workspace]) -> tuple[Workspace, str]:
    workspace = new_workspace()
    return workspace, workspace.run(*RANDOM).stdout


@pytest.fixture(scope="module")
def again(searched: tuple[Workspace, str]) -> tuple[str, str]:
    """What the recipe's training and the same search print, in one process; the search leaves the recipe as it is."""
    workspace, _ = searched
    before = (workspace.root / RECIPE).read_bytes()
    trained, searched_again = workspace.together(("python", "src/train.py", f"experiment={RECIPE.stem}"), RANDOM)
    assert (workspace.root / RECIPE).read_bytes() == before
    return trained.stdout, searched_again.stdout


MISTAKES = {  # by what is typed: words of the line
    ("tuner=hyperbnad",): "did you mean hyperband?",
    ("model=densee",): "did you mean dense?",
    ("tuner.trials=0",): "tuner.trials=0: expected at least 1",
    ("tuner.space.parameters=[{key: nothing, choices: [1]}]",): "nothing: no key of the training configuration",
    ("data.val=0", "callbacks=none"): "a search needs validation digits",
    ("service=chief", "address=here"): "address=here: expected the chief's HOST:PORT",
    ("service=my chief",): "service=my chief: expected chief, or a worker's own name",
    ("training.epochs=0",): "training.epochs=0: expected at least 1",
}


@pytest.fixture(scope="module")
def first(searched: tuple[Workspace, str], again: tuple[str, str]) -> tuple[Any, dict[str, Any]]:
    """The run of the first search and those of its trials, as they are before another search."""
    return trials(searched[0], "optdigits-dense-random")


@pytest.fixture(scope="module")
def after_mistakes(searched: tuple[Workspace, str], first: tuple[Any, Any]) -> tuple[dict[tuple[str, ...], str], str]:
    """The stderr of each mistake, and what another search prints after them, in one process."""
    workspace, _ = searched
    commands = [(*TUNE, "tuner=random", *words) for words in MISTAKES]
    *failed, other = workspace.together(*commands, (*RANDOM, "tuner.trials=2"), codes=[2] * len(commands) + [0])
    return {words: done.stderr for words, done in zip(MISTAKES, failed, strict=True)}, other.stdout


def test_each_trial_is_a_child_run_with_its_learning_curve(searched: tuple[Workspace, str]):
    workspace, printed = searched
    parent, children = trials(workspace, "optdigits-dense-random")
    assert set(children) == {"trial 0", "trial 1", "trial 2"}
    assert len({run.info.run_name.partition(" lr=")[2] for run in children.values()}) == 3
    assert {run.info.status for run in (parent, *children.values())} == {"FINISHED"}
    rates = {run.data.params["optimizer.learning_rate"] for run in children.values()}
    assert len(rates) == 3
    for run in children.values():
        curve = workspace.client().get_metric_history(run.info.run_id, "epoch/val_accuracy")
        assert [point.step for point in curve] == [1]
        assert not [name for name in run.data.metrics if name.startswith("test")]
        assert run.data.tags["mlflow.source.name"] == "src/tune.py"
    best = max(run.data.metrics["val_acc"] for run in children.values())
    assert parent.data.metrics["val_acc"] == best
    assert "best of 3 trials: trial " in printed


def test_the_best_is_a_recipe_that_training_takes(searched: tuple[Workspace, str], again: tuple[str, str]):
    workspace, printed = searched
    _, children = trials(workspace, "optdigits-dense-random")
    best = max(children.values(), key=lambda run: run.data.metrics["val_acc"])
    assert recipe(workspace)["optimizer"]["learning_rate"] == float(best.data.params["optimizer.learning_rate"])
    assert f"{workspace.root / RECIPE}: train it with `python src/train.py experiment={RECIPE.stem}`" in printed
    head = (workspace.root / RECIPE).read_text()
    assert f"#   {' '.join(RANDOM)}\n" in head
    assert f"Reached:   {best.data.metrics['val_acc']:.2%}" in head
    assert "trained before, reused" in again[0]  # it is the very run that was found


def test_given_again_a_finished_search_trains_nothing(searched: tuple[Workspace, str], again: tuple[str, str]):
    workspace, _ = searched
    assert "Epoch" not in again[1] and "best of 3 trials" in again[1]
    assert len(trials(workspace, "optdigits-dense-random")[1]) == 3


def test_another_search_has_runs_of_its_own_for_trainings_done_before(
    searched: tuple[Workspace, str], first: tuple[Any, dict[str, Any]], after_mistakes: tuple[Any, str]
):
    workspace, _ = searched
    parent, children = first
    assert "Epoch" not in after_mistakes[1] and "best of 2 trials" in after_mistakes[1]
    kept = workspace.root / RECIPE
    assert f"{kept}: stays, because it is as good or cannot be compared\n" in after_mistakes[1]
    assert "over 3 trials" in kept.read_text() and "over 2 trials" in kept.with_stem(f"{kept.stem}_2").read_text()
    assert "experiment=tuned_optdigits_dense_2`" in after_mistakes[1]
    runs = {run.info.run_id: run for run in workspace.runs("tune/optdigits-dense-random")}
    below: dict[str, list[str]] = {}
    for run in runs.values():
        below.setdefault(run.data.tags.get("mlflow.parentRunId", ""), []).append(number_of(run))
    (other,) = set(below) - {"", parent.info.run_id}
    assert sorted(below[parent.info.run_id]) == sorted(children)
    assert sorted(below[other]) == ["trial 0", "trial 1"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@pytest.mark.slow
def test_a_trial_that_diverges_is_not_the_end_of_the_search(workspace: Workspace):
    space = "tuner.space.parameters=[{key: optimizer.learning_rate, choices: [1e30, 0.001, 0.002]}]"
    words = (*TUNE, "tuner=random", "tuner.trials=3", "training.epochs=2", *SHORT, "optimizer=sgd", space)
    for _ in range(2):  # given again, it does not try that one anew
        done = workspace.run(*words)
        assert "best of 2 trials" in done.stdout
    parent, children = trials(workspace, "optdigits-dense-random")
    assert parent.info.status == "FINISHED"
    assert sorted(run.info.status for run in children.values()) == ["FAILED", "FINISHED", "FINISHED"]


@pytest.mark.slow
def test_a_killed_search_resumes_to_the_same_end(new_workspace: Callable[[], Workspace]):
    whole, workspace = new_workspace(), new_workspace()
    whole.run(*HYPERBAND)
    for count in (1, 3):
        process = workspace.start(*HYPERBAND)
        deadline = time.monotonic() + 100
        while len(list(workspace.root.glob("runs/*-dense-*/run.json"))) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.poll() is None
        workspace.stop(process)
    workspace.run(*HYPERBAND)
    assert recipe(workspace) == recipe(whole)
    (parent, resumed), (_, undisturbed) = (trials(one, "optdigits-dense-hyperband") for one in (workspace, whole))
    assert parent.info.status == "FINISHED"
    assert {run.info.status for run in resumed.values()} == {"FINISHED"}
    assert resumed.keys() == undisturbed.keys()
    for name, run in resumed.items():
        assert run.data.metrics["val_acc"] == undisturbed[name].data.metrics["val_acc"]
    assert {run.data.params["training.epochs"] for run in resumed.values()} == {"2", "4"}  # the rounds of Hyperband


@pytest.mark.slow
def test_bayesian_optimization_searches(workspace: Workspace):
    words = (*TUNE, "tuner=bayesian", "tuner.trials=5", "tuner.initial=3", "training.epochs=1", *SHORT)
    assert "best of 5 trials" in workspace.run(*words).stdout
    assert len(trials(workspace, "optdigits-dense-bayesian")[1]) == 5


@pytest.mark.slow
def test_a_chief_and_two_workers(new_workspace: Callable[[], Workspace]):
    workspace = new_workspace()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"address=127.0.0.1:{free.getsockname()[1]}"
    words = (*TUNE, "tuner=random", "tuner.trials=6", "training.epochs=3", *SHORT, address)
    processes = {name: workspace.start(*words, f"service={name}") for name in ("chief", "w1", "w2")}
    ended = {name: process.communicate(timeout=280) for name, process in processes.items()}
    assert {name: process.returncode for name, process in processes.items()} == dict.fromkeys(processes, 0), ended
    _, children = trials(workspace, "optdigits-dense-random")
    assert set(children) == {f"trial {number}" for number in range(6)}
    assert {run.info.status for run in children.values()} == {"FINISHED"}
    done = {name: ended[name][0].count("of the validation digits after") for name in processes}
    assert done["chief"] == 0 and done["w1"] + done["w2"] == 6
    assert min(done["w1"], done["w2"]) > 0
    assert "best of 6 trials" in ended["chief"][0]
    assert "best of" not in ended["w1"][0] + ended["w2"][0]
    best = max(children.values(), key=lambda run: run.data.metrics["val_acc"])
    assert recipe(workspace)["optimizer"]["learning_rate"] == float(best.data.params["optimizer.learning_rate"])


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_one_line(after_mistakes: tuple[dict[tuple[str, ...], str], str], words: tuple[str, ...]):
    (line,) = after_mistakes[0][words].splitlines()
    assert line.startswith("tune.py: error: ")
    assert MISTAKES[words] in line
