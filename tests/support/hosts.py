"""Three computers on this machine: network namespaces on a bridge, each with a clone of the repository of its own.

They share the processor and the files of the system, but no folder of the repository. Needs root and Debian's iproute2.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from support.workspaces import clean_environment

NETWORK = "10.77.41"
SERVER = f"{NETWORK}.254"  # where services of the machine itself answer
BRIDGE = "ink-br"


def available() -> bool:
    """Whether network namespaces can be made here."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


@dataclass(frozen=True)
class Host:
    """One computer: its number, its clone, what its commands see besides a clean environment, and its network."""

    number: int
    clone: Path
    environment: dict[str, str]
    subnet: str = NETWORK

    @property
    def name(self) -> str:
        return f"ink{self.number}"

    @property
    def address(self) -> str:
        return f"{self.subnet}.{self.number}"

    def start(self, *command: str, log: IO[str] | int = subprocess.DEVNULL, before: str = "") -> subprocess.Popen[str]:
        """Start a command in its clone; `before` are shell commands in its own mount and host name."""
        words = ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c"]
        script = f'hostname {self.name}; {before} cd "{self.clone}"; exec "$@"'
        return subprocess.Popen(
            [*words, script, "sh", *command],
            env={**clean_environment(), "INKPROOF_CLONE": str(self.clone), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log != subprocess.DEVNULL else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, seconds: float = 300) -> str:
        """Run a command in its clone, which must succeed; return what it printed."""
        process = self.start(*command, log=subprocess.PIPE)
        output, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0, f"{' '.join(command)}: {process.returncode}\n{output}"
        return output

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def cut_off(self) -> None:
        """Take its network cable out."""
        ip("link", "set", f"ink-v{self.number}", "down")

    def join(self) -> None:
        """Put its network cable back."""
        ip("link", "set", f"ink-v{self.number}", "up")


def ip(*words: str) -> None:
    """Run `ip`, which must succeed."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def network(numbers: Sequence[int], subnet: str = NETWORK) -> Iterator[None]:
    """Within the block, the hosts of these numbers see each other and, in NETWORK, SERVER.

    Another network is for them alone: this machine may have one of the same addresses.
    """
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        if subnet == NETWORK:
            ip("addr", "add", f"{SERVER}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number in numbers:
            name, cable = f"ink{number}", f"ink-v{number}"
            ip("netns", "add", name)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", cable, "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{subnet}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for number in numbers:
            Host(number, Path(), {}).kill()
            subprocess.run(["ip", "netns", "delete", f"ink{number}"], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)
