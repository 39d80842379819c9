"""Which model is the champion: chosen on validation digits and kept writers, never on test figures."""

from collections.abc import Mapping, Sequence
from typing import Any

KEPT = "drawn_pens_kept_ink_accuracy"


def choose_champion(rows: Sequence[Mapping[str, Any]], data: str) -> str | None:
    """Return the model trained on `data` that reads best what it is chosen by, or None where none was validated.

    `rows` are the leaderboard's; models of other data sets beside those of `data` are no candidates, since their
    validation digits are others. The score is the mean of the accuracy on validation digits and on the
    pen digits of the six training writers kept for such choices, or the former alone where no pen digits
    were read. Equal scores go to the model with fewer parameters.
    """
    scored = [row for row in rows if row.get("data") == data and row.get("val_accuracy") is not None]
    if not scored:
        return None
    return str(max(scored, key=lambda row: (_score(row), -row["parameters"]))["model"])


def _score(row: Mapping[str, Any]) -> float:
    parts = [float(row["val_accuracy"])]
    if row.get(KEPT) is not None:
        parts.append(float(row[KEPT]))
    return sum(parts) / len(parts)
