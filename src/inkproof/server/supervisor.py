"""Keep the parts of the server running: started in order, started again when they die, and stopped together.

A part whose file server/NAME.down exists stays down until the file is deleted: for repairs, and for tests.
"""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from inkproof.config.stages import ServerConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.server.parts import FOLDER, LOCAL, S3, Part, address, as_account, clean_environment

MARK = "INKPROOF_SERVER"  # the variable by which the processes of a part are known
LOGS = FOLDER / "logs"
ADDRESS = FOLDER / "address"  # while everything answers, it holds MLflow's address
LARGE = 10_000_000  # bytes of a log, which is then kept as NAME.log.old
PAUSES = (1, 30)  # seconds before a part is started again: at first, and at most
STOPPING = 20  # seconds until a part that does not stop is killed


def marked(name: str = "") -> Iterator[psutil.Process]:
    """Yield the processes of the part `name` of this folder's server, or of all its parts."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mark = process.environ().get(MARK, "")
            if mark == f"{FOLDER}:{name}" if name else mark.startswith(f"{FOLDER}:"):
                yield process


def end_marked(name: str = "") -> int:
    """Kill what is left of a part, or of all: workers outlive a part that was killed, and hold its port.

    Returns how many processes there were.
    """
    found = list(marked(name))
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=STOPPING)
    return len(found)


def log(line: str) -> None:
    """Print a line with the time; the supervisor's output is server/logs/supervisor.log."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", flush=True)


class Supervisor:
    """The parts of one server while it runs; `run` returns when SIGTERM or SIGINT asks for it."""

    def __init__(self, config: ServerConfig, parts: list[Part]) -> None:
        self._config, self._parts = config, parts
        self._running: dict[str, Process] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._complete = False

    async def run(self) -> None:
        """Start everything, keep it running, and stop it in the end; UserError if a part does not start."""
        asked = asyncio.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, asked.set)
        waiting, starting = asyncio.create_task(asked.wait()), asyncio.create_task(self._start())
        try:
            await asyncio.wait({waiting, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.is_set():
                relay = starting.result()  # raises what went wrong
                write_text(ADDRESS, address(self._config) + "\n")
                log(f"everything answers; MLflow is on {address(self._config)}")
                await asked.wait()
                if relay is not None:
                    relay.close()
            log("stopping")
        finally:
            ADDRESS.unlink(missing_ok=True)
            self._stopping = True
            starting.cancel()
            await self._stop()

    async def _start(self) -> asyncio.Server | None:
        """Start the parts one after another, each when the one before answers, and open the port of S3."""
        relay = None
        end = time.monotonic() + self._config.wait
        for part in self._parts:
            task = self._keeping[part.name] = asyncio.create_task(self._keep(part))
            while not await asyncio.to_thread(part.ready):
                if task.done():
                    task.result()
                if time.monotonic() > end:
                    raise UserError(f"{part.name}: no answer within wait={self._config.wait} s; see {_log_of(part)}")
                await asyncio.sleep(0.3)
            log(f"{part.name}: answers")
            if part.name == "store":
                relay = await asyncio.start_server(self._relay, self._config.host, self._config.s3_port)
        self._complete = True
        return relay

    async def _keep(self, part: Part) -> None:
        """Run a part, again and again once the server is complete."""
        pause, down = PAUSES[0], FOLDER / f"{part.name}.down"
        while not self._stopping:
            if down.exists():
                await asyncio.sleep(PAUSES[0])
                continue
            end_marked(part.name)
            log(f"{part.name}: starts")
            if part.first is not None and (code := await self._run(part, part.first)):
                how = f"its first step failed ({_how(code)})"
            else:
                began = time.monotonic()
                how = _how(await self._run(part, part.command))
                pause = PAUSES[0] if time.monotonic() - began > PAUSES[1] else min(2 * pause, PAUSES[1])
            if self._stopping:
                return
            if not self._complete:
                last = (_log_of(part).read_text(errors="replace").strip().splitlines() or [""])[-1]
                raise UserError(f"{part.name}: {how} before it answered; {_log_of(part)} ends with: {last}")
            end_marked(part.name)
            log(
                f"{part.name}: {how}"
                + (f"; stays down while {down} exists" if down.exists() else f"; starts again in {pause} s")
            )
            await asyncio.sleep(pause)

    async def _run(self, part: Part, command: list[str]) -> int:
        """Run one command of a part to its end; return its exit code."""
        environment = {**clean_environment(), **part.environment, MARK: f"{FOLDER}:{part.name}"}
        with _log_of(part).open("a") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=FOLDER,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops the parts in order
                **as_account(part.account),
            )
        self._running[part.name] = process
        return await process.wait()

    async def _stop(self) -> None:
        """Stop the parts, the last that was started first."""
        for part in reversed(self._parts):
            if (process := self._running.get(part.name)) is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.send_signal(part.stop)
                try:
                    await asyncio.wait_for(process.wait(), STOPPING)
                except TimeoutError:
                    log(f"{part.name}: killed, because it did not stop within {STOPPING} s")
            end_marked(part.name)
        for task in self._keeping.values():
            task.cancel()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with S3. SeaweedFS itself would open a second port with it, which asks for no keys."""
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOCAL, self._config.inner_port + S3)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _log_of(part: Part) -> Path:
    return LOGS / f"{part.name}.log"
