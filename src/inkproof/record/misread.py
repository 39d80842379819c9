"""misread.csv: the training digits that each candidate misreads when they are left out, to compare any two by."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from inkproof.atomic import write_text
from inkproof.record.held_out import Pooled

FILE_NAME = "misread.csv"


def write_misread(folder: Path, pooled: Iterable[Pooled]) -> None:
    """Write a line for each network and way of reading, with the indices of what it misreads, to `folder`."""
    lines = []
    for one in pooled:
        for way, answers in one.answers.items():
            wrong = np.flatnonzero(answers.argmax(axis=1) != one.labels)
            lines.append((one.network, one.repeat, way, len(wrong), " ".join(map(str, wrong))))
    frame = pd.DataFrame(lines, columns=["network", "repeat", "way", "errors", "digits"])
    write_text(folder / FILE_NAME, frame.to_csv(index=False))
