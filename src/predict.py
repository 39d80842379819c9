"""Classify images of drawn digits: python src/predict.py PATH..."""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)

# isort: split
import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from inkproof.config.one_line import run

EXAMPLE = """\
examples:
  python src/predict.py my_digit.png
  python src/predict.py scans/ --csv digits.csv --show digits.png
  python src/predict.py my_number.png --number
  python src/predict.py my_digit.png --model mnist-cnn

Without --model it uses the pretrained file. Exit code: 0, 1 if an image could not be read, 2 if nothing could be done.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 1 if an image could not be read, 2 if nothing could be done."""
    run("predict.py", lambda: sys.exit(command(arguments)), interrupted="interrupted")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    # Imported here because it is slow: Ctrl-C during the import then ends in one line, too.
    from inkproof.inference.predict import COLUMNS, NUMBER_COLUMNS, SHEET

    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="predict.py", description=__doc__, epilog=EXAMPLE, formatter_class=raw, allow_abbrev=False
    )
    top.add_argument("paths", metavar="PATH", nargs="+", help="an image, or a folder of images")
    numbers = f"with --number {','.join(NUMBER_COLUMNS)}"
    top.add_argument("--csv", metavar="OUT", type=Path, help=f"write {','.join(COLUMNS)}, {numbers}")
    top.add_argument("--number", action="store_true", help="each image has a number of several digits in one line")
    sheet = f"draw the first {SHEET} images and what the network saw, or with --number where it found digits"
    top.add_argument("--show", metavar="OUT.png", type=Path, help=sheet)
    model = "a .tflite file, a folder with one, a run such as mnist-cnn, models:/NAME@ALIAS or models:/NAME/VERSION"
    top.add_argument("--model", metavar="M", default="pretrained", help=f"{model} (default: %(default)s)")
    return top


def command(arguments: Sequence[str] | None) -> int:
    """Classify the images and print the predictions; return the exit code."""
    options = parser().parse_args(arguments)
    # A name may have characters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Also clean up (half a table, worker processes) if a job's time limit ends this process.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    from inkproof.stages.predict import predict

    return 0 if predict(options.paths, options.model, options.csv, options.show, options.number) else 1


if __name__ == "__main__":
    main()
