"""The server with idle and slow connections, and with requests that compute for long: others are answered meanwhile."""

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

from inkproof.app.api import Catalog, api
from inkproof.app.payload import Gate, RequestError, errors_as_json
from inkproof.runtime.paths import ROOT
from support.web_app import LIMITS, PRETRAINED
from support.web_server import Server, serving
from support.workspaces import TIMEOUT

pytestmark = pytest.mark.xdist_group("web load")

IDLE, SLOW = 200, 120
SOON = 1.0  # seconds for an honest request
HONEST = {"strokes": [[[140, 30], [140, 250]]]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("busy") / "app.db") as server:
        server.ask("POST", "/api/recognise", HONEST)
        yield server


@contextmanager
def connections(server: Server, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT))
            one.sendall(first)
            opened.append(one)
        yield opened


def seconds_of_honest_requests(server: Server) -> list[float]:
    taken = []
    for _ in range(10):
        began = time.monotonic()
        status, content = server.ask("POST", "/api/recognise", HONEST)
        taken.append(time.monotonic() - began)
        assert (status, content["digit"]) == (200, 1)
    return sorted(taken)


def test_idle_connections_keep_nobody_out(server: Server):
    with connections(server, IDLE) as idle:
        taken = seconds_of_honest_requests(server)
        assert taken[-1] < SOON, taken
        with connections(server, 1, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as [new]:
            assert new.recv(100).startswith(b"HTTP/1.1 200")
        assert idle[0].recv(1) == b"", "the oldest was closed"
    print(f"{IDLE} idle connections: median {taken[5]:.3f} s, longest {taken[-1]:.3f} s")


def test_slow_headers_keep_nobody_out(server: Server):
    stop = threading.Event()
    with connections(server, SLOW, b"GET / HTTP/1.1\r\nHost: localhost\r\n") as slow:

        def drip() -> None:
            while not stop.wait(0.2):
                for one in slow:
                    with suppress(OSError):  # closed for a newer one
                        one.sendall(b"X-More: 1\r\n")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            taken = seconds_of_honest_requests(server)
        finally:
            stop.set()
            dripping.join()
    assert taken[-1] < SOON, taken
    print(f"{SLOW} slow headers: median {taken[5]:.3f} s, longest {taken[-1]:.3f} s")


def test_a_connection_in_use_outlives_idle_ones(server: Server):
    used = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    used.connect()
    own = used.sock
    for _ in range(3):
        with connections(server, 90):
            used.request("GET", "/healthz")
            assert used.getresponse().read()
    assert used.sock is own, "it was not opened again"
    used.close()


def test_long_strokes_do_not_hold_up_others(server: Server):
    """The most work that the limits allow, and the 40 KB that took three seconds each in the first version."""
    far = [[0, 0] if index % 2 else [1, 1] for index in range(4000)]
    refused = server.ask("POST", "/api/recognise", {"strokes": [far], "canvas": [1, 1]})
    assert refused == (422, {"error": "strokes: longer than 200 sides of the canvas in total"})
    most = {"strokes": [[[30, 30] if index % 2 else [39.8, 39.8] for index in range(4000)]]}

    def heavy(_: int) -> tuple[int, float]:
        began = time.monotonic()
        return server.ask("POST", "/api/recognise", most)[0], time.monotonic() - began

    with ThreadPoolExecutor(16) as pool:
        requests = [pool.submit(heavy, number) for number in range(16)]
        time.sleep(0.1)
        began = time.monotonic()
        assert server.ask("GET", "/healthz")[0] == 200
        waited = time.monotonic() - began
        results = [one.result() for one in requests]
    assert {status for status, _ in results} <= {200, 503}
    assert waited < SOON
    print(f"beside 16 long drawings: {waited:.3f} s; the longest of them {max(taken for _, taken in results):.3f} s")


def test_too_many_requests_at_once_get_503():
    gate = Gate(running=1, waiting=1)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with gate.turn():
            inside.set()
            leave.wait(TIMEOUT)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert inside.wait(TIMEOUT)
        second = pool.submit(hold)
        while gate._places._value:
            time.sleep(0.001)
        with pytest.raises(RequestError) as refused, gate.turn():
            pass
        assert refused.value.status == 503 and "try again" in refused.value.reason
        leave.set()
        first.result(), second.result()
    with gate.turn():
        pass


@pytest.mark.parametrize("number", ["true", "false"])
def test_an_image_waits_for_its_turn(number: str):
    """Also one digit: whether a rejected image shows several takes hundreds of predictions."""
    app, gate = Flask(__name__), Gate(running=1, waiting=0)
    errors_as_json(app)
    app.register_blueprint(api(Catalog(lambda: {"pretrained": PRETRAINED}), LIMITS, 20.0, gate))

    def status() -> int:
        form = {"image": (io.BytesIO((ROOT / "docs" / "sample.png").read_bytes()), "sample.png"), "number": number}
        return app.test_client().post("/api/recognise", data=form).status_code

    with gate.turn():
        assert status() == 503
    assert status() == 200


@pytest.mark.parametrize("host", ["::1", "LOCALHOST", "localhost"])
def test_it_serves_under_any_spelling_of_this_machine(host: str, tmp_path: Path):
    if host == "::1":
        with socket.socket(socket.AF_INET6) as tried:
            try:
                tried.bind(("::1", 0))
            except OSError:
                pytest.skip("this machine has no IPv6")
    with serving(tmp_path / "app.db", f"host={host}") as server:
        assert server.ask("POST", "/api/recognise", HONEST)[0] == 200
        named = f"[{host}]" if ":" in host else host
        connection = http.client.HTTPConnection(host, server.port, timeout=TIMEOUT)
        own = {"Host": f"{named}:{server.port}", "Origin": f"http://{named.lower()}:{server.port}"}
        connection.request("POST", "/api/recognise", json.dumps(HONEST), {"Content-Type": "application/json", **own})
        assert connection.getresponse().status == 200
        connection.close()


def test_an_address_that_cannot_be_split_is_answered_and_leaves_no_trace_in_the_terminal(tmp_path: Path):
    with serving(tmp_path / "app.db") as server:
        with connections(server, 1, b"GET http://[ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as (one,):
            assert one.recv(100).startswith(b"HTTP/1.1 400 Bad Request")
        assert server.ask("GET", "/healthz")[0] == 200
    assert server.process.stdout is not None and "exception" not in server.process.stdout.read()
