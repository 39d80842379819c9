"""`dvc repro` with several stages at a time: DVC itself runs one after another."""

import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import chdir
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from inkproof.errors import UserError

Graph = Mapping[str, set[str]]  # the stages that each stage depends on


def out_of_date(root: Path, targets: Sequence[str]) -> Graph:
    """Return the stages that `dvc repro` of `targets` (all if none) might run in `root`, with what each waits for.

    Those are the ones that changed, and all behind them. Raises UserError for a target that there is not.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    _mend_lock(root)
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


def _mend_lock(root: Path) -> None:
    """Put dvc.lock back as git has it where it is no YAML: DVC writes it in place, and one that is killed then cuts it.

    What was done since comes from DVC's cache, without being computed again.
    """
    path = root / "dvc.lock"
    try:
        if not path.exists() or isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict):
            return
    except (yaml.YAMLError, UnicodeDecodeError):
        pass
    command = ["git", "checkout", "--quiet", "--", path.name]
    if subprocess.run(command, cwd=root, capture_output=True, check=False).returncode:
        path.unlink()
    print(
        "dvc.lock was cut short when DVC was killed: put back as it was committed; what is done is not computed again"
    )


def repro(root: Path, graph: Graph, jobs: int) -> None:
    """Run the stages of `graph`, `jobs` at a time and none before what it waits for.

    First come those with most stages behind them, one after another, so that all processors are busy to the end.
    Each line that a stage prints has the stage's name before it. When one fails no further one is begun, those that
    run are waited for, and UserError says which it was.
    """
    behind = _behind(graph)
    left, done, failed = set(graph), set[str](), list[str]()
    running: dict[Future[str | None], list[str]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while left or running:
            while not failed and len(running) < jobs and (ready := [one for one in left if graph[one] <= done]):
                chain = _chain(graph, min(ready, key=lambda one: (-behind[one], one)), done)
                left -= set(chain)
                running[pool.submit(_run, root, chain)] = chain
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chain = running.pop(future)
                if stage := future.result():
                    failed.append(stage)
                else:
                    done.update(chain)
    if failed:
        raise UserError(f"{', '.join(sorted(failed))}: failed, see above; mend it and give the same command again")


def _behind(graph: Graph) -> dict[str, int]:
    """How many stages the longest way from each stage to the end has."""
    behind = dict.fromkeys(graph, 0)
    for stage in reversed(list(TopologicalSorter(graph).static_order())):
        for one in graph[stage]:
            behind[one] = max(behind[one], behind[stage] + 1)
    return behind


def _chain(graph: Graph, first: str, done: Set[str]) -> list[str]:
    """`first`, and what one process of DVC may do after it: the one stage that waits for that alone, and so on."""
    chain = [first]
    while len(then := [one for one, waits in graph.items() if chain[-1] in waits and waits <= {*done, *chain}]) == 1:
        chain += then
    return chain


_PRINTING = threading.Lock()
_BEGUN = re.compile(r"(?:Running stage|Stage) '([^']+)'")
# What DVC says after every stage, and the command that stands in dvc.yaml.
_ADVICE = (
    "> ",
    "Updating lock file",
    "To track the changes",
    "\tgit add",
    "To enable auto",
    "\tdvc config",
    "Use `dvc push`",
    "WARNING: Process '",  # that was killed some time, once a file that it had locked
)


def _run(root: Path, stages: Sequence[str]) -> str | None:
    """Run stages one after another, whether or not others depend on them, and print their lines.

    Returns the one that failed, or None.
    """
    # Without waiting, DVC gives up after three seconds in which another one reads or writes dvc.lock.
    command = [str(Path(sys.executable).with_name("dvc")), "--wait-for-lock", "repro", "--single-item", *stages]
    stage = stages[0]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if begun := _BEGUN.match(line):
                stage = begun[1]
            if line.strip() and not line.startswith(_ADVICE):
                with _PRINTING:
                    print(f"{stage}: {line}", end="", flush=True)
    return stage if process.returncode else None
