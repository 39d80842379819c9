"""Bring images of one's own into a set of drawings, and say what happened."""

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from inkproof.data.drawing_import import import_drawings
from inkproof.data.drawings import Drawing
from inkproof.runtime.paths import MINE
from inkproof.runtime.progress import passed_on


def import_images(folder: Path, into: Path, labels: Path | None, writer: str | None) -> int:
    """Import the images and say what happened; return the exit code."""
    result = import_drawings(folder, into, labels, writer, partial(passed_on, "reading"))
    for line in result.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    if result.unlabeled:
        print(f"skipped, no label: {listing(result.unlabeled)}", file=sys.stderr)
    changed = f"{len(result.changed)} labeled anew, " if result.changed else ""
    skipped = len(result.skipped) + len(result.unlabeled)
    print(f"{into}: {len(result.added)} added, {changed}{result.known} already there, {skipped} skipped")
    print()
    print(table({"added": result.added, "in the set": result.drawings}))
    say_next(into)
    return 1 if result.skipped else 0


def say_next(into: Path) -> None:
    """Say what to do with the set, or that it is not the one that the pipeline reads."""
    if into.resolve() == MINE.resolve():
        print("\nnext: dvc repro (it reads the set with every model and renews the reports),")
        print("or make finetune (with drawings of two writers or more: a network that goes on from them)")
    else:
        print(f"\nnote: dvc repro reads {MINE}; bring drawings into that set to see them in the reports")


def listing(names: Sequence[str], most: int = 10) -> str:
    """Return the names with commas; only how many more there are beyond `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def table(sets: dict[str, list[Drawing]]) -> str:
    """Return how many drawings of each digit the sets hold, a line a set."""
    wide = max(10, *(len(name) + 2 for name in sets))
    lines = [f"{'':<{wide}}" + "".join(f"{title:>6}" for title in (*range(10), "none", "all"))]
    for name, drawings in sets.items():
        counts = Counter(drawing.label for drawing in drawings)
        cells = [*(counts[label] for label in (*range(10), None)), len(drawings)]
        lines.append(f"{name:<{wide}}" + "".join(f"{cell:>6}" for cell in cells))
    return "\n".join(lines)
