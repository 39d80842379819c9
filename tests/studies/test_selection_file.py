"""selection.yaml is not overwritten, not evaluated before it is committed, and lists what is trained."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.evaluation.results import EnsembleResult, EnsembleSet, TestSummary
from inkproof.runtime.errors import UserError
from inkproof.studies.definition import Study, read_study
from inkproof.studies.evaluations import (
    Evaluation,
    add_evaluation,
    read_evaluations,
    summarize,
)
from inkproof.studies.leaderboard import collect
from inkproof.studies.readme import evaluations_table, write_evaluations
from inkproof.studies.selection import EnsembleEvidence, Evidence, Selected
from inkproof.studies.selection_steps import (
    check_committed,
    final_folder,
    read_selection,
    trainings,
    write_final_study,
    write_selection,
)
from support.workspaces import git

SPEC: dict[str, Any] = {
    "question": "Which?",
    "fixed": {"data": "optdigits", "data.val": 0, "training.folds": 2, "training.fold": "${seed}"},
    "grid": {
        "network": {
            "a": {"model": "dense"},
            "b": {"model": "cnn"},
            "c": {"model": "dense", "training.teacher.runs": ["@a"]},
            "d": {"model": "cnn", "training.epochs": 1},
        }
    },
    "seeds": [0, 1],
    "stages": ["train", "out_of_fold"],
    "metrics": ["out_of_fold_plain_accuracy"],
}
FIGURES = {"tta": False, "errors": 1, "of": 100, "accuracy": 0.99, "low": 0.98, "high": 0.995, "nll": 0.1, "hours": 0.5}


def selected(single: str = "c", ensemble: tuple[str, ...] = ("b", "b", "c")) -> Selected:
    return Selected(
        single=Evidence(members=(single,), **FIGURES),
        ensemble=EnsembleEvidence(members=ensemble, **FIGURES, compared=8, p_against_single=0.5),
        singles=(),
    )


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))
    return read_study(tmp_path)


def test_a_selection_is_replaced_only_with_again_and_then_kept_as_an_earlier_one(study: Study) -> None:
    write_selection(study, selected(), 2, again=False)
    with pytest.raises(UserError, match="there is a selection 1 already"):
        write_selection(study, selected(), 2, again=False)
    write_selection(study, selected("a"), 2, again=True)
    write_selection(study, selected(), 2, again=True)
    selection = read_selection(study.folder)
    assert selection.number == 3
    assert [(one.number, one.single.members) for one in selection.earlier] == [(1, ("c",)), (2, ("a",))]


def test_a_selection_stays_while_its_evaluation_is_not_finished(study: Study) -> None:
    write_selection(study, selected(), 2, again=False)
    final_folder(study, 1).mkdir()
    with pytest.raises(UserError, match="run `evaluate` to finish it"):
        write_selection(study, selected(), 2, again=True)
    add_evaluation(study.folder, evaluation(1, [0.9]))
    (study.folder / "selection.yaml").unlink()
    write_selection(study, selected(), 2, again=False)
    assert read_selection(study.folder).number == 2, "the number of an evaluated selection is not used again"


def test_what_is_trained_are_members_and_teachers_on_all_digits(study: Study) -> None:
    needed = trainings(study, selected(), seeds=2)
    assert {name: one.seeds for name, one in needed.items()} == {"a": (0, 2), "b": (0, 1, 2, 3), "c": (0, 2)}
    assert list(needed) == ["a", "b", "c"]  # a teacher before its student
    assert needed["b"].overrides == {"data": "optdigits", "data.val": 0, "model": "cnn"}
    write_selection(study, selected(), 2, again=False)
    final = read_study(write_final_study(study, read_selection(study.folder)))
    assert [grid.seeds for grid in final.grids] == [(0, 2), (0, 1, 2, 3), (0, 2)]


def test_evaluations_share_no_training(study: Study) -> None:
    write_selection(study, selected(ensemble=("a", "a", "c")), 2, again=False)
    selection = read_selection(study.folder)
    first, second = (selection.members_of("ensemble", number) for number in (0, 1))
    assert first == [("a", 0), ("a", 1), ("c", 0)]
    assert second == [("a", 2), ("a", 3), ("c", 2)], "the teacher of c is a with the same seed"
    assert selection.members_of("single", 1) == [("c", 2)]
    assert selection.trainings["c"].seeds == (0, 2)


def test_teachers_of_teachers_are_trained_too_and_are_networks_of_the_study(tmp_path: Path) -> None:
    networks = {**SPEC["grid"]["network"], "e": {"model": "dense", "training.teacher.runs": ["@c"]}}
    spec = {**SPEC, "grid": {"network": networks}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    needed = trainings(read_study(tmp_path), selected("e", ("e",)), seeds=2)
    assert list(needed) == ["a", "c", "e"]
    spec["fixed"]["training.teacher.runs"] = ["models/mnist/cnn"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    with pytest.raises(UserError, match="models/mnist/cnn: name a network of this study"):
        trainings(read_study(tmp_path), selected(), seeds=2)


def test_only_a_selection_that_is_committed_may_be_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "selection.yaml"
    path.write_text("number: 1\n")
    with pytest.raises(UserError, match="`git status` failed"):
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


def evaluation(number: int, accuracies: list[float], data: str = "mnist") -> Evaluation:
    pens = EnsembleSet(n=100, accuracy=0.9, low=0.8, high=0.95, interval="writers", per_digit={})
    results = [
        EnsembleResult(
            members=[],
            tta=False,
            test=TestSummary(
                n=10_000,
                errors=round((1 - one) * 10_000),
                accuracy=one,
                accuracy_low=one,
                accuracy_high=one,
                nll=0.1,
                ece=0.1,
                per_class={},
            ),
            drawn={"pens": pens},
        )
        for one in accuracies
    ]
    runs, about = (
        [f"run{index}" for index in range(len(results))],
        {"commit": "c0ffee", "machine": "a machine, 2 cores"},
    )
    single, ensemble = (summarize(one, results, runs) for one in (selected().single, selected().ensemble))
    return Evaluation(selection=number, data=data, date="2026-01-01", **about, single=single, ensemble=ensemble)


def test_an_evaluation_is_read_back_as_written(tmp_path: Path) -> None:
    both = evaluation(1, [0.9960, 0.9970]), evaluation(2, [0.9971])
    for one in both:
        add_evaluation(tmp_path, one)
    assert read_evaluations(tmp_path) == both
    first, *_ = yaml.safe_load((tmp_path / "evaluations.yaml").read_text())
    assert list(first) == ["selection", "data", "date", "commit", "machine", "single", "ensemble"]
    assert list(first["ensemble"]) == ["chosen", "n", "runs", "errors", "of", "accuracy", "drawn"]
    assert "compared" in first["ensemble"]["chosen"] and "compared" not in first["single"]["chosen"]


@pytest.mark.parametrize("name", ["selection.yaml", "evaluations.yaml"])
def test_a_broken_file_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("number: 1\n")
    with pytest.raises(UserError, match="restore it with `git checkout`") as raised:
        (read_selection if name == "selection.yaml" else read_evaluations)(tmp_path)
    assert name in str(raised.value) and "\n" not in str(raised.value)


def test_every_selection_is_evaluated_once_and_stays_in_the_table(tmp_path: Path) -> None:
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
    other = evaluations_table([evaluation(1, [0.9], "optdigits")], "x")
    assert "Published results" in text and "Published results" not in other
    assert "| pens |" in text and "starter" not in text, "only sets with results have a column"
    assert evaluations_table([], "x") == "Nothing is evaluated yet.\n"


def test_every_evaluation_is_a_line_of_the_leaderboard(tmp_path: Path) -> None:
    (tmp_path / "05-model-selection").mkdir()
    add_evaluation(tmp_path / "05-model-selection", evaluation(1, [0.9960, 0.9970]))
    single, ensemble = collect(tmp_path, [])
    assert (single.name, ensemble.name) == ("selection 1, single: c", "selection 1, ensemble: b + b + c")
    assert single.of("test_acc").to_dict() == pytest.approx({0: 0.9960, 1: 0.9970})
    assert (single.runs, single.places, single.data) == ({0: "run0", 1: "run1"}, ["05-model-selection"], "mnist")
    assert single.key != ensemble.key
