"""misread.csv: the training digits that each candidate misreads when they are left out, to compare any two by."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from inkproof.record.held_out import Pooled
from inkproof.reporting.tables import write_rows

COLUMNS = ("network", "repeat", "way", "errors", "digits")


def write_misread(folder: Path, pooled: Iterable[Pooled]) -> None:
    """Write a line for each network and way of reading, with the indices of what it misreads, to `folder`."""
    lines = []
    for one in pooled:
        for way, answers in one.answers.items():
            wrong = np.flatnonzero(answers.argmax(axis=1) != one.labels)
            line = (one.network, one.repeat, way, len(wrong), " ".join(map(str, wrong)))
            lines.append(dict(zip(COLUMNS, line, strict=True)))
    write_rows(folder / "misread.csv", COLUMNS, lines)
