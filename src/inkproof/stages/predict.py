"""Classify images of drawn digits with an exported file."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inkproof.inference.find_model import model_file
from inkproof.inference.predict import (
    EVERY,
    MANY,
    SHEET,
    TITLE,
    NumberPrediction,
    Prediction,
    Unreadable,
    csv_rows,
    file_to_write,
    find_images,
    line,
    predict_images,
    printable,
)
from inkproof.runtime.files import replacing
from inkproof.runtime.progress import counted, say

WIDEST = 60  # columns up to which paths are padded, so that what follows is aligned


def predict(
    paths: Sequence[str], model: str, csv: Path | None = None, show: Path | None = None, number: bool = False
) -> bool:
    """Classify the images at `paths` with the model that `model` names; return whether all images could be read.

    A line is printed for each, `csv` gets a row for each, and the first `SHEET` of them are drawn to `show`. With
    `number`, each image is read as a number of several digits. Raises UserError if nothing can be done.
    """
    csv = None if csv is None else file_to_write(csv, image=False)
    show = None if show is None else file_to_write(show, image=True)
    found, unreadable = find_images(paths, show)
    width = min(max((len(printable(path)) for path in found), default=0), WIDEST)
    shown: list[Prediction | NumberPrediction] = []
    complete = True
    with ExitStack() as stack:
        file = stack.enter_context(model_file(model))
        results = stack.enter_context(closing(predict_images(found, file, SHEET if show else 0, number=number)))
        write_row = stack.enter_context(csv_rows(csv, number)) if csv else None
        advance = stack.enter_context(counted("reading", "images", len(found), MANY, EVERY))
        for result in chain(unreadable, results):
            if isinstance(result, Unreadable):
                complete = False
                print(f"predict.py: {printable(result.path)}: {result.reason}", file=sys.stderr, flush=True)
            else:
                print(line(result, width), flush=True)
                if write_row is not None:
                    write_row(result)
                if (result.shown if isinstance(result, NumberPrediction) else result.canvas) is not None:
                    shown.append(result)
            advance()
        if shown and show is not None:
            from inkproof.reporting.contact_sheet import write_sheet

            write_sheet(shown, len(found), show)
            title = PngInfo()
            title.add_text("Title", TITLE)
            with Image.open(show) as sheet, replacing(show) as temporary:
                sheet.save(temporary, optimize=True, pnginfo=title)
    written = [str(path) for path in (csv, show if shown else None) if path is not None]
    if written:
        say(f"predict.py: written: {', '.join(map(printable, written))}")
    return complete
