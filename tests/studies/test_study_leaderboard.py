"""The ranking over results tables and MLflow: one line per configuration, wherever its seeds ran."""

from dataclasses import replace
from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.studies import results
from inkproof.studies.leaderboard import collect, markdown, ranked
from inkproof.tracking.identity import configuration_key
from inkproof.tracking.mlflow_tracker import LoggedRun
from support.made_up import grid_run, row

PARAMS = {"model.name": "cnn", "data.name": "mnist", "training.epochs": "3"}
SAME = configuration_key(PARAMS, "d1")


def logged(run: str, seed: int, accuracy: float, **params: str) -> LoggedRun:
    return LoggedRun(
        run_id=run,
        experiment="mnist",
        experiment_id="7",
        name=f"cnn aug=on s{seed}",
        params={**PARAMS, "seed": str(seed), "precision.policy": "mixed_bfloat16", **params},
        tags={"data_sha": "d1"},
        metrics={"test_acc": accuracy},
    )


@pytest.fixture
def experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    for study, labels, accuracies in (
        ("02-a", {"model": "cnn"}, [0.98, 0.99]),
        ("03-b", {"network": "same cnn"}, [0.98]),
        ("03-b", {"network": "other"}, [0.97]),
    ):
        (tmp_path / study).mkdir(exist_ok=True)
        configuration = SAME if "cnn" in str(labels) else "other"
        for seed, accuracy in enumerate(accuracies):
            one = grid_run(labels, seed, configuration=configuration)
            results.write_row(tmp_path / study / "results.csv", row(one, test_acc=accuracy))
    return tmp_path


def test_one_configuration_is_one_line_wherever_its_seeds_ran(experiments: Path):
    runs = [logged("new", 2, 1.0), logged("twin", 0, 0.5), logged("else", 0, 0.995, **{"training.epochs": "9"})]
    entries = ranked(collect(experiments, runs), "test_acc", least=1)
    assert [entry.name for entry in entries] == ["cnn aug=on", "model=cnn", "network=other"]
    merged = entries[1]
    assert merged.of("test_acc").to_dict() == {
        0: 0.98,
        1: 0.99,
        2: 1.0,
    }  # seed 0 of the results table, not of the twin
    assert list(merged.places) == ["02-a", "03-b", "mnist"]
    assert merged.runs == {0: "run-modelcnn0", 1: "run-modelcnn1", 2: "new"}
    assert merged.formatted("test_acc") == "99.00 ± 1.00"


def test_the_run_of_a_grid_run_has_its_configuration(experiments: Path):
    # Teachers differ from seed to seed, and are among the parameters that MLflow holds.
    student = logged("distilled", 3, 0.96, **{"training.teacher.runs": "['a1']"})
    student = replace(student, tags={**student.tags, "configuration": SAME})
    assert [len(entry.runs) for entry in ranked(collect(experiments, [student]), "test_acc", least=1)] == [3, 1]
    # Its row in a results table has the configuration, too, and counts more than an old tag.
    tags = {**student.tags, "configuration": "of another time"}
    student = replace(student, run_id="run-modelcnn1", params={**student.params, "seed": "1"}, tags=tags)
    assert len(collect(experiments, [student])) == 2


def test_lines_link_to_their_runs_and_studies(experiments: Path):
    entries = ranked(collect(experiments, [logged("new", 2, 1.0)]), "test_acc", least=3)
    (line,) = markdown(entries, "test_acc", {"new": "http://ui/#/7/new"}).splitlines()[2:]
    assert line == (
        "| 1 | model=cnn | optdigits | digit | 3 | 99.00 ± 1.00 "
        "| [02-a](02-a/README.md), [03-b](03-b/README.md), `mnist` | 0, 1, [2](http://ui/#/7/new) |"
    )


def test_configurations_of_one_name_get_their_keys(experiments: Path):
    again = grid_run({"network": "other"}, 0, configuration="another", key="again")
    results.write_row(experiments / "03-b" / "results.csv", row(again, test_acc=0.96))
    names = [entry.name for entry in ranked(collect(experiments, []), "test_acc", least=1)]
    assert names == ["model=cnn", "network=other [other]", "network=other [another]"]


def test_a_figure_of_fewer_seeds_says_so(experiments: Path):
    one = replace(logged("new", 2, 1.0), metrics={"test_acc": 1.0, "val_acc": 0.5})
    entries = ranked(collect(experiments, [one]), "test_acc", least=3)
    line = markdown(entries, "test_acc", {}).splitlines()[2]
    assert "| 3 | 99.00 ± 1.00 | 50.00 (n = 1) |" in line


def test_what_is_better_smaller_is_ranked_so(experiments: Path):
    runs = [
        replace(logged("a", 0, 0.9), metrics={"test_nll": 0.2}),
        replace(logged("b", 0, 0.9, **{"training.epochs": "5"}), metrics={"test_nll": 0.1}),
    ]
    assert [entry.runs[0] for entry in ranked(collect(experiments, runs), "test_nll", least=1)] == [
        "b",
        "run-modelcnn0",
    ]


def test_a_run_made_by_hand_is_left_out(experiments: Path):
    by_hand = replace(logged("x", 0, 1.0), params={})
    without_data = replace(logged("y", 0, 1.0), tags={})
    assert len(collect(experiments, [by_hand, without_data])) == 2


def test_a_metric_that_nobody_has_is_named_with_those_there_are(experiments: Path):
    with pytest.raises(UserError, match="--by nothing: no configuration has it; known are test_acc"):
        ranked(collect(experiments, []), "nothing", least=1)
    with pytest.raises(UserError, match=r"did you mean test_acc\?"):
        ranked(collect(experiments, []), "test_acuracy", least=1)
    with pytest.raises(UserError, match="no configuration has 9 seeds of it; give a smaller --seeds"):
        ranked(collect(experiments, []), "test_acc", least=9)
    with pytest.raises(UserError, match="run a study, or train"):
        ranked([], "test_acc", least=1)
