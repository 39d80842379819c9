"""Evaluate an exported model on numbers: strings of one writer's digits, from far apart to touching."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from inkproof.config.compose import path_of
from inkproof.config.schema import DataConfig
from inkproof.config.stages import NumbersConfig, Rendering
from inkproof.data.drawings import Drawing
from inkproof.datasets.preprocessed import drawings_of
from inkproof.evaluation.results import Accuracy, NumbersResult, StringsResult, write_result
from inkproof.evaluation.statistics import interval_of, number_of, share_interval
from inkproof.exporting.predictors import CanvasPredictor, Predictor
from inkproof.inference.number import read_image, read_strokes
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.runtime.progress import tally
from inkproof.synthetic.digit_strings import GAPS, LENGTHS, digit_string, on_paper, on_white
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata

FORMS = ("strokes", "white", "paper")
"""How a string reaches the model: as strokes, drawn black on white, or written on generated paper."""

_HEIGHT = 140  # pixels, of an image of a string


def numbers(metadata: RunMetadata, config: NumbersConfig) -> NumbersResult:
    """Write numbers.json of an exported canvas.tflite; return its content. Raises UserError without drawings."""
    predictor = CanvasPredictor(path_of(config.exported))
    rows: list[StringsResult] = []
    for name in config.compose:
        writers = by_writer(name, config.sets[name], config.pens)
        for gap in GAPS:
            found: dict[tuple[str, int], list[tuple[str, bool, float]]] = {}
            with tally(f"numbers: {name}, {gap}", len(LENGTHS) * config.strings) as advance:
                for length in LENGTHS:
                    for form, writer, whole, digits in tried(writers, length, gap, config, predictor):
                        found.setdefault((form, length), []).append((writer, whole, digits))
                    advance(config.strings)
            for form in FORMS:
                own = {length: found[form, length] for length in LENGTHS}
                rows += [summary(name, form, gap, length, tries) for length, tries in own.items()]
                rows.append(summary(name, form, gap, None, [one for tries in own.values() for one in tries]))
    report = path_of(config.report)
    export = report / "export.json"
    result = NumbersResult(seed=config.seed, export_sha256=sha256_of(export) if export.is_file() else "", rows=rows)
    write_result(report / "numbers.json", result)
    fours = {f"number_{row.drawings}_{row.form}_{row.gap}": row.strings.accuracy for row in rows if row.length == 4}
    log_stage("numbers", metadata, path_of(config.run), fours)
    return result


def by_writer(name: str, rendering: Rendering, pens: DataConfig) -> dict[str, list[Drawing]]:
    """Return the labeled strokes of a set by writer; raises UserError if there are none."""
    writers: dict[str, list[Drawing]] = {}
    for drawing in drawings_of(pens, rendering, path_of(rendering.folder)):
        if drawing.strokes and drawing.label is not None:
            writers.setdefault(drawing.writer, []).append(drawing)
    if not writers:
        raise UserError(f"compose: {name} has no strokes; run `python src/download.py data={name.partition('_')[0]}`")
    return writers


def tried(
    writers: Mapping[str, Sequence[Drawing]], length: int, gap: str, config: NumbersConfig, predictor: Predictor
) -> Iterator[tuple[str, str, bool, float]]:
    """Yield for each string and form: form, writer, whether all digits are correct, and the accuracy of its digits.

    Predicted digits count whether they are accepted or not. The accuracy of the digits is 1 less the edit distance over
    the length, and at least 0.
    """
    names = sorted(writers)
    for number in range(config.strings):
        # A generator for each string alone: more strings leave the first as they are.
        rng = np.random.default_rng([config.seed, GAPS.index(gap), length, number])
        writer = names[number % len(names)]
        string = digit_string(writers[writer], length, gap, rng)
        paths = [path.tolist() for digit in string.strokes for path in digit]
        images = (on_white(string, _HEIGHT), on_paper(string, _HEIGHT, rng))
        numbers = (read_strokes(paths, predictor), *(read_image(image, predictor) for image in images))
        for form, found in zip(FORMS, numbers, strict=True):
            digits = [one.digit for one in found.digits]
            yield form, writer, digits == string.labels, 1 - min(edits(digits, string.labels) / length, 1)


def edits(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the edit distance: the least insertions, deletions and replacements from `one` to `other`.

    V. Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.
    """
    row = list(range(len(other) + 1))
    for above, digit in enumerate(one):
        before, row[0] = row[0], above + 1
        for place, wanted in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (digit != wanted))
    return row[-1]


def summary(
    name: str, form: str, gap: str, length: int | None, tries: Sequence[tuple[str, bool, float]]
) -> StringsResult:
    """Return the accuracy of strings and digits with intervals over writers; `length` None is for all lengths."""
    writers, whole, digits = (np.array(column) for column in zip(*tries, strict=True))

    def accuracy(own: np.ndarray) -> Accuracy:
        low, high = share_interval(own, writers)
        return Accuracy(accuracy=float(own.mean()), low=low, high=high)

    return StringsResult(
        drawings=name,
        form=form,
        gap=gap,
        length=length,
        n=len(whole),
        writers=number_of(writers),
        interval=interval_of(writers),
        strings=accuracy(whole),
        digits=accuracy(digits),
    )


def lines(result: NumbersResult) -> Iterator[str]:
    """Yield a line for the terminal for each set, form and gap."""
    for row in result.rows:
        if row.length is None:
            four = next(own for own in result.rows if own.length == 4 and own.key == row.key)
            yield (
                f"{row.drawings}, {row.form}, {row.gap}: {row.strings.accuracy:.1%} of {row.n} strings, "
                f"{row.digits.accuracy:.1%} of digits; {four.strings.accuracy:.1%} of those of four"
            )
