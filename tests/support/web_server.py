"""The server as a user starts it, in its own process on a free port."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkproof.runtime.paths import ROOT
from support.workspaces import TIMEOUT


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send JSON; return the status and the content of the response."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                content = response.read()
                return response.status, json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@contextmanager
def serving(database: Path, *words: str) -> Iterator[Server]:
    """Yield a server that keeps drawings in `database`; it is interrupted at the end if it still runs."""
    command = [sys.executable, str(ROOT / "src" / "app.py"), "port=0", f"database={database}", *words]
    process = subprocess.Popen(
        command,
        cwd=database.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background job ignores interrupts, and a child process would, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://\S+:\d+", line)
        assert address, line + process.stdout.read()
        yield Server(process, address[0])
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(TIMEOUT)
        finally:
            process.kill()
