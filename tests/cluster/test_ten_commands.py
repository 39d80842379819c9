"""docs/tracking.md, "From one laptop to three machines": its ten commands, as they are written, on three machines.

The machines are network namespaces with the addresses of the document. Programs are installed outside of them, since a
namespace does not reach the package index. The study has the document's name and is a small one.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.runtime.paths import ROOT
from inkproof.studies.results import read_results
from support.hosts import Host, available, network
from support.made_up import SLOW
from support.workspaces import clean_environment, git

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("machines"),
    pytest.mark.skipif(not available(), reason="needs root and iproute2, for network namespaces"),
]

SECTION = "## From one laptop to three machines\n"
STUDY: dict[str, Any] = {**SLOW, "seeds": [0, 1, 2, 3, 4, 5]}
INSTALLS = re.compile(r"make (setup|remote|cluster|\.venv/server)$")


def written() -> list[list[str]]:
    """The commands of the section, block by block."""
    text = (ROOT / "docs" / "tracking.md").read_text(encoding="utf-8")
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [[re.sub(r"\s+#.*", "", line) for line in block.splitlines()] for block in blocks]


def type_in(host: Host, command: str) -> str:
    """Run one command on a machine; programs are installed where the package index is."""
    if INSTALLS.match(command):
        environment = {**clean_environment(), **host.environment}
        done = subprocess.run(
            command.split(), cwd=host.clone, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    return host.run(*command.split(), seconds=1200)


def environment_of(clone: Path, **more: str) -> dict[str, str]:
    """What commands see in a clone whose .venv is activated."""
    path = clean_environment()["PATH"].partition(":")[2]
    return {"PATH": f"{clone / '.venv' / 'bin'}:{path}", "HOME": str(clone.parent), **more}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not in pytest's folder, which other accounts cannot enter: PostgreSQL refuses root."""
    place = Path("/var/tmp/inkproof-ten-commands")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def committed_copy(folder: Path) -> Path:
    """A repository with the files of this one as they are now, and the small study in place of the document's."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    clone = folder / "laptop" / "inkproof"
    for name in filter(None, listed.stdout.split("\0")):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    study = clone / "experiments" / "02-augmentation"
    shutil.rmtree(study)
    study.mkdir()
    (study / "study.yaml").write_text(yaml.safe_dump(STUDY))
    git(clone, "init", "--quiet")
    return clone


def test_ten_commands_take_a_study_to_three_machines(folder: Path):
    first, second, third = written()
    assert len([*first, *second, *third]) == 10
    place, address = "192.168.0", "http://192.168.0.10"
    clone = committed_copy(folder)
    with network((10, 11, 12), place):
        laptop = Host(10, clone, environment_of(clone), place)
        for command in ("make setup", "make remote", "make cluster", "make .venv/server"):
            type_in(laptop, command)
        # "The laptop has a server, the three variables of a client and a DVC remote."
        laptop.run("python", "src/server.py", "start")
        printed = laptop.run("python", "src/server.py", "user", "name=anna")
        laptop.run("python", "src/server.py", "stop")
        found = dict(re.findall(r"export (MLFLOW_TRACKING_\w+)=(\S+)", printed))
        client = {**found, "MLFLOW_TRACKING_URI": f"{address}:5000"}
        assert len(client) == 3
        keys = json.loads((clone / "server" / "passwords.json").read_text())
        laptop.run("dvc", "remote", "add", "--default", "store", "s3://inkproof/dvc")
        laptop.run("dvc", "remote", "modify", "store", "endpointurl", f"{address}:8333")
        laptop.run("dvc", "remote", "modify", "--local", "store", "access_key_id", keys["s3_key"])
        laptop.run("dvc", "remote", "modify", "--local", "store", "secret_access_key", keys["s3_secret"])
        laptop.run("dvc", "repro", "download@optdigits")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "The remote")
        laptop = Host(10, clone, environment_of(clone, **client), place)
        others = []
        try:
            for command in first:
                type_in(laptop, command)
            for number in (11, 12):
                home = folder / f"worker{number}"
                home.mkdir()
                own = home / "inkproof"
                host = Host(number, home, environment_of(own, **client), place)
                assert second[:2] == ["git clone ADDRESS inkproof", "cd inkproof"]
                type_in(host, second[0].replace("ADDRESS", str(clone)))
                host = Host(number, own, host.environment, place)
                shutil.copyfile(clone / ".dvc" / "config.local", own / ".dvc" / "config.local")
                for command in second[2:]:
                    if command.startswith("make worker"):
                        type_in(host, "make cluster")
                    type_in(host, command)
                others.append(host)

            output = type_in(laptop, third[0])

            assert "6 of 6 grid runs" in output
            assert len(read_results(clone / "experiments" / "02-augmentation" / "results.csv")) == 6
            trained = [len(list((host.clone / "runs").glob("optdigits-*/model.keras"))) for host in (laptop, *others)]
            assert sum(trained) == 6 and all(trained), f"runs on the three machines: {trained}"
            assert not (others[0].clone / "mlflow.db").exists()
        finally:
            for host in (laptop, *others):
                host.run(*third[1].split())
            laptop.run("python", "src/server.py", "stop")
