"""python src/app.py: fast start, requests, quiet end, and messages for mistakes of the user."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inkproof.runtime.paths import ROOT
from support.web_app import to_keep
from support.web_server import serving
from support.workspaces import TIMEOUT

SECONDS = 3.0  # of processor time until the first response, which does not depend on the load of the machine


def fails(*words: str) -> str:
    command = [sys.executable, str(ROOT / "src" / "app.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 2 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("app.py: error: "), done.stderr
    return lines[0]


def test_it_starts_fast_serves_requests_and_ends_quietly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forbidden = tmp_path / "forbidden"
    forbidden.mkdir()
    for name in ("tensorflow", "keras", "mlflow"):
        (forbidden / f"{name}.py").write_text("import os\nos._exit(77)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(forbidden), os.environ.get("PYTHONPATH", "")]))
    with serving(tmp_path / "app.db") as server:
        assert server.ask("GET", "/healthz")[0] == 200
        used = psutil.Process(server.process.pid).cpu_times()
        assert used.user + used.system < SECONDS
        assert server.ask("POST", "/api/recognise", {"strokes": [[[140, 30], [140, 250]]]})[1]["digit"] == 1
        status, kept = server.ask("POST", "/api/drawings", to_keep())
        assert status == 201 and server.ask("GET", f"/api/drawings/{kept['id']}") == (200, kept)
        assert server.ask("POST", "/api/drawings", {"label": 1})[0] == 400
    assert server.process.returncode == 0
    assert server.process.stdout.read() == "", "no further line"
    assert {path.name for path in tmp_path.iterdir()} == {"forbidden", "app.db"}, "no log file stays"


def test_a_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        line = fails(f"port={port}")
        assert f"port={port}" in line and f"port={port + 1}" in line


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("port=many", ["port=many", "whole number"]),
        ("port=70000", ["port=70000", "65,535"]),
        ("pixels=0", ["pixels=0"]),
        ("hosts=me", ["hosts=me", "list"]),
        ("host=nowhere.invalid", ["nowhere.invalid"]),
        ("prot=1", ["prot", "did you mean port?"]),
    ],
)
def test_a_mistake_is_one_line(word: str, parts: list[str]):
    line = fails(word)
    assert all(part in line for part in parts), line


def test_another_host_name_can_be_configured(tmp_path: Path):
    import http.client

    def status(port: int, host: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status

    with serving(tmp_path / "app.db", "hosts=[my-tablet.local]") as server:
        assert status(server.port, "my-tablet.local:1") == 200
        assert status(server.port, "your-tablet.local") == 400
