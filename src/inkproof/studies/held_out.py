"""The answers of a cross-validation: what each network says of the digits that it was not trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkproof.evaluation.held_out import FILE_NAME, SECONDS, WAYS, HeldOut, read_held_out
from inkproof.reporting.tables import write_rows
from inkproof.runtime.errors import UserError
from inkproof.studies.cells import Cell
from inkproof.studies.ledger import Row


@dataclass(frozen=True)
class Pooled:
    """One network cross-validated once: the answers of its folds, pooled in the order of the training digits.

    `seconds` is what one training on all digits will take, by those on all but a fold.
    """

    network: str
    repeat: int
    labels: np.ndarray
    answers: Mapping[str, np.ndarray]
    seconds: float


def pool(network: str, repeat: int, folds: list[HeldOut], seconds: list[float]) -> Pooled:
    """Return the folds of one cross-validation as one; raises UserError where they are not a partition."""
    indices = np.concatenate([fold.indices for fold in folds])
    order = np.argsort(indices)
    if not np.array_equal(indices[order], np.arange(len(indices))):
        raise UserError(f"{network}: its {len(folds)} folds do not hold every training digit once")
    return Pooled(
        network,
        repeat,
        np.concatenate([fold.labels for fold in folds])[order],
        {way: np.concatenate([fold.answers[way] for fold in folds])[order] for way in WAYS},
        # Of k folds a training sees k - 1.
        float(np.mean(seconds)) * len(folds) / (len(folds) - 1),
    )


def pool_cells(cells: list[Cell], rows: Mapping[str, Row]) -> list[Pooled]:
    """Return every cross-validation of a study whose cells are all done.

    Seed s is fold s modulo folds of repeat s // folds. A network that a study gives fewer seeds than there are folds
    was only looked at, and is left out. Raises UserError where a cell is left to compute or nothing is whole.
    """
    by_run: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        (network,) = cell.labels.values()
        by_run.setdefault((network, cell.seed // cell.config["folds"]), []).append(cell)
    whole = {run: members for run, members in by_run.items() if len(members) == members[0].config["folds"]}
    missing = [cell.name for members in whole.values() for cell in members if not cell.done_by(rows.get(cell.key))]
    if missing:
        raise UserError(f"{len(missing)} cells are not computed yet, {missing[0]} among them; run `candidates` first")
    if not whole:
        raise UserError("no network has a seed for every fold; give it more seeds in study.yaml")
    return [
        pool(
            network,
            repeat,
            [read_held_out(cell.folder / FILE_NAME) for cell in members],
            [rows[cell.key].metrics[SECONDS] for cell in members],
        )
        for (network, repeat), members in whole.items()
    ]


COLUMNS = ("network", "repeat", "way", "errors", "digits")


def write_misread(folder: Path, pooled: Iterable[Pooled]) -> None:
    """Write a line for each network and way of reading, with the indices of what it misreads, to `folder`."""
    lines = []
    for one in pooled:
        for way, answers in one.answers.items():
            wrong = np.flatnonzero(answers.argmax(axis=1) != one.labels)
            line = (one.network, one.repeat, way, len(wrong), " ".join(map(str, wrong)))
            lines.append(dict(zip(COLUMNS, line, strict=True)))
    write_rows(folder / "misread.csv", lines)
