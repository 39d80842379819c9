"""Add your own drawings to the evaluation: python src/drawings.py import FOLDER_OR_FILE, or collect."""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)

# isort: split
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from inkproof.config.one_line import run
from inkproof.runtime.paths import MINE

EXAMPLE = """\
what FOLDER can hold:
  digit1.png digit2.png ... and a labels.csv with the header file,label,writer
      (writer may be left out; a label that is empty or - means "not a digit")
  0/ 1/ ... 9/ with the images of each digit, and -/ for what is not a digit
FILE is what "Export" in the gallery of the drawing page saves, where the page comes from a host without a server

examples:
  python src/drawings.py import ~/Images/digits --writer anna
  python src/drawings.py import ~/Downloads/inkproof-drawings.jsonl
  dvc repro
"""

COLLECT = """\
Drawings from the page of `make app` are copied into the set, each under its writer. Collect again to copy new drawings
and the gallery's corrections and deletions. Imported images stay as they are.

example:
  python src/drawings.py collect
  dvc repro
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 1 if an image could not be read, 2 if nothing could be done."""
    options = parser().parse_args(arguments)
    run("drawings.py", lambda: sys.exit(command(options)))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="drawings.py", description=__doc__, epilog=EXAMPLE, formatter_class=raw, allow_abbrev=False
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    about = "copy labeled images of digits, or exported drawings, into a set of drawings"
    images = commands.add_parser(
        "import", help=about, description=about, epilog=EXAMPLE, formatter_class=raw, allow_abbrev=False
    )
    about = "your images, in the formats that predict.py reads, or drawings that the page exported"
    images.add_argument("folder", metavar="FOLDER_OR_FILE", type=Path, help=about)
    images.add_argument("--labels", type=Path, metavar="CSV", help="their labels (default: FOLDER/labels.csv)")
    images.add_argument("--writer", metavar="NAME", help="who drew them, where the CSV has no writer (default: me)")
    about = "copy the drawings of the page of `make app` into a set"
    collected = commands.add_parser(
        "collect", help=about, description=about, epilog=COLLECT, formatter_class=raw, allow_abbrev=False
    )
    about = "the page's database (default: the one in conf/app.yaml)"
    collected.add_argument("--from", dest="database", type=Path, metavar="DB", help=about)
    for one in (images, collected):
        one.add_argument("--into", type=Path, default=MINE, metavar="SET", help="the set (default: %(default)s)")
        one.add_argument("--dvc", action="store_true", help="also keep the set under DVC, and print what to commit")
    return top


def command(options: argparse.Namespace) -> int:
    """Import or collect; return the exit code."""
    from inkproof.stages.drawings import keep_under_dvc, require_untracked

    code = 0
    if options.dvc:
        require_untracked(options.into)
    if options.command == "import":
        code = import_any(options)
    else:
        from inkproof.app.collecting import collect_kept

        collect_kept(options.database, options.into)
    if options.dvc:
        keep_under_dvc(options.into)
    return code


def import_any(options: argparse.Namespace) -> int:
    """Import a folder of images, or a file of drawings; return the exit code."""
    from inkproof.app.collecting import SUFFIXES, import_page, print_collected
    from inkproof.runtime.errors import UserError
    from inkproof.stages.drawings import import_images

    if options.folder.is_dir() or options.folder.suffix.lower() not in SUFFIXES:
        return import_images(options.folder, options.into, options.labels, options.writer)
    if options.labels is not None:
        raise UserError(f"--labels {options.labels}: drawings of the page have labels; correct them in its gallery")
    print_collected(import_page(options.folder, options.into, options.writer), options.into)
    return 0


if __name__ == "__main__":
    main()
