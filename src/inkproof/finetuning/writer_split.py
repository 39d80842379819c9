"""Who is trained on, who validates, who is held out: writers are kept apart, since one writer's digits are alike."""

import hashlib
from collections.abc import Iterable

from inkproof.errors import UserError


def split_writers(writers: Iterable[str], held_out: float, validation: float, seed: int) -> dict[str, list[str]]:
    """Return the writers by split, `train`, `val` and `test`, each sorted; the same writers are always split alike.

    They are ordered by a hash of seed and name. The first of them, the share `held_out` and at least one, are `test`;
    the next, the share `validation`, are `val`; all others, at least one, are `train`. Of few writers none is `val`.

    Raises:
        UserError: a share does not lie between 0 and 1, or there are fewer than two writers.
    """
    for key, share in {"held_out": held_out, "validation": validation}.items():
        if not 0 <= share < 1:
            raise UserError(f"data.{key}={share}: expected a share of the writers, at least 0 and below 1")
    names = sorted(set(writers), key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    if len(names) < 2:
        raise UserError(f"{len(names)} writer: one has to be held out and one to be trained on")
    test = min(max(1, round(held_out * len(names))), len(names) - 1)
    val = min(round(validation * len(names)), len(names) - test - 1)
    ends = {"test": (0, test), "val": (test, test + val), "train": (test + val, len(names))}
    return {split: sorted(names[slice(*ends[split])]) for split in ("train", "val", "test")}
