"""results.csv, the ledger of a study: one row a finished cell, whole at every moment."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT

HEAD = (
    "key",
    "cell",
    "seed",
    "stages",
    "seconds",
    "finished",
    "run",
    "commit",
    "machine",
    "configuration",
    "data",
    "data_sha",
)
TEXTS = ("key", "cell", "stages", "finished", "run", "commit", "machine", "configuration", "data", "data_sha")


@dataclass(frozen=True)
class Row:
    """A finished cell.

    `key` is the hash of its resolved configuration and data, `cell` its name, `run` its MLflow run,
    `configuration` the hash of the same without the seed; `seconds` it took, `finished` when (UTC, ISO 8601).
    """

    key: str
    cell: str
    seed: int
    stages: tuple[str, ...]
    seconds: float
    finished: str
    run: str
    commit: str
    machine: str
    configuration: str
    data: str
    data_sha: str
    metrics: Mapping[str, float] = field(default_factory=dict)


def now() -> str:
    """Return this moment as a ledger has it: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_ledger(path: Path) -> dict[str, Row]:
    """Return the rows of a ledger by key, in the order they finished; {} where there is no file.

    Of two rows with one key, as a merge of two branches leaves them, the later one counts. Raises UserError, naming
    the line, where the file is no ledger.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); restore it with `git checkout`") from error
    rows: dict[str, Row] = {}
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise _broken(path, 1, str(error)) from error
    if not lines:
        return {}
    columns = lines[0]
    missing = [name for name in HEAD if name not in columns]
    if missing:
        raise _broken(path, 1, f"no column {', '.join(missing)}")
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(columns):
            raise _broken(path, number, f"{len(cells)} values in {len(columns)} columns")
        row = _row(path, number, dict(zip(columns, cells, strict=True)))
        rows.pop(row.key, None)
        rows[row.key] = row
    return rows


def write_row(path: Path, row: Row) -> None:
    """Add a finished cell to the ledger, in place of an earlier row with its key; several processes may at once."""
    with locked(path):
        rows = read_ledger(path)
        rows.pop(row.key, None)
        _write(path, [*rows.values(), row])


@contextmanager
def locked(path: Path) -> Any:
    """Hold a ledger for this process; the lock lies in runs/, where git does not see it."""
    lock = ROOT / "runs" / "studies" / path.parent.name / "results.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        yield


def _row(path: Path, number: int, cells: Mapping[str, str]) -> Row:
    metrics = {}
    for name, value in cells.items():
        if name not in HEAD and value:
            metrics[name] = _number(path, number, name, value)
    if not cells["key"] or not cells["cell"]:
        raise _broken(path, number, "a cell without key or name")
    return Row(
        **{name: cells[name] for name in TEXTS if name != "stages"},
        seed=int(_number(path, number, "seed", cells["seed"])),
        seconds=_number(path, number, "seconds", cells["seconds"]),
        stages=tuple(cells["stages"].split()),
        metrics=metrics,
    )


def _number(path: Path, line: int, name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _broken(path, line, f"{name} is {value!r}, not a number")
    return number


def _write(path: Path, rows: Iterable[Row]) -> None:
    kept = list(rows)
    metrics = sorted({name for row in kept for name in row.metrics})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEAD, *metrics])
    for row in kept:
        head = [" ".join(row.stages) if name == "stages" else getattr(row, name) for name in HEAD]
        writer.writerow([*head, *(_figure(row.metrics.get(name)) for name in metrics)])
    write_text(path, text.getvalue())


def _figure(value: float | None) -> str:
    """A metric with every digit that distinguishes it, so that tables made from the ledger are those of the run."""
    return "" if value is None else repr(round(value, 9))


def _broken(path: Path, line: int, why: str) -> UserError:
    return UserError(
        f"{path}, line {line}: not a ledger of cells ({why}); restore it with `git checkout`, or delete it"
    )
