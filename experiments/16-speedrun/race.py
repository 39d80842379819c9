"""Time `speedrun.py` on every target, and plain Keras beside it; write results.csv and the table in README.md.

    python experiments/16-speedrun/race.py    # needs data/mnist: python src/download.py

Each training is a process of its own, timed from its start. Trainings for the targets and of the recipe take turns. The
recipe is trained with every third seed, since it takes longer than all others together.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "src"))  # where the package is

import pandas as pd

from inkproof.config.one_line import run
from inkproof.reporting.tables import markdown_table
from inkproof.runtime.errors import UserError
from inkproof.runtime.progress import say
from inkproof.studies.readme import filled
from inkproof.tracking.provenance import describe_machine

FOLDER = Path(__file__).resolve().parent
DIGITS = FOLDER.parents[1] / "data" / "mnist" / "digits.npz"
MARKERS = "<!-- times: written by race.py -->", "<!-- end of times -->"
TARGETS = ("99.0", "99.3", "99.5")
SEEDS, RECIPE_SEEDS = range(10), range(0, 10, 3)
RECIPE = "Keras fit"


def main() -> None:
    """Measure all, which takes about half an hour on two idle cores."""
    if not DIGITS.exists():
        raise UserError(f"{DIGITS}: missing; run `python src/download.py`")
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        for target in TARGETS:
            began, found = output_of("speedrun.py", target, "--seed", str(seed))
            rows.append(row("speedrun.py", target, seed, found["end"] - began, found["accuracy"]))
        if seed in RECIPE_SEEDS:
            began, epochs = output_of("keras_fit.py", str(DIGITS), str(seed))
            rows += [
                row(RECIPE, str(number), seed, one["end"] - began, one["accuracy"])
                for number, one in enumerate(epochs, 1)
            ]
    table = pd.DataFrame(rows)
    table.to_csv(FOLDER / "results.csv", index=False, float_format="%.4f")
    readme = FOLDER / "README.md"
    readme.write_text(filled(readme, readme.read_text(encoding="utf-8"), MARKERS, in_markdown(table)), encoding="utf-8")


def output_of(script: str, *words: str) -> tuple[float, Any]:
    """Run a script of this folder; return the seconds since 1970 at its start, and what it printed last, as JSON."""
    began = time.time()
    done = subprocess.run([sys.executable, FOLDER / script, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{script} {' '.join(words)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return began, json.loads(done.stdout.strip().splitlines()[-1])


def row(script: str, target: str, seed: int, seconds: float, accuracy: float) -> dict[str, Any]:
    """Return one measurement, and say it. `target` is the epoch for the recipe."""
    say(f"{script} {target}, seed {seed}: {seconds:.1f} s, {accuracy:.2%}")
    return {"script": script, "target": target, "seed": seed, "seconds": seconds, "accuracy": accuracy}


def in_markdown(table: pd.DataFrame) -> str:
    """Return the seconds and accuracies for each target. The recipe's are those of its first epoch that reaches it."""
    lines = []
    for target in TARGETS:
        ours = table[(table["script"] == "speedrun.py") & (table["target"] == target)]
        recipe = table[(table["script"] == RECIPE) & (table["accuracy"] >= float(target) / 100)]
        first = recipe.groupby("seed")["seconds"].min()
        of = table.loc[table["script"] == RECIPE, "seed"].nunique()
        known = f"{first.mean():.0f} ({len(first)} of {of} seeds)" if len(first) else f"not reached ({of} seeds)"
        times = f"{first.mean() / ours['seconds'].mean():.1f}" if len(first) else ""
        spread = f"{ours['seconds'].mean():.2f} \N{PLUS-MINUS SIGN} {ours['seconds'].std():.2f}"
        accuracy = f"{100 * ours['accuracy'].mean():.3f} \N{PLUS-MINUS SIGN} {100 * ours['accuracy'].std():.3f}"
        lines.append([target, spread, accuracy, f"{len(ours)}", known, times])
    heads = ["target (%)", "seconds", "accuracy (%)", "seeds", "Keras fit, seconds", "times as fast"]
    return f"{markdown_table(heads, 'rrrrrr', lines)}\n\nMeasured on {describe_machine()}.\n"


if __name__ == "__main__":
    run("race.py", main)
