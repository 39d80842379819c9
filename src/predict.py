"""Read pictures of drawn digits: python src/predict.py PATH..."""

import argparse
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from inkproof.entry import run

if TYPE_CHECKING:
    from inkproof.predicting.prediction import Prediction

SHEET = 60  # pictures on a contact sheet: what one looks through; more are better looked up in the CSV
WIDEST = 60  # columns up to which paths are padded, so that what follows stands in line

EXAMPLE = """\
examples:
  python src/predict.py my_digit.png
  python src/predict.py scans/ --csv digits.csv --show digits.png
  python src/predict.py my_digit.png --model mnist-cnn

Without --model the pretrained file reads. Exit code: 0, 1 if a picture could not be read, 2 if nothing could be done.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 1 if something could not be read, 2 if nothing could be done."""
    options = parser().parse_args(arguments)
    run("predict.py", lambda: sys.exit(command(options)))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="predict.py", description=__doc__, epilog=EXAMPLE, formatter_class=raw)
    top.add_argument("paths", metavar="PATH", nargs="+", help="a picture, or a folder of png, jpg, bmp, gif or tif")
    columns = "path,digit,probability,second,second_probability,accepted"
    top.add_argument("--csv", metavar="OUT", type=Path, help=f"write {columns}")
    sheet = f"draw the first {SHEET} pictures beside what the network saw"
    top.add_argument("--show", metavar="OUT.png", type=Path, help=sheet)
    model = "a .tflite file, a folder with one, a run such as mnist-cnn, models:/NAME@ALIAS or models:/NAME/VERSION"
    top.add_argument("--model", metavar="M", default="pretrained", help=f"{model} (default: %(default)s)")
    return top


def command(options: argparse.Namespace) -> int:
    """Read the pictures, print what they show; return the exit code."""
    # A name may hold what the terminal's encoding cannot say.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # Ended by a job's time limit it cleans up, too: half a table, and the processes that read.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        return predict(options)
    except KeyboardInterrupt:
        print("predict.py: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the lines has enough of them, as `head` does; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def predict(options: argparse.Namespace) -> int:
    """Do what `command` does, interrupts and closed pipes aside."""
    from inkproof.predicting.batch import predict_pictures
    from inkproof.predicting.find_pictures import find_pictures
    from inkproof.predicting.output import check_out, csv_rows, line, progress
    from inkproof.predicting.prediction import Prediction, Unreadable, printable

    for out, picture in ((options.csv, False), (options.show, True)):
        if out is not None:
            check_out(out, picture)
    paths, faults = find_pictures(options.paths, options.show)
    width = min(max((len(printable(path)) for path in paths), default=0), WIDEST)
    shown: list[Prediction] = []
    complete = True
    with ExitStack() as stack:
        model = stack.enter_context(model_file(options.model))
        results = stack.enter_context(closing(predict_pictures(paths, model, SHEET if options.show else 0)))
        write_row = stack.enter_context(csv_rows(options.csv)) if options.csv else None
        advance = stack.enter_context(progress(len(paths)))
        for result in chain(faults, results):
            if isinstance(result, Unreadable):
                complete = False
                print(f"predict.py: {printable(result.path)}: {result.reason}", file=sys.stderr, flush=True)
            else:
                print(line(result, width), flush=True)
                if write_row is not None:
                    write_row(result)
                if result.canvas is not None:
                    shown.append(result)
            advance()
        if shown:
            draw_sheet(shown, len(paths), options.show)
    return 0 if complete else 1


@contextmanager
def model_file(word: str) -> Iterator[Path]:
    """Yield the file that `--model` means; one out of MLflow's registry stays as long as the block lasts."""
    from inkproof.predicting.find_model import FILES, REGISTRY, find_model

    if not word.startswith(REGISTRY):
        yield find_model(word)
        return
    from inkproof.registry import copy_export
    from inkproof.store_address import require_store
    from inkproof.tracking import Store

    require_store()
    with tempfile.TemporaryDirectory() as folder:
        yield copy_export(Store(), word, FILES, Path(folder))


def draw_sheet(shown: "list[Prediction]", total: int, out: Path) -> None:
    """Draw the contact sheet of what was kept of the first pictures, out of `total`."""
    import numpy as np

    from inkproof.predicting.prediction import printable
    from inkproof.reporting.contact_sheet import contact_sheet
    from inkproof.reporting.saving import save

    note = "" if total <= SHEET else f"the first {SHEET} of {total:,} pictures"
    if note:
        print(f"predict.py: {out}: {note}", file=sys.stderr)
    figure = contact_sheet(
        np.stack([one.canvas for one in shown if one.canvas is not None]),
        np.stack([one.seen for one in shown if one.seen is not None]),
        [printable(one.path) for one in shown],
        [(one.digit, one.probability, one.accepted) for one in shown],
        note,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # names in a script that the font lacks come out as boxes
        save(figure, out)


if __name__ == "__main__":
    main()
