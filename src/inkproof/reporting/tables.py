"""The leaderboard as CSV, Markdown and a terminal table, and the champion.

The champion is selected on validation digits and validation writers, never on test results.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Column, Table

from inkproof.reporting.results import CANVAS_BYTES, ModelResults, all_methods, by_method, sets_of
from inkproof.reporting.wording import VARIANTS, data_title, interval, kilobytes, model_lines, percent, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text

PENS_VALIDATION = "drawn_pens_validation_learned_accuracy"


def choose_champion(rows: pd.DataFrame, data: str) -> str | None:
    """Return the model trained on `data` with the best validation score, or None if no model was validated.

    `rows` come from `leaderboard`. Models of other datasets are not candidates, since their validation digits differ.
    The score is the mean accuracy on validation digits and on the pen digits of the six validation writers, or the
    accuracy on validation digits alone without pen digits. Equal scores go to the model with fewer parameters.
    """
    scored = rows[(rows["data"] == data) & rows["val_acc"].notna()]
    if scored.empty:
        return None
    score = scored.reindex(columns=["val_acc", PENS_VALIDATION]).mean(axis="columns")
    best = scored.assign(score=score).sort_values(["score", "parameters"], ascending=[False, True], kind="stable")
    return str(best["model"].iloc[0])


def choose_deployable(rows: pd.DataFrame, data: str) -> str | None:
    """Return the best model by validation of those whose canvas.tflite is small enough, or None without one.

    `rows` come from `leaderboard`. Every model, on whatever it was trained, classifies the same drawings of validation
    writers, so these decide. Equal accuracies go to the model with fewer parameters. Without such drawings it is the
    best one trained on `data`, as in `choose_champion`.
    """
    small = rows[rows["canvas_kb"] <= CANVAS_BYTES / 1024]
    if PENS_VALIDATION not in small or small[PENS_VALIDATION].isna().all():
        return choose_champion(small, data)
    best = small.sort_values([PENS_VALIDATION, "parameters"], ascending=[False, True], kind="stable")
    return str(best["model"].iloc[0])


TEST_METRICS = {
    "test_acc": "accuracy",
    "test_acc_low": "accuracy_low",
    "test_acc_high": "accuracy_high",
    "test_nll": "nll",
    "test_ece": "ece",
}
"""The columns of test digits, also MLflow's metrics, with the names that test.json has for them."""

HEAD = ("model", "data", "aug", "seed", "parameters", "val_acc", *TEST_METRICS)
TAIL = ("float32_kb", "int8_kb", "int8_accuracy", "canvas_kb", "canvas_int8_kb", "canvas_int8_agreement", "coreml_kb")
SHOWN_METHOD = "learned"  # that of canvas.tflite
"""The preprocessing method of short tables."""

TEXTS = ("model", "data", "aug")

# A column of the terminal is no wider than its numbers.
SHORT_TITLES = {"starter": "starter", "mine": "own", "pens": "pens", "pens_validation": "pens,\nval"}

DRAWN = re.compile(r"drawn_(?P<set>.+)_(?P<method>[^_]+)_accuracy")


def leaderboard(models: Sequence[ModelResults]) -> pd.DataFrame:
    """Return one row per model, in their order; accuracies are fractions, and missing values are NaN.

    Columns are those of leaderboard.csv, and `compare_with` as in `ModelResults`. Drawings have the columns
    `drawn_<set>_<method>_accuracy`, and the same with `_low` and `_high`, if any model has a value for them.
    """
    rows = []
    for model in models:
        row: dict[str, str | float | None] = {
            "model": model.name,
            "data": model.compare_with or model.test.data,
            "aug": model.test.aug,
            "seed": model.test.seed,
            "parameters": model.test.parameters,
            "val_acc": model.test.val_acc,
            "compare_with": model.compare_with,
        }
        row |= {column: getattr(model.test, key) for column, key in TEST_METRICS.items()}
        for name, entry in model.drawn.items():
            for method, one in by_method(entry).items():
                column = f"drawn_{name}_{method}_accuracy"
                row |= {column: one.accuracy, f"{column}_low": one.low, f"{column}_high": one.high}
        for column in TAIL:
            kind, _, key = column.rpartition("_")  # such as canvas_int8 and kb
            row[column] = getattr(model.export.get(kind), key, None)
        rows.append(row)
    table = pd.DataFrame(rows)
    methods = all_methods(entry for model in models for entry in model.drawn.values())
    drawn = [
        f"drawn_{name}_{method}_accuracy{ending}"
        for name in sets_of(models)
        for method in methods
        for ending in ("", "_low", "_high")
    ]
    return table[[*HEAD, *(column for column in drawn if column in table), *TAIL, "compare_with"]]


def write_rows(path: Path, rows: pd.DataFrame, columns: list[str] | None = None) -> None:
    """Write rows as CSV, whole or not at all, with these columns or else all; missing values are blank.

    Fractions have six decimals: enough for one digit in a million, and readable in a diff.
    """
    text = pd.DataFrame(rows, columns=columns).to_csv(
        index=False, lineterminator="\n", float_format=lambda value: f"{value:.6f}".rstrip("0").rstrip(".")
    )
    write_text(path, text)


def read_table(path: Path, needed: Sequence[str], texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file with a heading line; without a file there are no rows. Blanks are NaN.

    Columns are numbers, except `texts`. Raises UserError, which names the file, if it is unreadable, lacks one of the
    `needed` columns or has a text in a column of numbers.
    """
    if not path.is_file():
        return pd.DataFrame(columns=list(needed))
    try:
        # Python's engine distinguishes a line that lacks values from a line with empty values.
        table = pd.read_csv(path, dtype=object, keep_default_na=False, index_col=False, engine="python")
    except (OSError, ValueError) as error:  # pandas' own errors are of ValueError
        raise UserError(f"{path} is not a readable table ({error}); run its stage again") from error
    missing = [column for column in needed if column not in table]
    if missing or table[list(needed)].isna().any(axis=None):
        raise UserError(f"{path} lacks values for {', '.join(missing or needed)}; run its stage again")
    try:
        return table.mask(table == "").astype({column: float for column in table.columns if column not in texts})
    except ValueError as error:
        raise UserError(f"{path} has a value that is not a number ({error}); run its stage again") from error


def markdown_table(heads: Sequence[str], align: str, lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; `align` has a letter per column: "l" for texts, "r" for numbers."""
    rule = ["---:" if letter == "r" else "---" for letter in align]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def _shown_sets(rows: pd.DataFrame) -> list[str]:
    """Return the sets of drawings that have a column for the shown method, in display order."""
    matches = [DRAWN.fullmatch(column) for column in rows.columns]
    return [m["set"] for m in matches if m and m["method"] == SHOWN_METHOD and m["set"] not in VARIANTS]


def _with_interval(row: pd.Series, key: str) -> str:
    """Format the value `key` as "99.49% (99.33-99.61)"; empty if the row lacks it."""
    value, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
    if pd.isna(value):
        return ""
    n = _digits(low, high)
    return f"{percent(value, n)} ({interval(low, high, n)})"


def _digits(low: float, high: float) -> int:
    """Guess from the width of an interval whether its number of digits is large: the row has no number."""
    return 2000 if high - low < 0.01 else 0


def write_leaderboard_md(rows: pd.DataFrame, path: Path) -> None:
    """Write the rows of `leaderboard` to `path` as a short Markdown table with 95% intervals in brackets."""
    sets = _shown_sets(rows)
    keys = ["test_acc", *(f"drawn_{name}_{SHOWN_METHOD}_accuracy" for name in sets)]
    heads = ["Model", "Test accuracy", *map(set_title, sets), "float32 KB", "int8 KB", "Weights"]
    lines = [[row["model"], *(_with_interval(row, key) for key in keys), *_sizes(row)] for _, row in rows.iterrows()]
    table = markdown_table(heads, "l" + "r" * (len(heads) - 1), lines)
    note = f"In brackets: 95% intervals. Drawings: the exported float32 model, preprocessing method `{SHOWN_METHOD}`."
    for _, row in rows.dropna(subset="compare_with").iterrows():
        note += f" {row['model']} was trained on {data_title(row['compare_with'])}."
    write_text(path, f"{table}\n\n{note}\n")


def _sizes(row: pd.Series) -> list[str]:
    """Format float32 KB, int8 KB and the number of weights; unknown values are blank."""
    sizes = ["" if pd.isna(row[key]) else kilobytes(row[key]) for key in ("float32_kb", "int8_kb")]
    return [*sizes, "" if pd.isna(row["parameters"]) else f"{row['parameters']:,.0f}"]


def print_leaderboard(csv_path: Path, made_by: str = "dvc repro") -> None:
    """Print leaderboard.csv as a table of percentages on the terminal, narrow enough for 80 columns.

    Raises UserError if the file is missing, with the command that makes it, or is not a leaderboard.
    """
    if not csv_path.is_file():
        raise UserError(f"no leaderboard at {csv_path}; run `{made_by}` to make the report first")
    rows = read_table(csv_path, ("model", "test_acc", "test_acc_low", "test_acc_high"), TEXTS)
    rows = rows.reindex(columns=rows.columns.union([*HEAD, *TAIL], sort=False))
    sets = _shown_sets(rows)
    titles = ("test", *(SHORT_TITLES.get(name, name) for name in sets), "weights")
    numbers = [Column(title, justify="right", no_wrap=True) for title in titles]
    table = Table(Column("model", no_wrap=True), *numbers, box=box.SIMPLE_HEAD, pad_edge=False)
    for _, row in rows.iterrows():
        drawn = [row[f"drawn_{name}_{SHOWN_METHOD}_accuracy"] for name in sets]
        cells = ["" if pd.isna(value) else percent(value).rstrip("%") for value in drawn]
        accuracy, low, high = (row[f"test_acc{ending}"] for ending in ("", "_low", "_high"))
        figures = (percent(value, _digits(low, high)) for value in (accuracy, max(high - accuracy, accuracy - low)))
        test = " \N{PLUS-MINUS SIGN}".join(figure.rstrip("%") for figure in figures)
        table.add_row(model_lines(row["model"]), test, *cells, _sizes(row)[-1])
    console = Console(highlight=False)
    console.print(table)
    console.print("Accuracy on test digits in %, with half the width of the 95% interval.", style="dim")
    if sets:
        console.print(f"Accuracy on drawings in %, with the preprocessing method {SHOWN_METHOD}.", style="dim")
