"""results.csv, the results table of a study: one row per finished grid run, complete at every moment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT

FORMAT = 2
"""The number in the column `format` of every row. Tables of 0.1 have no such column, and names of another time."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finished grid run, or in the leaderboard another run, which lacks what has a default.

    `key` is the hash of its resolved configuration and data, `configuration` that of the same without the seed.
    `grid_run` is its name, `run` the id of its MLflow run. `seconds` is how long it took, `finished` when it ended
    (UTC, ISO 8601). `data_split` is `data.split`: whether digits or writers were dealt to training and validation.
    """

    key: str
    grid_run: str
    seed: int
    stages: tuple[str, ...] = ()
    seconds: float = 0.0
    finished: str = ""
    run: str
    commit: str = ""
    machine: str = ""
    configuration: str
    data: str
    data_split: str = ""
    data_sha: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


HEAD = tuple(one.name for one in fields(Row) if one.name != "metrics")
"""The columns that every results table has, after `format` and before the metrics."""


def now() -> str:
    """Return the current time as results tables write it: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_results(path: Path) -> dict[str, Row]:
    """Return the rows of a results table by key, in the order they finished; {} where there is no file.

    Of two rows with one key, as a merge of two branches leaves them, the later one counts. Raises UserError, naming
    the line, where the file is not a results table of this format.
    """
    try:
        # Without a header and with Python's engine, a line that lacks values differs from one with empty values.
        lines = pd.read_csv(path, header=None, dtype=object, keep_default_na=False, engine="python")
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); restore it with `git checkout`") from error
    except pd.errors.ParserError as error:
        line = re.search(r"line (\d+)", str(error))
        raise _broken(path, int(line[1]) if line else 1, str(error)) from error
    return {row.key: row for row in _rows(_checked(path, lines))}


def write_row(path: Path, row: Row) -> None:
    """Add a finished grid run to the results table, in place of a row with its key; several processes may at once."""
    lock = ROOT / "runs" / "studies" / path.parent.name / "results.lock"  # git ignores runs/
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        rows = read_results(path)
        rows.pop(row.key, None)
        lines = [
            # Metrics keep nine decimals, so that tables made of it equal those made of the runs.
            {**vars(one), "stages": " ".join(one.stages), **{name: round(x, 9) for name, x in one.metrics.items()}}
            for one in (*rows.values(), row)
        ]
        metrics = sorted({name for one in (*rows.values(), row) for name in one.metrics})
        table = pd.DataFrame(lines, columns=[*HEAD, *metrics])
        table.insert(0, "format", FORMAT)
        write_text(path, table.to_csv(index=False, lineterminator="\n"))


def _rows(table: pd.DataFrame) -> Iterator[Row]:
    for record in table.to_dict("records"):
        head = {name: record[name] for name in HEAD} | {"stages": tuple(record["stages"].split())}
        metrics = {str(name): value for name, value in record.items() if name not in HEAD and pd.notna(value)}
        yield Row(**head, metrics=metrics)


def _checked(path: Path, lines: pd.DataFrame) -> pd.DataFrame:
    """Return lines of texts, of which the first is the header, as a table of texts and numbers with each key once."""
    table = lines[1:].set_axis(lines.iloc[0].tolist(), axis="columns")
    if not table.columns.is_unique:
        raise _broken(path, 1, "two columns of one name")
    if "cell" in table:
        raise UserError(f"{path}: made by 0.1: delete it and run the study again; docs/CHANGELOG.md has the new names")
    if missing := [name for name in ("format", *HEAD) if name not in table]:
        raise _broken(path, 1, f"no column {', '.join(missing)}")
    counts = table.notna().sum(axis="columns").to_numpy()
    for row in np.flatnonzero(counts < len(table.columns)).tolist():
        raise _broken(path, row + 2, f"{counts[row]} values in {len(table.columns)} columns")
    for row in np.flatnonzero(table["format"] != str(FORMAT)).tolist():
        raise _broken(path, row + 2, f"format {table['format'].iloc[row]!r}, this version reads {FORMAT}")
    table = table.drop(columns="format")
    numbers = table.drop(columns=[name for name in HEAD if name not in ("seed", "seconds")])
    blank = (numbers == "") & ~numbers.columns.isin(HEAD)
    wrong = ~np.isfinite(numbers.apply(pd.to_numeric, errors="coerce").astype(float)) & ~blank
    for row, column in np.argwhere(wrong).tolist():
        why = f"{numbers.columns[column]} is {numbers.iat[row, column]!r}, not a number"
        raise _broken(path, row + 2, why)
    for row in np.flatnonzero((table["key"] == "") | (table["grid_run"] == "")).tolist():
        raise _broken(path, row + 2, "a grid run without key or name")
    # astype converts a number to its last digit, unlike to_numeric.
    table[numbers.columns] = numbers.mask(blank, np.nan).astype(float)
    return table.astype({"seed": int}).drop_duplicates("key", keep="last")


def _broken(path: Path, line: int, why: str) -> UserError:
    return UserError(f"{path}, line {line}: not a results table ({why}); restore it with `git checkout`, or delete it")
