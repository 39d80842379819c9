"""Bring drawn digits of your own into the benchmark: python src/drawings.py import FOLDER, or collect."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkproof.entry import run
from inkproof.paths import ROOT

if TYPE_CHECKING:
    from inkproof.sources.drawings import Drawing

MINE = ROOT / "data" / "drawn" / "mine"

EXAMPLE = """\
shapes of FOLDER:
  digit1.png digit2.png ... and a labels.csv with the header file,label,writer
      (writer may be left out; a label that is empty or - means "not a digit")
  0/ 1/ ... 9/ with the pictures of each digit, and -/ for what is not a digit

example:
  python src/drawings.py import ~/Pictures/digits --writer anna
  dvc repro
"""

COLLECT = """\
What the page of `make app` has kept goes into the set, each drawing under its writer. Collecting again brings over what
is new, what the gallery has corrected and what it has deleted; imported pictures stay as they are.

example:
  python src/drawings.py collect
  dvc repro
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 1 if a picture could not be read, 2 if nothing could be done."""
    options = parser().parse_args(arguments)
    run("drawings.py", lambda: sys.exit(options.run(options)))


def parser() -> argparse.ArgumentParser:
    """Return the parser; a subcommand sets `run`, which takes the options and returns the exit code."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="drawings.py", description=__doc__, epilog=EXAMPLE, formatter_class=raw)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "copy labelled pictures of digits into a set of drawings"
    command = commands.add_parser("import", help=about, description=about, epilog=EXAMPLE, formatter_class=raw)
    command.add_argument("folder", metavar="FOLDER", type=Path, help="your pictures: png, jpg, bmp, gif or tif")
    command.add_argument("--labels", type=Path, metavar="CSV", help="their labels (default: FOLDER/labels.csv)")
    command.add_argument("--writer", metavar="NAME", help="who drew them, where the CSV does not say (default: me)")
    command.add_argument("--into", type=Path, default=MINE, metavar="SET", help="the set (default: %(default)s)")
    command.set_defaults(run=run_import)
    about = "bring the drawings that the page of `make app` has kept into a set"
    command = commands.add_parser("collect", help=about, description=about, epilog=COLLECT, formatter_class=raw)
    about = "the page's database (default: the one in conf/app.yaml)"
    command.add_argument("--from", dest="database", type=Path, metavar="DB", help=about)
    command.add_argument("--into", type=Path, default=MINE, metavar="SET", help="the set (default: %(default)s)")
    command.set_defaults(run=run_collect)
    return top


def run_import(options: argparse.Namespace) -> int:
    """Import the pictures and say what happened; return the exit code."""
    from inkproof.sources.drawing_import import import_drawings

    result = import_drawings(options.folder, options.into, options.labels, options.writer, progress())
    for line in result.skipped:
        print(f"skipped: {line}", file=sys.stderr)
    if result.unlabelled:
        print(f"skipped, no label: {listing(result.unlabelled)}", file=sys.stderr)
    changed = f"{len(result.changed)} labelled anew, " if result.changed else ""
    skipped = len(result.skipped) + len(result.unlabelled)
    print(f"{options.into}: {len(result.added)} added, {changed}{result.known} already there, {skipped} skipped")
    print()
    print(table({"added": result.added, "in the set": result.drawings}))
    say_next(options.into)
    return 1 if result.skipped else 0


def run_collect(options: argparse.Namespace) -> int:
    """Collect the drawings and say what happened; return the exit code."""
    from inkproof.web.collecting import collect

    result = collect(options.database or kept(), options.into)
    counts = f"{len(result.added)} added, {len(result.changed)} corrected, {len(result.removed)} deleted"
    print(f"{options.into}: {counts}")
    print()
    writers = sorted({drawing.writer for drawing in result.drawings})
    by_writer = {name: [drawing for drawing in result.drawings if drawing.writer == name] for name in writers}
    print(table({**by_writer, "in the set": result.drawings}))
    say_next(options.into)
    return 0


def kept() -> Path:
    """Return the database in which the page keeps drawings."""
    import yaml

    return ROOT / str(yaml.safe_load((ROOT / "conf" / "app.yaml").read_text(encoding="utf-8"))["database"])


def say_next(into: Path) -> None:
    """Say what to do with the set, or that it is not the one that the pipeline reads."""
    if into.resolve() == MINE.resolve():
        print("\nnext: dvc repro (it reads the set with every model and renews the reports),")
        print("or make finetune (with drawings of two writers or more: a network that goes on from them)")
    else:
        print(f"\nnote: dvc repro reads {MINE}; bring drawings into that set to see them in the reports")


def progress() -> Callable[[list[Any]], Iterable[Any]]:
    """Return what shows a bar while it passes pictures on, or passes them on silently without a terminal."""
    if not sys.stderr.isatty():
        return iter
    from rich.console import Console
    from rich.progress import track

    return partial(track, description="reading", console=Console(stderr=True), transient=True)


def listing(names: Sequence[str], most: int = 10) -> str:
    """Return the names with commas; only how many more there are beyond `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def table(sets: dict[str, "list[Drawing]"]) -> str:
    """Return how many drawings of each digit the sets hold, a line a set."""
    wide = max(10, *(len(name) + 2 for name in sets))
    lines = [f"{'':<{wide}}" + "".join(f"{title:>6}" for title in (*range(10), "none", "all"))]
    for name, drawings in sets.items():
        counts = Counter(drawing.label for drawing in drawings)
        cells = [*(counts[label] for label in (*range(10), None)), len(drawings)]
        lines.append(f"{name:<{wide}}" + "".join(f"{cell:>6}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
