"""The ranking over results_tables and MLflow: one line a configuration, whatever ran its seeds."""

from pathlib import Path
from typing import Any

import pytest

from inkproof.runtime.errors import UserError
from inkproof.studies import results
from inkproof.studies.leaderboard import collect, markdown, ranked
from inkproof.tracking.identity import configuration_key
from support.made_up import grid_run, row

PARAMS = {"model.name": "cnn", "data.name": "mnist", "epochs": "3"}
SAME = configuration_key(PARAMS, "d1")


def logged(run: str, seed: int, accuracy: float, **changes: Any) -> dict[str, Any]:
    return {
        "run_id": run,
        "experiment": "mnist",
        "experiment_id": "7",
        "name": f"cnn-on-s{seed}",
        "params": {**PARAMS, "seed": str(seed), "precision.policy": "mixed_bfloat16", **changes},
        "tags": {"data_sha": "d1"},
        "metrics": {"test_accuracy": accuracy},
    }


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
            results.write_row(tmp_path / study / "results.csv", row(one, test_accuracy=accuracy))
    return tmp_path


def test_one_configuration_is_one_line_wherever_its_seeds_ran(experiments: Path):
    runs = [logged("new", 2, 1.0), logged("twin", 0, 0.5), logged("else", 0, 0.995, epochs="9")]
    entries = ranked(collect(experiments, runs), "test_accuracy", least=1)
    assert [entry.name for entry in entries] == ["cnn-on", "model=cnn", "network=other"]
    merged = entries[1]
    assert merged.of("test_accuracy").to_dict() == {0: 0.98, 1: 0.99, 2: 1.0}  # the results's seed 0, not the twin's
    assert list(merged.places) == ["02-a", "03-b", "mnist"]
    assert merged.runs == {0: "run-modelcnn0", 1: "run-modelcnn1", 2: "new"}
    assert merged.written("test_accuracy") == "99.00 ± 1.00"


def test_a_grid_run_s_run_says_which_configuration_it_is(experiments: Path):
    # What teaches differs from seed to seed, and is among the parameters that MLflow holds.
    taught = logged("taught", 3, 0.96, **{"teacher.runs": "['a1']"})
    taught["tags"]["configuration"] = SAME
    assert [len(entry.runs) for entry in ranked(collect(experiments, [taught]), "test_accuracy", least=1)] == [3, 1]
    # So does its row in a results, whatever the tag was at its time.
    taught.update(run_id="run-modelcnn1", params={**taught["params"], "seed": "1"})
    taught["tags"]["configuration"] = "of another time"
    assert len(collect(experiments, [taught])) == 2


def test_lines_link_to_their_runs_and_studies(experiments: Path):
    entries = ranked(collect(experiments, [logged("new", 2, 1.0)]), "test_accuracy", least=3)
    (line,) = markdown(entries, "test_accuracy", {"new": "http://ui/#/7/new"}).splitlines()[2:]
    assert line == (
        "| 1 | model=cnn | optdigits | 3 | 99.00 ± 1.00 | [02-a](02-a/README.md), [03-b](03-b/README.md), `mnist` "
        "| 0, 1, [2](http://ui/#/7/new) |"
    )


def test_configurations_of_one_name_are_told_apart(experiments: Path):
    again = grid_run({"network": "other"}, 0, configuration="another", key="again")
    results.write_row(experiments / "03-b" / "results.csv", row(again, test_accuracy=0.96))
    names = [entry.name for entry in ranked(collect(experiments, []), "test_accuracy", least=1)]
    assert names == ["model=cnn", "network=other [other]", "network=other [another]"]


def test_a_figure_of_fewer_seeds_says_so(experiments: Path):
    one = logged("new", 2, 1.0) | {"metrics": {"test_accuracy": 1.0, "val_accuracy": 0.5}}
    entries = ranked(collect(experiments, [one]), "test_accuracy", least=3)
    line = markdown(entries, "test_accuracy", {}).splitlines()[2]
    assert "| 3 | 99.00 ± 1.00 | 50.00 (n = 1) |" in line


def test_what_is_better_smaller_is_ranked_so(experiments: Path):
    runs = [
        logged("a", 0, 0.9) | {"metrics": {"test_nll": 0.2}},
        logged("b", 0, 0.9, epochs="5") | {"metrics": {"test_nll": 0.1}},
    ]
    assert [entry.runs[0] for entry in ranked(collect(experiments, runs), "test_nll", least=1)] == [
        "b",
        "run-modelcnn0",
    ]


def test_a_run_made_by_hand_is_passed_over(experiments: Path):
    by_hand = logged("x", 0, 1.0) | {"params": {}}
    without_data = logged("y", 0, 1.0) | {"tags": {}}
    assert len(collect(experiments, [by_hand, without_data])) == 2


def test_a_metric_that_nobody_has_is_named_with_those_there_are(experiments: Path):
    with pytest.raises(UserError, match="--by nothing: no configuration has it; there is test_accuracy"):
        ranked(collect(experiments, []), "nothing", least=1)
    with pytest.raises(UserError, match=r"did you mean test_accuracy\?"):
        ranked(collect(experiments, []), "test_acuracy", least=1)
    with pytest.raises(UserError, match="no configuration has 9 seeds of it; give a smaller --seeds"):
        ranked(collect(experiments, []), "test_accuracy", least=9)
    with pytest.raises(UserError, match="run a study, or train"):
        ranked([], "test_accuracy", least=1)
