"""A real server: users, killed parts, outages, restarts, mistakes, and trainings that meet an outage."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from support.processes import within
from support.tracking_server import Server
from support.workspaces import Workspace

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("server")]

EPOCHS, AT_ONCE, OUTAGE = 150, 4, 60  # seconds
TRAIN = ("python", "src/train.py", "data=optdigits", "model=dense", "training.train_size=400", "callbacks=last")


def answers(server: Server) -> bool:
    return any("answer on" in line for line in server.status())


def kill(server: Server, part: str) -> None:
    os.kill(server.process(part), signal.SIGKILL)


def test_a_second_start_says_that_it_runs(server: Server):
    assert server.run("start").stdout.startswith("The server runs already.")


def test_only_users_get_in_and_share_experiments(server: Server):
    anna, ben = server.new_user("anna"), server.new_user("ben")
    api = f"{server.address}/api/2.0/mlflow"

    def ask(path: str, user: dict[str, str] | None, **body: str) -> requests.Response:
        auth = (user["MLFLOW_TRACKING_USERNAME"], user["MLFLOW_TRACKING_PASSWORD"]) if user else None
        return requests.post(f"{api}/{path}", json=body, auth=auth, timeout=60)

    assert ask("experiments/create", None, name="shared").status_code == 401
    assert ask("experiments/create", {**anna, "MLFLOW_TRACKING_PASSWORD": "wrong"}, name="shared").status_code == 401
    number = ask("experiments/create", anna, name="shared").json()["experiment_id"]
    assert ask("runs/create", ben, experiment_id=number).status_code == 200
    assert ask("experiments/delete", ben, experiment_id=number).status_code == 403
    assert ask("users/create", ben, username="carl", password="a-long-password").status_code == 403
    assert ask("experiments/delete", anna, experiment_id=number).status_code == 200
    assert "there is such a user" in server.run("user", "name=anna", code=2).stderr


def test_an_alias_of_another_users_model_stays_and_a_line_says_so(server: Server):
    owner, other = server.new_user("olga"), server.new_user("paul")
    make = (
        "from mlflow import MlflowClient\n"
        "client = MlflowClient()\n"
        "client.create_registered_model('theirs')\n"
        "client.create_model_version('theirs', 's3://inkproof/mlflow/theirs')\n"
        "client.set_registered_model_alias('theirs', 'deploy', '1')\n"
    )
    remove = (
        "import sys; sys.path.append('src')\n"
        "from inkproof.tracking.mlflow_tracker import Tracker\n"
        "from inkproof.tracking.registry import DEPLOY, remove_alias\n"
        "remove_alias(Tracker(), DEPLOY, 'theirs')\n"
        "print(list(Tracker().client.get_registered_model('theirs').aliases))\n"
    )
    server.workspace.run("python", "-c", make, **owner)

    refused = server.workspace.run("python", "-c", remove, **other)
    allowed = server.workspace.run("python", "-c", remove, **owner)

    assert refused.stdout.endswith("['deploy']\n")
    assert "theirs: the alias deploy stays: only the user who made this" in refused.stderr
    assert allowed.stdout.endswith("[]\n")


def test_nothing_but_two_ports_is_for_others_and_passwords_are_the_owners(server: Server):
    passwords = server.folder / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    secret = re.compile("|".join(one for name, one in json.loads(passwords.read_text()).items() if name != "s3_key"))
    commands = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(server.folder) in commands and not secret.search(commands)
    logs = "".join(path.read_text(errors="replace") for path in (server.folder / "logs").iterdir())
    assert "answers" in logs and not secret.search(logs)
    # Of all ports that its processes listen at, two are for others.
    listening = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(server.workspace.root):
                found = process.net_connections("tcp")
                listening |= {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}
    ports = [int(word.partition("=")[2]) for word in server.words[:3]]
    assert {port for ip, port in listening if ip != "127.0.0.1"} == {*ports[:2]}
    assert {port for ip, port in listening if ip == "127.0.0.1"} == {*range(ports[2], ports[2] + 9)}
    # PostgreSQL asks for the password on this machine, too.
    login = ["-c", "import psycopg, sys; psycopg.connect(sys.argv[1])"]
    port = server.words[2].partition("=")[2]
    done = server.workspace.run("python", *login, f"postgresql://inkproof@127.0.0.1:{port}/postgres", code=1)
    assert "no password supplied" in done.stderr
    assert requests.get(f"{server.s3}/inkproof/mlflow/health/probe", timeout=60).status_code == 403


@pytest.mark.parametrize("part", ["postgres", "store", "mlflow"])
def test_a_killed_part_is_back_within_a_minute(server: Server, part: str):
    before = server.process(part)
    kill(server, part)
    began = time.monotonic()
    assert within(90, lambda: answers(server) and server.process(part) != before)
    print(f"{part}: back after {time.monotonic() - began:.0f} s")
    assert f"{part}: killed by signal 9; starts again in " in (server.folder / "logs" / "supervisor.log").read_text()


def test_four_trainings_lose_nothing_when_database_and_store_are_away_for_a_minute(
    server: Server, new_workspace: Callable[[], Workspace]
):
    client = Workspace(new_workspace().root, server.new_user("dora"))
    words = (*TRAIN, f"training.epochs={EPOCHS}")
    started = [client.start(*words, f"seed={seed}") for seed in range(AT_ONCE)]
    try:
        assert within(240, lambda: len(epochs(client)) == AT_ONCE and min(epochs(client)) >= 3), epochs(client)
        for part in ("postgres", "store"):
            (server.folder / f"{part}.down").touch()
            kill(server, part)
        reached = epochs(client)
        assert max(reached) < EPOCHS, reached
        time.sleep(OUTAGE)
        waited = epochs(client)
        for part in ("postgres", "store"):
            (server.folder / f"{part}.down").unlink()
        began = time.monotonic()
        ended = [process.communicate(timeout=500) for process in started]
    finally:
        for process in started:
            if process.poll() is None:
                client.stop(process)
    assert [process.returncode for process in started] == [0] * AT_ONCE, ended
    print(f"epochs before the outage: {reached}, in it: {waited}; all ended {time.monotonic() - began:.0f} s after it")
    check = """
import mlflow
client = mlflow.MlflowClient()
number = client.get_experiment_by_name("optdigits").experiment_id
for run in client.search_runs([number]):
    steps = sorted(point.step for point in client.get_metric_history(run.info.run_id, "epoch/loss"))
    print(run.info.status, steps == list(range(1, EPOCHS + 1)), *sorted(
        one.path for one in client.list_artifacts(run.info.run_id, "artifacts")))
""".replace("EPOCHS", str(EPOCHS))
    lines = client.run("python", "-c", check).stdout.splitlines()
    names = " ".join(f"artifacts/{name}" for name in ("history.csv", "log.txt", "model.keras", "run.json"))
    assert lines == [f"FINISHED True {names}"] * AT_ONCE
    # A client without its files gets them back from the server.
    for folder in (client.root / "runs").iterdir():
        (folder / "model.keras").unlink()
    assert "reused" in client.run(*words, "seed=0").stdout


def test_a_training_that_ends_while_the_store_is_away_waits_for_it(
    server: Server, new_workspace: Callable[[], Workspace]
):
    client = Workspace(new_workspace().root, server.new_user("fay"))
    down = server.folder / "store.down"
    down.touch()
    kill(server, "store")
    process = client.start(*TRAIN, "training.epochs=2", "seed=9")
    try:
        assert within(120, lambda: list(client.root.glob("runs/*/model.keras")) != [])  # then it logs its artifacts
        time.sleep(10)
        assert process.poll() is None
    finally:
        down.unlink()
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "validation accuracy" in out, err
    shutil.rmtree(client.root / "runs")
    assert "reused" in client.run(*TRAIN, "training.epochs=2", "seed=9").stdout


def epochs(client: Workspace) -> list[int]:
    """How many epochs each training of a workspace has behind it."""
    found = client.root.glob("runs/*/log.txt")
    return [len(re.findall(r"Epoch \d+/", path.read_text())) - 1 for path in found]


def test_a_restart_goes_on_with_the_same_data_and_passwords(server: Server):
    eva = server.new_user("eva")
    kept = (server.folder / "passwords.json").read_text()
    assert server.run("stop").stdout == "The server is stopped.\n"
    assert not [line for line in processes() if str(server.folder) in line]
    assert "the server does not run" in server.run("status", code=2).stderr
    began = time.monotonic()
    server.run("start")
    print(f"started in {time.monotonic() - began:.0f} s")
    assert (server.folder / "passwords.json").read_text() == kept
    auth = (eva["MLFLOW_TRACKING_USERNAME"], eva["MLFLOW_TRACKING_PASSWORD"])
    asked = requests.get(f"{server.address}/api/2.0/mlflow/users/get?username=eva", auth=auth, timeout=60)
    assert asked.status_code == 200


def test_a_killed_supervisor_leaves_nothing_that_hinders_the_next_start(server: Server):
    os.kill(int((server.folder / "pid").read_text()), signal.SIGKILL)
    server.run("start")
    assert answers(server)
    assert "that a killed supervisor had left" in (server.folder / "logs" / "supervisor.log").read_text()


def processes() -> list[str]:
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("mistake", ["port", "database", "s3"])
def test_a_mistake_is_one_line_and_leaves_nothing_behind(server: Server, workspace: Workspace, mistake: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.listen()
        words = {
            "port": (f"port={port}",),
            "database": ("port=29990", "s3_port=29991", "database=postgresql://me@127.0.0.1:1/mlflow"),
            "s3": ("port=29990", "inner_port=29980", "s3=http://127.0.0.1:1"),
        }[mistake]
        line = workspace.fails("python", "src/server.py", "start", *words)
    expected = {"port": f"port {port} is taken", "database": "refused", "s3": "nothing answers there"}[mistake]
    assert line.startswith(f"server.py: error: {mistake}") and expected in line, line
    assert not [one for one in processes() if str(workspace.root) in one]


def test_the_parts_of_others_are_used_by_their_addresses(server: Server, new_workspace: Callable[[], Workspace]):
    """Another server on the first one's PostgreSQL and S3: it sees the same users and experiments."""
    known: dict[str, Any] = json.loads((server.folder / "passwords.json").read_text())
    inner = int(server.words[2].partition("=")[2])
    environment = {
        "PGPASSWORD": known["postgres"],
        "AWS_ACCESS_KEY_ID": known["s3_key"],
        "AWS_SECRET_ACCESS_KEY": known["s3_secret"],
    }
    second = Workspace(new_workspace().root, environment)
    (second.root / "server").mkdir(mode=0o700)
    (second.root / "server" / "passwords.json").write_text(json.dumps(known))
    words = ("port=29990", f"database=postgresql://inkproof@127.0.0.1:{inner}/postgres", f"s3={server.s3}")
    try:
        second.run("python", "src/server.py", "start", *words)
        second.run("python", "src/server.py", "status", *words)
        assert not (second.root / "server" / "postgres").exists() and not (second.root / "server" / "store").exists()
    finally:
        second.run("python", "src/server.py", "stop", *words)
    wrong = second.run("python", "src/server.py", "start", *words, code=2, PGPASSWORD="wrong").stderr
    assert wrong.count("\n") == 1 and "password authentication failed" in wrong
