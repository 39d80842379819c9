"""The supervisor on small stand-ins for the parts: what dies is started again, and nothing is left running."""

import asyncio
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import ServerConfig
from inkproof.runtime.errors import UserError
from inkproof.server import supervisor
from inkproof.server.parts import LOCAL, S3, Part
from support.ports import free_ports
from support.processes import alive, within

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# A part with a worker that outlives it, as those of MLflow.
WITH_WORKER = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEP!r})"]
ECHO = """
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline().upper())
socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The server's folder; whatever a test leaves running is killed."""
    monkeypatch.setattr(supervisor, "FOLDER", tmp_path)
    monkeypatch.setattr(supervisor, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(supervisor, "ADDRESS", tmp_path / "address")
    monkeypatch.setattr(supervisor, "PAUSES", (0.1, 1))
    (tmp_path / "logs").mkdir()
    yield tmp_path
    supervisor.end_marked()


@pytest.fixture(scope="module")
def config() -> ServerConfig:
    first = free_ports(12)
    with composing() as compose:
        return compose(ServerConfig, (f"port={first + 9}", f"s3_port={first + 10}", f"inner_port={first}", "wait=30"))


def running(name: str) -> list[int]:
    return sorted(process.pid for process in supervisor.marked(name))


def while_it_runs(config: ServerConfig, parts: list[Part], check: Callable[[], None]) -> None:
    """Run the parts, call `check` in another thread once all answer, and then stop them as `make server-stop` does."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            assert within(20, supervisor.ADDRESS.exists)
            check()
        except BaseException as error:
            failed.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    thread.start()
    asyncio.run(supervisor.Supervisor(config, parts).run())
    thread.join()
    if failed:
        raise failed[0]


def test_a_killed_part_is_started_again_without_its_old_workers(
    folder: Path, config: ServerConfig, capsys: pytest.CaptureFixture[str]
):
    part = Part("one", WITH_WORKER, ready=lambda: len(running("one")) == 2)

    def check() -> None:
        before = running("one")
        os.kill(before[0], signal.SIGKILL)
        assert within(20, lambda: len(running("one")) == 2 and not {*running("one")} & {*before})

    while_it_runs(config, [part], check)
    assert running("") == [] and not (folder / "address").exists()
    assert re.search(
        r"^\d{4}-\d\d-\d\d [\d:]{8} one: killed by signal 9; starts again in [\d.]+ s$", capsys.readouterr().out, re.M
    )


def test_a_part_stays_down_while_its_file_exists(folder: Path, config: ServerConfig):
    def check() -> None:
        (folder / "one.down").touch()
        for process in running("one"):
            os.kill(process, signal.SIGKILL)
        time.sleep(2)
        assert running("one") == []
        (folder / "one.down").unlink()
        assert within(20, lambda: running("one") != [])

    while_it_runs(config, [Part("one", SLEEP, ready=lambda: bool(running("one")))], check)


def test_s3_is_relayed_to_the_port_of_the_configuration(folder: Path, config: ServerConfig):
    inner = config.inner_port + S3

    def ask(port: int) -> bytes:
        with socket.create_connection((LOCAL, port), timeout=10) as client:
            client.sendall(b"hello\n")
            return client.recv(100)

    def ready() -> bool:
        try:
            return ask(inner) == b"HELLO\n"
        except OSError:
            return False

    def check() -> None:
        assert ask(config.s3_port) == b"HELLO\n"

    while_it_runs(config, [Part("store", [sys.executable, "-c", ECHO, str(inner)], ready)], check)


@pytest.mark.parametrize(
    ("part", "line"),
    [
        (
            Part("two", [sys.executable, "-c", "print('no disk'); raise SystemExit(3)"], lambda: False),
            "exit code 3 .*no disk",
        ),
        (
            Part("two", SLEEP, lambda: False, first=[sys.executable, "-c", "raise SystemExit(4)"]),
            r"first step .*code 4",
        ),
    ],
)
def test_a_part_that_does_not_start_is_one_line_and_nothing_is_left(
    folder: Path, config: ServerConfig, part: Part, line: str
):
    one = Part("one", WITH_WORKER, ready=lambda: len(running("one")) == 2)
    with pytest.raises(UserError, match=f"two: .*{line}"):
        asyncio.run(supervisor.Supervisor(config, [one, part]).run())
    assert running("") == []


def test_a_part_that_never_answers_is_one_line(folder: Path, config: ServerConfig):
    soon = config.model_copy(update={"wait": 1})
    with pytest.raises(UserError, match="one: no answer within wait=1 s"):
        asyncio.run(supervisor.Supervisor(soon, [Part("one", SLEEP, lambda: False)]).run())
    assert running("") == []


def test_only_processes_of_this_folder_are_ended(folder: Path, monkeypatch: pytest.MonkeyPatch):
    mine = {**os.environ, supervisor.MARK: f"{folder}:one"}
    other = {**os.environ, supervisor.MARK: f"{folder}-other:one"}
    started = [psutil.Popen(SLEEP, env=environment) for environment in (mine, other)]
    try:
        assert within(10, lambda: running("") == [started[0].pid])
        assert supervisor.end_marked() == 1
        assert not alive(started[0].pid) and alive(started[1].pid)
    finally:
        started[1].kill()
        started[1].wait()
