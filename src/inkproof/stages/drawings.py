"""Bring your own images into a set of drawings."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from inkproof.data.drawing_import import import_drawings
from inkproof.data.drawings import Drawing
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import MINE
from inkproof.runtime.progress import passed_on


def import_images(folder: Path, into: Path, labels: Path | None, writer: str | None) -> int:
    """Import the images and print what was done; return the exit code."""
    result = import_drawings(folder, into, labels, writer, partial(passed_on, "reading"))
    for line in result.skipped:
        print(f"skipped: {' '.join(line.splitlines())}", file=sys.stderr)  # a file name may hold line breaks
    if result.unlabeled:
        print(f"skipped, no label: {' '.join(listing(result.unlabeled).splitlines())}", file=sys.stderr)
    changed = f"{len(result.changed)} with a new label or writer, " if result.changed else ""
    skipped = len(result.skipped) + len(result.unlabeled)
    print(f"{into}: {len(result.added)} added, {changed}{result.known} already there, {skipped} skipped")
    print()
    print(table({"added": result.added, "in the set": result.drawings}))
    print_next(into)
    return 1 if result.skipped else 0


def print_next(into: Path) -> None:
    """Print what to do with the set, or that it is not the pipeline's own."""
    if into.resolve() == MINE.resolve():
        print("\nnext: make demo (evaluates the small models on the set), dvc repro (all models),")
        print("or make finetune (with drawings of two writers or more: trains the pretrained network on them)")
    else:
        print(f"\nnote: dvc repro uses {MINE}; bring drawings into that set to see them in the reports")


PLACEHOLDER = ".gitkeep"  # of an empty set


def require_untracked(folder: Path) -> None:
    """Raise UserError if git tracks drawings of the set: then DVC cannot keep it."""
    done = _beside(folder, "git", "ls-files", "--", folder.resolve().name)
    tracked = [line for line in done.stdout.splitlines() if Path(line).name != PLACEHOLDER]
    if done.returncode == 0 and tracked:
        raise UserError(f"{folder}: git tracks {tracked[0]}, so DVC cannot keep this set; import into another folder")


def keep_under_dvc(folder: Path) -> None:
    """Add the set to DVC and print what to commit; git then keeps the hash of the set, and DVC its files.

    Raises UserError if DVC refuses the folder, as one outside the repository.
    """
    folder = folder.resolve()
    # DVC refuses what git tracks. Where there is no git, nothing is tracked.
    _beside(folder, "git", "rm", "--cached", "--quiet", "--ignore-unmatch", "--", f"{folder.name}/{PLACEHOLDER}")
    done = _beside(folder, sys.executable, "-m", "dvc", "add", "--", folder.name)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = errors[0].removeprefix("ERROR: ") if errors else "unknown error"
        raise UserError(f"{folder}: dvc add failed: {reason}; fix it and run the same command with --dvc again")
    print(f"\n{folder.name}.dvc is written in {folder.parent}, and staged where git is used. To keep this version:")
    print('  git commit -m "Add drawings"   # git keeps the hash, not the images')
    print(f"  dvc push {folder}.dvc   # copies the images to your DVC remote, if you have one")


def _beside(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder that holds `folder`."""
    return subprocess.run(command, cwd=folder.resolve().parent, capture_output=True, text=True, check=False)


def listing(names: Sequence[str], most: int = 10) -> str:
    """Return the names with commas; only how many more there are beyond `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def table(sets: dict[str, list[Drawing]]) -> str:
    """Return how many drawings of each digit the sets have, one line per set."""
    wide = max(10, *(len(name) + 2 for name in sets))
    lines = [f"{'':<{wide}}" + "".join(f"{title:>6}" for title in (*range(10), "none", "all"))]
    for name, drawings in sets.items():
        counts = Counter(drawing.label for drawing in drawings)
        row = [*(counts[label] for label in (*range(10), None)), len(drawings)]
        lines.append(f"{name:<{wide}}" + "".join(f"{count:>6}" for count in row))
    return "\n".join(lines)
