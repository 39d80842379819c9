"""selection.yaml is not overwritten, not evaluated before git has it, and says what is trained."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.runtime.errors import UserError
from inkproof.studies.definition import Study, read_study
from inkproof.studies.evaluations import add_evaluation, summarize, table, write_evaluations
from inkproof.studies.leaderboard import evaluated
from inkproof.studies.selection_file import (
    check_committed,
    final_folder,
    members_of,
    read_selection,
    trainings,
    write_final_study,
    write_selection,
)
from support.workspaces import git

SPEC: dict[str, Any] = {
    "question": "Which?",
    "fixed": {"data": "optdigits", "data.val": 0, "folds": 2, "fold": "${seed}"},
    "grid": {
        "network": {
            "a": {"model": "dense"},
            "b": {"model": "cnn"},
            "c": {"model": "dense", "teacher.runs": ["@a"]},
            "d": {"model": "cnn", "epochs": 1},
        }
    },
    "seeds": [0, 1],
    "stages": ["train", "out_of_fold"],
    "metrics": ["out_of_fold_plain_accuracy"],
}
ONE = {"tta": False, "errors": 1, "of": 100, "accuracy": 0.99, "low": 0.98, "high": 0.995, "hours": 0.5}
EVIDENCE = {"single": {"members": ["c"], **ONE}, "ensemble": {"members": ["b", "b", "c"], **ONE}}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))
    return read_study(tmp_path)


def test_a_choice_is_only_replaced_when_told_and_then_kept_as_an_earlier_one(study: Study) -> None:
    write_selection(study, EVIDENCE, 2, again=False)
    with pytest.raises(UserError, match="selection 1 stands there"):
        write_selection(study, EVIDENCE, 2, again=False)
    write_selection(study, {**EVIDENCE, "single": {"members": ["a"], **ONE}}, 2, again=True)
    write_selection(study, EVIDENCE, 2, again=True)
    selection = read_selection(study.folder)
    assert selection["number"] == 3
    assert [(one["number"], one["single"]["members"]) for one in selection["earlier"]] == [(1, ["c"]), (2, ["a"])]


def test_a_choice_whose_test_digits_were_read_stays_until_it_is_reported(study: Study) -> None:
    write_selection(study, EVIDENCE, 2, again=False)
    final_folder(study, 1).mkdir()
    with pytest.raises(UserError, match="`evaluate` has to report them first"):
        write_selection(study, EVIDENCE, 2, again=True)
    add_evaluation(study.folder, evaluation(1, [0.9]))
    (study.folder / "selection.yaml").unlink()
    write_selection(study, EVIDENCE, 2, again=False)
    assert read_selection(study.folder)["number"] == 2, "an evaluation is of one selection for ever"


def test_what_is_trained_are_members_and_teachers_on_all_digits(study: Study) -> None:
    asked = trainings(study, EVIDENCE, seeds=2)
    assert {name: one["seeds"] for name, one in asked.items()} == {"a": [0, 2], "b": [0, 1, 2, 3], "c": [0, 2]}
    assert list(asked) == ["a", "b", "c"]  # a teacher before its student
    assert asked["b"]["overrides"] == {"data": "optdigits", "data.val": 0, "model": "cnn"}
    final = read_study(write_final_study(study, {"number": 1, "trainings": asked}))
    assert [grid.seeds for grid in final.grids] == [(0, 2), (0, 1, 2, 3), (0, 2)]


def test_evaluations_share_no_training(study: Study) -> None:
    write_selection(study, {**EVIDENCE, "ensemble": {"members": ["a", "a", "c"], **ONE}}, 2, again=False)
    selection = read_selection(study.folder)
    first, second = (members_of(selection, "ensemble", number) for number in (0, 1))
    assert first == [("a", 0), ("a", 1), ("c", 0)]
    assert second == [("a", 2), ("a", 3), ("c", 2)], "c is taught by a of its own seed"
    assert members_of(selection, "single", 1) == [("c", 2)]
    assert selection["trainings"]["c"]["seeds"] == [0, 2]


def test_teachers_of_teachers_are_trained_too_and_are_networks_of_the_study(tmp_path: Path) -> None:
    networks = {**SPEC["grid"]["network"], "e": {"model": "dense", "teacher.runs": ["@c"]}}
    spec = {**SPEC, "grid": {"network": networks}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    asked = trainings(read_study(tmp_path), {kind: {"members": ["e"]} for kind in ("single", "ensemble")}, seeds=2)
    assert list(asked) == ["a", "c", "e"]
    spec["fixed"]["teacher.runs"] = ["models/mnist/cnn"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    with pytest.raises(UserError, match="models/mnist/cnn: name a network of this study"):
        trainings(read_study(tmp_path), EVIDENCE, seeds=2)


def test_only_a_choice_that_git_has_as_it_is_may_be_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "selection.yaml"
    path.write_text("number: 1\n")
    with pytest.raises(UserError, match="git does not say"):
        check_committed(path)
    git(tmp_path, "init")
    for words in (("status",), ("add", path.name)):  # untracked, then only staged
        git(tmp_path, *words)
        with pytest.raises(UserError, match="not committed"):
            check_committed(path)
    git(tmp_path, "commit", "-m", "Choose")
    check_committed(path)
    path.write_text("number: 2\n")
    with pytest.raises(UserError, match="not committed"):
        check_committed(path)


def evaluation(number: int, accuracies: list[float], data: str = "mnist") -> dict[str, Any]:
    results = [
        {
            "run": f"run{index}",
            "test": {"accuracy": one, "errors": round((1 - one) * 10_000), "n": 10_000},
            "drawn": {"pens": {"accuracy": 0.9}},
        }
        for index, one in enumerate(accuracies)
    ]
    both = {kind: {"chosen": EVIDENCE[kind], **summarize(results)} for kind in ("single", "ensemble")}
    return {"selection": number, "data": data, "date": "2026-01-01", **both}


def test_every_choice_is_evaluated_once_and_stays_in_the_table(tmp_path: Path) -> None:
    add_evaluation(tmp_path, evaluation(1, [0.9960, 0.9970]))
    with pytest.raises(UserError, match="evaluated before"):
        add_evaluation(tmp_path, evaluation(1, [0.9990, 0.9990]))
    add_evaluation(tmp_path, evaluation(2, [0.9971]))
    write_evaluations(tmp_path)
    text = write_evaluations(tmp_path).read_text()
    assert text.count("| single |") == 2
    assert "99.650 ± 0.071 | 40, 30 | 90.0 ± 0.0" in text
    assert "99.710 | 29 | 90.0" in text
    assert "99.900" not in text
    assert "Yardsticks" in text and "Yardsticks" not in table([evaluation(1, [0.9], "optdigits")], "x")
    assert "| pens |" in text and "starter" not in text, "a column for what was read alone"
    assert table([], "x") == "Nothing is evaluated yet.\n"


def test_every_evaluation_is_a_line_of_the_leaderboard(tmp_path: Path) -> None:
    (tmp_path / "05-model-selection").mkdir()
    add_evaluation(tmp_path / "05-model-selection", evaluation(1, [0.9960, 0.9970]))
    single, ensemble = evaluated(tmp_path)
    assert (single.name, ensemble.name) == ("selection 1, single: c", "selection 1, ensemble: b + b + c")
    assert single.of("test_accuracy").to_dict() == pytest.approx({0: 0.9960, 1: 0.9970})
    assert (single.runs, single.places, single.data) == ({0: "run0", 1: "run1"}, ["05-model-selection"], "mnist")
    assert single.key != ensemble.key
