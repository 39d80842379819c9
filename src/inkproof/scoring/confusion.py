"""Which digit is taken for which: the confusion matrix and the figures that follow from it."""

import numpy as np
import numpy.typing as npt

from inkproof.scoring.calibration import CLASSES


def confusion_counts(labels: npt.ArrayLike, predictions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return counts (10, 10): row = the true digit, column = the digit read.

    Raises ValueError when the lengths differ or a value is not 0 to 9.
    """
    y = np.asarray(labels).astype(np.int64)
    read = np.asarray(predictions).astype(np.int64)
    if y.ndim != 1 or y.shape != read.shape:
        raise ValueError(f"expected labels (N,) and predictions (N,), not {y.shape} and {read.shape}")
    both = np.concatenate([y, read])
    if both.size and not (both.min() >= 0 and both.max() < CLASSES):
        raise ValueError("labels and predictions must be digits 0 to 9")
    return np.bincount(y * CLASSES + read, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def per_class(counts: npt.NDArray[np.int64]) -> list[dict[str, float | int | None]]:
    """Return one row a digit from counts (10, 10): digit, n, recall, precision, f1.

    Recall is the fraction of the digit's images read right, precision the fraction of its readings that are
    right; a fraction of nothing is None.
    """
    rows: list[dict[str, float | int | None]] = []
    for digit in range(CLASSES):
        hits, n, read = (int(v) for v in (counts[digit, digit], counts[digit].sum(), counts[:, digit].sum()))
        rows.append(
            {
                "digit": digit,
                "n": n,
                "recall": hits / n if n else None,
                "precision": hits / read if read else None,
                "f1": 2 * hits / (n + read) if n + read else None,
            }
        )
    return rows
