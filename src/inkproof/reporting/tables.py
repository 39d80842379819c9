"""The leaderboard as CSV, Markdown and a terminal table, and the champion.

The champion is chosen on validation digits and kept writers, never on test figures.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Column, Table

from inkproof.reporting.results import ModelResults, all_methods, methods_of, sets_of
from inkproof.reporting.wording import VARIANTS, data_title, interval, kilobytes, percent, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

KEPT = "drawn_pens_validation_classic_accuracy"


def choose_champion(rows: pd.DataFrame, data: str) -> str | None:
    """Return the model trained on `data` that reads best what it is chosen by, or None where none was validated.

    `rows` are the leaderboard's; models of other datasets beside those of `data` are no candidates, since their
    validation digits are others. The score is the mean of the accuracy on validation digits and on the
    pen digits of the six training writers kept for such choices, or the former alone where no pen digits
    were read. Equal scores go to the model with fewer parameters.
    """
    scored = rows[(rows["data"] == data) & rows["val_accuracy"].notna()]
    if scored.empty:
        return None
    score = scored.reindex(columns=["val_accuracy", KEPT]).mean(axis="columns")
    best = scored.assign(score=score).sort_values(["score", "parameters"], ascending=[False, True], kind="stable")
    return str(best["model"].iloc[0])


TESTED = ("accuracy", "accuracy_low", "accuracy_high", "nll", "ece")
HEAD = ("model", "data", "aug", "seed", "parameters", "val_accuracy", *(f"test_{key}" for key in TESTED))
TAIL = ("float32_kb", "int8_kb", "int8_accuracy", "canvas_kb", "canvas_int8_kb", "canvas_int8_agreement", "coreml_kb")
SHOWN_METHOD = "classic"
"""The method by which short tables speak of a set of drawings."""


TEXTS = ("model", "data", "aug")


# A column of the terminal is no wider than its figures.
SHORT_TITLES = {"starter": "starter", "mine": "own", "pens": "pens", "pens_validation": "pens,\nkept"}


DRAWN = re.compile(r"drawn_(?P<set>.+)_(?P<method>[^_]+)_accuracy")


def leaderboard(models: Sequence[ModelResults]) -> pd.DataFrame:
    """Return one row a model, in their order; accuracies are fractions, and what a model lacks is NaN.

    Columns are those of leaderboard.csv, and `compare_with` as in `ModelResults`. For drawings these are
    `drawn_<set>_<method>_accuracy` and the same with `_low` and `_high`, where any model has a figure for them.
    """
    rows, endings = [], {"accuracy": "", "low": "_low", "high": "_high"}
    for model in models:
        row = {key: model.test.get(key) for key in HEAD} | {f"test_{key}": model.test.get(key) for key in TESTED}
        row |= {"model": model.name, "data": model.compare_with or row["data"], "compare_with": model.compare_with}
        for name, entry in model.drawn.items():
            for method in methods_of(entry):
                row |= {f"drawn_{name}_{method}_accuracy{endings[key]}": entry[method][key] for key in endings}
        for column in TAIL:
            kind, _, key = column.rpartition("_")
            row[column] = model.export.get(kind, {}).get(key)
        rows.append(row)
    table = pd.DataFrame(rows)
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    drawn = [
        f"drawn_{name}_{method}_accuracy{ending}"
        for name in sets_of(models)
        for method in methods
        for ending in endings.values()
    ]
    return table[[*HEAD, *(column for column in drawn if column in table), *TAIL, "compare_with"]]


def write_rows(path: Path, rows: pd.DataFrame | Iterable[dict[Any, Any]], columns: list[str] | None = None) -> None:
    """Write rows as CSV, whole or not at all, with these columns or else their own; None and a missing key are blank.

    Fractions are written with six decimals: enough for one digit in a million, and readable in a diff.
    """
    table = pd.DataFrame(rows, columns=columns)
    text = table.to_csv(
        index=False, lineterminator="\n", float_format=lambda value: f"{value:.6f}".rstrip("0").rstrip(".")
    )
    write_text(path, text)


def read_table(path: Path, needed: Sequence[str], texts: Sequence[str] = ()) -> pd.DataFrame:
    """Return a CSV file with a heading line, or no rows where the file does not exist; blanks are NaN.

    Columns are numbers but for `texts`. Raises UserError, naming the file, when it cannot be read, lacks one of the
    `needed` columns or has something else for a number.
    """
    if not path.is_file():
        return pd.DataFrame(columns=list(needed))
    try:
        # In Python's engine a line that lacks values can be told from one with empty values.
        table = pd.read_csv(path, dtype=object, keep_default_na=False, index_col=False, engine="python")
    except (OSError, ValueError) as error:  # pandas' own errors are of ValueError
        raise UserError(f"{path} is not a readable table ({error}); run its stage again") from error
    missing = [column for column in needed if column not in table]
    if missing or table[list(needed)].isna().any(axis=None):
        raise UserError(f"{path} lacks values for {', '.join(missing or needed)}; run its stage again")
    try:
        return table.mask(table == "").astype({column: float for column in table.columns if column not in texts})
    except ValueError as error:
        raise UserError(f"{path} holds something that is no number ({error}); run its stage again") from error


def markdown_table(heads: Sequence[str], align: str, lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; `align` has a letter a column: "l" for texts, "r" for numbers."""
    rule = ["---:" if letter == "r" else "---" for letter in align]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def write_leaderboard_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write the rows of `leaderboard` to `path` as CSV."""
    write_rows(path, rows.drop(columns="compare_with"))


def _shown_sets(rows: pd.DataFrame) -> list[str]:
    """Return the sets of drawings that have a figure on the shown method, in showing order."""
    matches = [DRAWN.fullmatch(column) for column in rows.columns]
    return [m["set"] for m in matches if m and m["method"] == SHOWN_METHOD and m["set"] not in VARIANTS]


def _with_interval(row: pd.Series, key: str) -> str:
    """Write "99.49% (99.33-99.61)" of the figure `key`, or nothing where the row lacks it."""
    value, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
    if pd.isna(value):
        return ""
    n = _digits(low, high)
    return f"{percent(value, n)} ({interval(low, high, n)})"


def _digits(low: float, high: float) -> int:
    """Say on how many digits a figure rests, as far as it matters: the row lacks it, but not the interval's width."""
    return 2000 if high - low < 0.01 else 0


def write_leaderboard_md(rows: pd.DataFrame, path: Path) -> None:
    """Write the rows of `leaderboard` to `path` as a short Markdown table with 95% intervals in brackets."""
    sets = _shown_sets(rows)
    keys = ["test_accuracy", *(f"drawn_{name}_{SHOWN_METHOD}_accuracy" for name in sets)]
    heads = ["Model", "Test accuracy", *map(set_title, sets), "float32 KB", "int8 KB", "Weights"]
    lines = [[row["model"], *(_with_interval(row, key) for key in keys), *_sizes(row)] for _, row in rows.iterrows()]
    table = markdown_table(heads, "l" + "r" * (len(heads) - 1), lines)
    note = f"In brackets: 95% intervals. Drawings: the exported float32 model on the method `{SHOWN_METHOD}`."
    for _, row in rows.dropna(subset="compare_with").iterrows():
        note += f" {row['model']} is trained on {data_title(row['compare_with'])}."
    write_text(path, f"{table}\n\n{note}\n")


def _sizes(row: pd.Series) -> list[str]:
    """Write float32 KB, int8 KB and the number of weights; what is not known is blank."""
    sizes = ["" if pd.isna(row[key]) else kilobytes(row[key]) for key in ("float32_kb", "int8_kb")]
    return [*sizes, "" if pd.isna(row["parameters"]) else f"{row['parameters']:,.0f}"]


def print_leaderboard(csv_path: Path) -> None:
    """Print leaderboard.csv as a table of per cents on the terminal, narrow enough for eighty columns.

    Raises UserError when the file is missing or is not a leaderboard.
    """
    if not csv_path.is_file():
        raise UserError(f"no leaderboard at {csv_path}; run `dvc repro` to make the report first")
    rows = read_table(csv_path, ("model", "test_accuracy", "test_accuracy_low", "test_accuracy_high"), TEXTS)
    rows = rows.reindex(columns=rows.columns.union([*HEAD, *TAIL], sort=False))
    sets = _shown_sets(rows)
    titles = ("test", *(SHORT_TITLES.get(name, name) for name in sets), "float32\nKB", "weights")
    numbers = [Column(title, justify="right", no_wrap=True) for title in titles]
    table = Table(Column("model", no_wrap=True), *numbers, box=box.SIMPLE_HEAD, pad_edge=False)
    for _, row in rows.iterrows():
        drawn = [row[f"drawn_{name}_{SHOWN_METHOD}_accuracy"] for name in sets]
        cells = ["" if pd.isna(value) else percent(value).rstrip("%") for value in drawn]
        accuracy, low, high = (row[f"test_accuracy{ending}"] for ending in ("", "_low", "_high"))
        figures = (percent(value, _digits(low, high)) for value in (accuracy, max(high - accuracy, accuracy - low)))
        test = " \N{PLUS-MINUS SIGN}".join(figure.rstrip("%") for figure in figures)
        float32, _, weights = _sizes(row)
        table.add_row(row["model"], test, *cells, float32, weights)
    console = Console(highlight=False)
    console.print(table)
    console.print("Test digits read right, in %, with the half width of the 95% interval.", style="dim")
    if sets:
        console.print(f"Drawings read right, in %, on the method {SHOWN_METHOD}.", style="dim")
