"""Which model is the champion: chosen on validation digits and kept writers, never on test figures."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.reporting.results import DRESSES, RUNGS, SETS, ModelResults, in_order, read_rows, rungs_of, sets_of
from inkproof.reporting.wording import data_title, interval, kilobytes, percent, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

KEPT = "drawn_pens_kept_ink_accuracy"


def choose_champion(rows: Sequence[Mapping[str, Any]], data: str) -> str | None:
    """Return the model trained on `data` that reads best what it is chosen by, or None where none was validated.

    `rows` are the leaderboard's; models of other data sets beside those of `data` are no candidates, since their
    validation digits are others. The score is the mean of the accuracy on validation digits and on the
    pen digits of the six training writers kept for such choices, or the former alone where no pen digits
    were read. Equal scores go to the model with fewer parameters.
    """
    scored = [row for row in rows if row.get("data") == data and row.get("val_accuracy") is not None]
    if not scored:
        return None
    return str(max(scored, key=lambda row: (_score(row), -row["parameters"]))["model"])


def _score(row: Mapping[str, Any]) -> float:
    parts = [float(row["val_accuracy"])]
    if row.get(KEPT) is not None:
        parts.append(float(row[KEPT]))
    return sum(parts) / len(parts)


HEAD = (
    "model",
    "data",
    "aug",
    "seed",
    "parameters",
    "val_accuracy",
    "test_accuracy",
    "test_accuracy_low",
    "test_accuracy_high",
    "test_nll",
    "test_ece",
)
TAIL = ("float32_kb", "int8_kb", "int8_accuracy", "canvas_kb", "canvas_int8_kb", "canvas_int8_agreement", "coreml_kb")
SHOWN_RUNG = "ink"
"""The rung by which short tables speak of a set of drawings."""


TEXTS = ("model", "data", "aug")


# A column of the terminal is no wider than its figures.
SHORT_TITLES = {"starter": "starter", "mine": "own", "pens": "pens", "pens_kept": "pens,\nkept"}


DRAWN = re.compile(r"drawn_(?P<set>.+)_(?P<rung>[^_]+)_accuracy")


Row = dict[str, Any]


def leaderboard(models: Sequence[ModelResults]) -> list[Row]:
    """Return one row a model, in their order; accuracies are fractions.

    Keys are the columns of leaderboard.csv, and `beside` as in `ModelResults`; what a model lacks is not in its
    row. For drawings a row holds `drawn_<set>_<rung>_accuracy` and the same with `_low` and `_high`.
    """
    rows = []
    sets = sets_of(models)
    for model in models:
        test = model.test
        row: Row = {key: test[key] for key in HEAD if test.get(key) is not None}
        row |= {
            f"test_{key}": test[key]
            for key in ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece")
            if test.get(key) is not None
        }
        row["model"] = model.name
        if model.beside:
            row["data"] = row["beside"] = model.beside
        for name in sets:
            entry = model.drawn.get(name, {})
            for rung in rungs_of(entry):
                for key, ending in (("accuracy", ""), ("low", "_low"), ("high", "_high")):
                    row[f"drawn_{name}_{rung}_accuracy{ending}"] = entry[rung][key]
        for column in TAIL:
            kind, _, key = column.rpartition("_")
            if key in model.export.get(kind, {}):
                row[column] = model.export[kind][key]
        rows.append(row)
    return rows


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV with these columns, whole or not at all; None and a missing key are blank.

    Fractions are written with six decimals: enough for one digit in a million, and readable in a diff.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of leaderboard.csv: a set or rung without a figure in any row has no column."""
    pairs = {(match["set"], match["rung"]) for row in rows for key in row if (match := DRAWN.fullmatch(key))}
    drawn = [
        f"drawn_{name}_{rung}_accuracy{ending}"
        for name in in_order({name for name, _ in pairs}, SETS)
        for rung in in_order({rung for own, rung in pairs if own == name}, RUNGS)
        for ending in ("", "_low", "_high")
    ]
    return [*HEAD, *drawn, *TAIL]


def write_leaderboard_csv(rows: Sequence[Row], path: Path) -> None:
    """Write the rows of `leaderboard` to `path` as CSV."""
    write_rows(path, columns_of(rows), rows)


def _shown_sets(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the sets of drawings that have a figure on the shown rung, in showing order."""
    matches = [DRAWN.fullmatch(column) for column in columns_of(rows)]
    return [m["set"] for m in matches if m and m["rung"] == SHOWN_RUNG and m["set"] not in DRESSES]


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    """Write "99.49% (99.33-99.61)" of the figure `key`, or nothing where the row lacks it."""
    if row.get(key) is None:
        return ""
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    # The row does not say on how many digits it rests, but the width of its interval does.
    n = 2000 if low is not None and high is not None and high - low < 0.01 else 0
    return f"{percent(row[key], n)} ({interval(low, high, n)})"


def write_leaderboard_md(rows: Sequence[Row], path: Path) -> None:
    """Write the rows of `leaderboard` to `path` as a short Markdown table with 95% intervals in brackets."""
    sets = _shown_sets(rows)
    heading = ["Model", "Test accuracy", *map(set_title, sets), "float32 KB", "int8 KB", "Weights"]
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1)]
    for row in rows:
        drawn = [_with_interval(row, f"drawn_{name}_{SHOWN_RUNG}_accuracy") for name in sets]
        lines.append([row["model"], _with_interval(row, "test_accuracy"), *drawn, *_sizes(row)])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    note = f"In brackets: 95% intervals. Drawings: the exported float32 model on the rung `{SHOWN_RUNG}`."
    for row in rows:
        if row.get("beside"):
            note += f" {row['model']} is trained on {data_title(row['beside'])}."
    write_text(path, f"{table}\n\n{note}\n")


def _sizes(row: Mapping[str, Any]) -> list[str]:
    """Write float32 KB, int8 KB and the number of weights; what is not known is blank."""
    sizes = [kilobytes(row[key]) if key in row else "" for key in ("float32_kb", "int8_kb")]
    return [*sizes, f"{row['parameters']:,.0f}" if "parameters" in row else ""]


def print_leaderboard(csv_path: Path) -> None:
    """Print leaderboard.csv as a table of per cents on the terminal, narrow enough for eighty columns.

    Raises UserError when the file is missing or is not a leaderboard.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = _read_leaderboard(csv_path)
    sets = _shown_sets(rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for title in ("test", *(SHORT_TITLES.get(name, name) for name in sets), "float32\nKB", "weights"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        drawn = [row.get(f"drawn_{name}_{SHOWN_RUNG}_accuracy") for name in sets]
        cells = ["" if value is None else percent(value).rstrip("%") for value in drawn]
        float32, _, weights = _sizes(row)
        table.add_row(row["model"], _half_width(row), *cells, float32, weights)
    console = Console(highlight=False)
    console.print(table)
    console.print("Test digits read right, in %, with the half width of the 95% interval.", style="dim")
    if sets:
        console.print(f"Drawings read right, in %, on the rung {SHOWN_RUNG}.", style="dim")


def _read_leaderboard(path: Path) -> list[Row]:
    """Read leaderboard.csv back, figures as numbers and blanks left out."""
    if not path.is_file():
        raise UserError(f"no leaderboard at {path}; run `dvc repro` to make the report first")
    rows = []
    for cells in read_rows(path, ("model", "test_accuracy", "test_accuracy_low", "test_accuracy_high")):
        try:
            rows.append({key: value if key in TEXTS else float(value) for key, value in cells.items() if value})
        except ValueError as error:
            raise UserError(f"{path} is not a leaderboard ({error}); run its report stage again") from error
    return rows


def _half_width(row: Mapping[str, Any]) -> str:
    accuracy, low, high = (row[f"test_accuracy{ending}"] for ending in ("", "_low", "_high"))
    n = 2000 if high - low < 0.01 else 0
    half = max(high - accuracy, accuracy - low)
    return f"{percent(accuracy, n).rstrip('%')} \N{PLUS-MINUS SIGN}{percent(half, n).rstrip('%')}"
