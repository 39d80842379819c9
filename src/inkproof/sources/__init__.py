"""Where digits come from: mirrors, MNIST, the digits inside scikit-learn, pen strokes, drawings."""

import os
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.errors import UserError

MIRROR_VARIABLE = "INKPROOF_MIRROR"


def prepare(data: Mapping[str, Any], out: Path, mirror: str | None = None) -> None:
    """Make the data set described by `data`, one file of `conf/data` as a plain dictionary.

    `data["_target_"]` names the function that does it, so a new data set is a new configuration and, where
    no present function fits, a new module. `out` is the data set's folder: `digits.npz` or `drawings.jsonl`
    appears in it whole or not at all, so two processes may call this at once and either may be killed.
    `mirror`, or else the environment variable INKPROOF_MIRROR, is a folder or an http(s) address that is then
    the only mirror asked. Raises UserError for whatever the user or the network can get wrong.
    """
    target = str(data.get("_target_", ""))
    try:
        make = pkgutil.resolve_name(target)
    except (ValueError, ImportError, AttributeError) as error:
        raise UserError(
            f"conf/data/{data.get('name', '?')}.yaml: _target_ {target!r} names no function ({error}); "
            "write it as inkproof.sources.mnist.prepare"
        ) from error
    try:
        make(data, out, mirror or os.environ.get(MIRROR_VARIABLE) or None)
    except OSError as error:  # reading has its own words: what is left is a full disk or a forbidden folder
        reason = error.strerror or error
        raise UserError(f"{out}: cannot be written ({reason}); mend that and run again") from error
