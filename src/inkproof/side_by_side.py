"""`dvc repro` with several stages at a time: DVC itself runs one after another."""

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import chdir
from pathlib import Path

from inkproof.errors import UserError

Graph = Mapping[str, set[str]]  # the stages that each stage depends on


def out_of_date(root: Path, targets: Sequence[str]) -> Graph:
    """Return the stages that `dvc repro` of `targets` (all if none) might run in `root`, with what each waits for.

    Those are the ones that changed, and all behind them. Raises UserError for a target that there is not.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with chdir(root), Repo() as repo:  # stages are named as seen from here
        try:
            wanted: Sequence[str | None] = targets or [None]
            stages = {stage for target in wanted for stage in repo.stage.collect(target, with_deps=bool(target))}
            changed = set(repo.status(targets=list(targets) or None, with_deps=True))
        except DvcException as error:
            raise UserError(" ".join(str(error).split())) from error
        graph = repo.index.graph
        waits = {one.addressing: {behind.addressing for behind in graph.successors(one)} for one in stages}
    run = changed & set(waits)
    while more := {stage for stage, behind in waits.items() if behind & run} - run:
        run |= more
    return {stage: waits[stage] & run for stage in sorted(run)}


def repro(root: Path, graph: Graph, jobs: int) -> None:
    """Run the stages of `graph`, `jobs` at a time and none before what it waits for.

    Each line that a stage prints has the stage's name before it. When one fails no further one is begun, those that
    run are waited for, and UserError says which it was.
    """
    left, done, failed = dict(graph), set[str](), list[str]()
    running: dict[Future[int], str] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while left or running:
            ready = [stage for stage, behind in left.items() if behind <= done]
            for stage in ready[: 0 if failed else jobs - len(running)]:
                del left[stage]
                running[pool.submit(_run, root, stage)] = stage
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                stage = running.pop(future)
                if future.result():
                    failed.append(stage)
                else:
                    done.add(stage)
    if failed:
        raise UserError(f"{', '.join(sorted(failed))}: failed, see above; mend it and give the same command again")


_PRINTING = threading.Lock()
# What DVC says after every stage, and the command that stands in dvc.yaml.
_ADVICE = (
    "> ",
    "Updating lock file",
    "To track the changes",
    "\tgit add",
    "To enable auto",
    "\tdvc config",
    "Use `dvc push`",
)


def _run(root: Path, stage: str) -> int:
    """Run one stage whether or not others depend on it; print its lines; return the exit code."""
    command = [str(Path(sys.executable).with_name("dvc")), "repro", "--single-item", stage]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() and not line.startswith(_ADVICE):
                with _PRINTING:
                    print(f"{stage}: {line}", end="", flush=True)
    return process.returncode
