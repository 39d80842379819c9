"""`dvc repro` with two stages at a time: what runs, in which order, and what a failure leaves."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspaces import git

from inkproof.errors import UserError
from inkproof.side_by_side import out_of_date, repro

# Each of the two waits for the other's first file: one after another they would never end.
MEET = "touch {own}.met && timeout 60 sh -c 'until test -e {other}.met; do sleep 0.1; done' && echo {own} > {own}"
STAGES = {
    "left": {"cmd": MEET.format(own="left", other="right"), "deps": ["word"], "outs": ["left"]},
    "right": {"cmd": MEET.format(own="right", other="left"), "deps": ["word"], "outs": ["right"]},
    "both": {"cmd": "cat left right > both && echo put together", "deps": ["left", "right"], "outs": ["both"]},
    "apart": {"cmd": "cp word apart", "deps": ["word"], "outs": ["apart"]},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "word").write_text("a")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    dvc(tmp_path, "init", "--no-scm")
    return tmp_path


def dvc(root: Path, *words: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("dvc")), *words, "-q"], cwd=root, check=True)


def change(project: Path, **stages: Any) -> None:
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {**STAGES, **stages}}))


def test_two_stages_at_a_time_and_then_what_needs_both(project: Path, capfd: Any):
    graph = out_of_date(project, ["both"])
    assert graph == {"left": set(), "right": set(), "both": {"left", "right"}}
    repro(project, graph, jobs=2)
    assert (project / "both").read_text() == "left\nright\n"
    assert not (project / "apart").exists()
    lines = capfd.readouterr().out.splitlines()
    assert "both: put together" in lines
    assert all(line.split(": ")[0] in graph for line in lines)
    assert not any("git add" in line or "dvc push" in line for line in lines)
    assert out_of_date(project, ["both"]) == {}
    assert out_of_date(project, []) == {"apart": set()}


def test_what_changed_and_all_behind_it(project: Path):
    repro(project, out_of_date(project, []), jobs=2)
    change(project, left={**STAGES["left"], "cmd": "echo other > left"})
    assert out_of_date(project, []) == {"left": set(), "both": {"left"}}
    repro(project, out_of_date(project, []), jobs=1)
    assert (project / "both").read_text() == "other\nright\n"


def test_after_a_failure_nothing_is_begun_and_the_same_command_goes_on(project: Path, capfd: Any):
    broken = {
        "left": {**STAGES["left"], "cmd": "echo oh no; exit 3"},
        "right": {**STAGES["right"], "cmd": "cp word right"},
    }
    change(project, **broken)
    with pytest.raises(UserError, match=r"^left: failed, see above; mend it and give the same command again$"):
        repro(project, out_of_date(project, ["both"]), jobs=2)
    assert "left: oh no" in capfd.readouterr().out
    assert not (project / "both").exists()
    change(project, **{**broken, "left": {**STAGES["left"], "cmd": "cp word left"}})
    graph = out_of_date(project, ["both"])
    assert graph == {"left": set(), "both": {"left"}}  # right is done
    repro(project, graph, jobs=2)
    assert (project / "both").read_text() == "aa"


def test_a_target_that_there_is_not(project: Path):
    with pytest.raises(UserError, match=r"nothing"):
        out_of_date(project, ["nothing"])


def test_what_has_most_behind_it_comes_first_and_a_chain_stays_in_one_process(project: Path, capfd: Any):
    stages = {
        "after": {"cmd": "cp word after", "deps": ["word"], "outs": ["after"]},
        "begin": {"cmd": "cp word begin", "deps": ["word"], "outs": ["begin"]},
        "middle": {"cmd": "echo $PPID > middle", "deps": ["begin"], "outs": ["middle"]},
        "end": {"cmd": "echo $PPID > end && exit 4", "deps": ["middle"], "outs": ["end"]},
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    with pytest.raises(UserError, match=r"^end: failed"):
        repro(project, out_of_date(project, []), jobs=1)
    lines = [line for line in capfd.readouterr().out.splitlines() if "Running stage" in line]
    assert [line.split(": ")[0] for line in lines] == ["begin", "middle", "end"]  # and not `after`, since one failed
    assert (project / "middle").read_text() == (project / "end").read_text()
    assert out_of_date(project, []) == {"after": set(), "end": set()}


@pytest.mark.parametrize("left", ["", "schema: '2.0'\nstages:\n  left:\n    cmd: 'tou"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lock_file_that_a_kill_cut_short_is_put_back(project: Path, left: str, committed: bool, capsys: Any):
    change(project, left={**STAGES["left"], "cmd": "echo >> count && cp word left"}, right={"cmd": "true"})
    graph = out_of_date(project, ["left"])
    if committed:
        (project / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
        for words in (["init", "-q"], ["add", "dvc.lock"]):
            git(project, *words)
    repro(project, graph, jobs=1)
    (project / "dvc.lock").write_text(left)
    graph = out_of_date(project, ["left"])
    assert "put back" in capsys.readouterr().out
    assert graph == {"left": set()}
    repro(project, graph, jobs=1)
    assert out_of_date(project, ["left"]) == {}
    assert (project / "count").read_text() == "\n"  # from the cache, and not computed again
