"""What `make demo` and `make repro` print of `dvc repro`: a line a stage, the rest in a log."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT
from support.workspaces import Workspace

# A dvc that prints what DVC prints, and ends as its environment says.
DVC = """#!/bin/sh
case "$1" in
  dag)
    [ -z "$DAG" ] || { echo looking >&2; sleep "$DAG"; }
    printf 'flowchart TD\\n\\tnode1["mix"]\\n\\tnode2["train@a"]\\n\\tnode3["report"]\\n\\tnode1-->node2\\n'; exit;;
esac
echo "Stage 'mix' didn't change, skipping"
echo "Stage 'train@a' is cached - skipping run, checking out outputs"
echo "Running stage 'report':"
echo "> python src/report.py $2"
echo "Stage ahead"
[ -z "$ENDING" ] || trap '' INT
sleep "$SLEEP"
echo "ERROR: failed to reproduce 'report'" >&2
exit "$CODE"
"""
SCRIPT = ROOT / ".dvc" / "repro.py"


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    program = tmp_path / "bin" / "dvc"
    program.parent.mkdir()
    program.write_text(DVC)
    program.chmod(0o755)
    return Workspace(tmp_path, {"PATH": f"{program.parent}:/usr/bin:/bin", "SLEEP": "0", "CODE": "0"})


def command(*targets: str) -> tuple[str, ...]:
    return (sys.executable, str(SCRIPT), "about 2 minutes on 2 cores", *targets)


def test_every_stage_has_a_line_with_its_number_and_the_log_has_the_rest(small: Workspace) -> None:
    done = small.run(*command("report@a"))
    lines = done.stdout.splitlines()
    assert lines[0] == "3 stages: about 2 minutes on 2 cores. Stages that are done already are not run again."
    assert lines[1:3] == ["stage 1 of 3: mix ... unchanged", "stage 2 of 3: train@a ... unchanged"]
    assert re.fullmatch(r"stage 3 of 3: report \.\.\. \d+ s", lines[3])
    assert lines[4:] == ["Details: runs/repro.log"] and done.stderr == ""
    assert "> python src/report.py report@a\nStage ahead\n" in (small.root / "runs" / "repro.log").read_text()


def test_a_failure_shows_the_end_of_the_log_and_dvcs_exit_code(small: Workspace) -> None:
    done = small.run(*command(), code=255, CODE="255")
    assert done.stdout.splitlines()[-1] == "stage 3 of 3: report ... failed"
    *_, cause, last = done.stderr.splitlines()
    assert cause == "ERROR: failed to reproduce 'report'"
    assert last == "dvc repro failed; these are the last lines of runs/repro.log"


def test_an_interrupt_ends_both_in_one_line(small: Workspace) -> None:
    process = small.start(*command(), SLEEP="60")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)][-1].startswith("stage 2 of 3")
    while "Stage ahead" not in (small.root / "runs" / "repro.log").read_text():
        assert process.poll() is None
    printed, stderr = small.stop(process, signal.SIGINT)
    assert process.returncode == 130 and stderr == ""
    assert printed.splitlines()[-1].startswith("interrupted; run the same command again")


def test_an_interrupt_before_the_first_stage_is_one_line(small: Workspace) -> None:
    process = small.start(*command(), DAG="60")
    assert process.stderr is not None and process.stderr.readline() == "looking\n"
    printed, stderr = small.stop(process, signal.SIGINT)
    assert process.returncode == 130 and stderr == ""
    assert printed.strip().startswith("interrupted; run the same command again")


def test_a_second_interrupt_waits_for_dvc_as_the_first_does(small: Workspace) -> None:
    process = small.start(*command(), SLEEP="2", ENDING="slowly")
    while "Stage ahead" not in "".join(path.read_text() for path in small.root.glob("runs/repro.log")):
        assert process.poll() is None
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    printed, stderr = small.stop(process, signal.SIGINT)
    assert process.returncode == 130 and stderr == ""
    assert printed.splitlines()[-1].startswith("interrupted; run the same command again")
