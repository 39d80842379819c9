"""A study on three machines with clones of their own: one is killed, one is cut off for a minute, and it ends whole.

`make test-cluster` runs this, as root, with Debian's iproute2, munge and slurm-wlm.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.studies.results import Row, read_results
from support.hosts import SERVER, Host, available, network
from support.made_up import SLOW
from support.processes import within
from support.workspaces import Workspace, clean_environment

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("machines"),
    pytest.mark.skipif(not available(), reason="needs root and iproute2, for network namespaces"),
]

NAME = "80-on-machines"
STUDY: dict[str, Any] = {**SLOW, "fixed": {**SLOW["fixed"], "training.epochs": 30}, "seeds": [0, 1, 2, 3, 4, 5]}
PORT = 5941
TRACKER = f"http://{SERVER}:{PORT}"


def with_study(workspace: Workspace) -> Path:
    folder = workspace.root / "experiments" / NAME
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return folder / "results.csv"


@pytest.fixture(scope="module")
def one_machine(new_workspace: Callable[[], Workspace]) -> dict[str, Row]:
    """The table of the study as one machine makes it, without a server."""
    workspace = new_workspace()
    table = with_study(workspace)
    workspace.run("python", "src/study.py", "run", f"experiments/{NAME}", "--launcher", "joblib", "--jobs", "2")
    return read_results(table)


@pytest.fixture
def hosts(new_workspace: Callable[[], Workspace], tmp_path: Path) -> Iterator[list[Host]]:
    """Three machines that see a tracking server."""
    with network((1, 2, 3)):
        store = ("--backend-store-uri", f"sqlite:///{tmp_path / 'store.db'}", "--artifacts-destination", str(tmp_path))
        command = ("mlflow", "server", "--workers", "1", *store, "--host", SERVER, "--port", str(PORT))
        server = subprocess.Popen(
            command, env={**clean_environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, start_new_session=True
        )
        try:
            found = []
            for number in (1, 2, 3):
                workspace = new_workspace()
                with_study(workspace)
                own = {"MLFLOW_TRACKING_URI": TRACKER, "HOME": str(tmp_path)}
                found.append(Host(number, workspace.root, own))
            answers = f"import urllib.request; urllib.request.urlopen('{TRACKER}/health')"
            assert within(60, lambda: not found[0].start("python", "-c", answers).wait()), "no tracking server"
            yield found
        finally:
            server.terminate()
            server.wait()


def epochs(host: Host) -> int:
    """How many epochs the grid run has behind it that now runs on a host; 0 without one."""
    logs = [path for path in (host.clone / "runs").glob("*/log.txt") if not path.with_name("model.keras").exists()]
    return max((path.read_text().count(" Epoch ") - 1 for path in logs), default=0)


def ends_whole(study: subprocess.Popen[str], hosts: list[Host], one_machine: dict[str, Row]) -> None:
    """Kill the second host and cut off the third while both train, then see that the table is that of one machine."""
    _, killed, cut = hosts
    assert within(240, lambda: epochs(killed) > 2 and epochs(cut) > 2), "the machines do not train"
    killed.kill()
    cut.cut_off()
    time.sleep(60)
    cut.join()
    output, _ = study.communicate(timeout=900)
    assert study.returncode == 0, output
    assert "6 of 6 grid runs" in output
    rows = read_results(hosts[0].clone / "experiments" / NAME / "results.csv")
    assert {key: row.metrics for key, row in rows.items()} == {key: row.metrics for key, row in one_machine.items()}
    assert len({row.run for row in rows.values()}) == 6
    import mlflow

    client = mlflow.MlflowClient(TRACKER)
    for row in rows.values():
        assert client.get_run(row.run).info.status == "FINISHED"
        steps = {point.step for point in client.get_metric_history(row.run, "epoch/loss")}
        assert steps == set(range(1, 31)), "an epoch is missing"


def run_study(host: Host, *how: str, before: str = "") -> subprocess.Popen[str]:
    command = ("python", "src/study.py", "run", f"experiments/{NAME}", "--threads", "1", *how)
    return host.start(*command, log=subprocess.PIPE, before=before)


def test_ray(hosts: list[Host], one_machine: dict[str, Row]):
    pytest.importorskip("ray", reason="not installed: `make cluster` adds it")
    head, *others = hosts
    address = f"{head.address}:6379"
    # What `make head` and `make worker` run, but for the number of cores and the address of a host in a namespace.
    options = ("--num-cpus=1", "--disable-usage-stats")
    head.run("ray", "start", "--head", f"--node-ip-address={head.address}", "--port=6379", *options)
    for host in others:
        host.run("ray", "start", f"--address={address}", f"--node-ip-address={host.address}", *options)
    ends_whole(run_study(head, "--launcher", "ray", "--address", address), hosts, one_machine)
    head.run("ray", "stop")


# A machine counts as dead after 90 s without an answer, so that one that is cut off for a minute goes on with its work.
SLURM = """\
ClusterName=test
SlurmctldHost=ink1({head})
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
SlurmdTimeout=90
NodeName=ink1 NodeAddr={head} CPUs=1 RealMemory=4000
NodeName=ink2 NodeAddr={second} CPUs=1 RealMemory=4000
NodeName=ink3 NodeAddr={third} CPUs=1 RealMemory=4000
PartitionName=main Nodes=ink1,ink2,ink3 Default=YES MaxTime=INFINITE State=UP
"""


def test_slurm(hosts: list[Host], one_machine: dict[str, Row], tmp_path: Path):
    pytest.importorskip("submitit", reason="not installed: `make cluster` adds it")
    if not shutil.which("slurmctld"):
        pytest.skip("needs Debian's slurm-wlm and munge")
    head, *others = hosts
    folder = tmp_path / "slurm"
    for name in ("state", "spool-ink1", "spool-ink2", "spool-ink3", "jobs", "cgroup"):
        (folder / name).mkdir(parents=True)
    addresses = {"head": head.address, "second": others[0].address, "third": others[1].address}
    (folder / "slurm.conf").write_text(SLURM.format(folder=folder, **addresses))
    (folder / "cgroup.conf").write_text(f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={folder / 'cgroup'}\n")
    (folder / "key").write_bytes(bytes(range(64)) * 2)
    (folder / "key").chmod(0o400)
    # Every machine has its clone at the same place, and sees the folder of the job files.
    place = head.clone
    jobs = f"runs/studies/{NAME}/jobs"
    for host in hosts:
        (host.clone / jobs).mkdir(parents=True)
    own = [
        Host(host.number, host.clone, {**host.environment, "SLURM_CONF": str(folder / "slurm.conf")}) for host in hosts
    ]
    shared = f'mount --bind "{folder / "jobs"}" "$PWD/{jobs}";'
    with ExitStack() as running:
        files = [f"--{name}-file={folder / name}" for name in ("key", "pid", "log", "seed")]
        munged = subprocess.Popen(["munged", "--foreground", "--force", f"--socket={folder / 'munge'}", *files])
        running.callback(munged.wait)
        running.callback(munged.terminate)
        assert within(20, (folder / "munge").exists), "munged does not start"
        own[0].start("slurmctld", "-D")
        for host in own:
            at_place = f'cd "{host.clone}"; {shared} mount --rbind "{host.clone}" "{place}";'
            host.start("slurmd", "-D", "-N", host.name, before=at_place)
        idle = lambda: own[0].run("sinfo", "--noheader", "--format=%T").strip() == "idle"  # noqa: E731
        assert within(60, idle), "SLURM does not start"
        study = run_study(own[0], "--launcher", "slurm", "--jobs", "3", before=f'cd "{place}"; {shared}')
        ends_whole(study, own, one_machine)


def test_the_command_of_a_worker_names_what_differs(new_workspace: Callable[[], Workspace]):
    workspace = new_workspace()
    with_study(workspace)
    line = workspace.fails("python", "src/study.py", "grid-run", f"experiments/{NAME}", "0123456789", "-", "1", "")
    assert line.startswith(f"study.py: error: {NAME}: no grid run 0123456789 in ")
    assert line.endswith("update this clone")
