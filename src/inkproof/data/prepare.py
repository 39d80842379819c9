"""Making a data set by the function that its configuration names."""

import os
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import read_yaml
from inkproof.runtime.paths import ROOT

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
            "write it as inkproof.data.mnist.prepare"
        ) from error
    try:
        make(data, out, mirror or os.environ.get(MIRROR_VARIABLE) or None)
    except OSError as error:  # reading has its own words: what is left is a full disk or a forbidden folder
        reason = error.strerror or error
        raise UserError(f"{out}: cannot be written ({reason}); mend that and run again") from error


def prepare_absent(data: Mapping[str, Any], file: Path, mirror: str | None = None) -> bool:
    """Make the data set `data` where `file`, which it is to leave in its folder, is absent; return whether it was.

    With `data.val=0` a run trains on the validation digits too. That is no wish for a file without them, which would
    be of no use to the next run and have its digits in another order: as many are cut off as `conf/data` says.
    Raises UserError as `prepare` does.
    """
    if file.exists():
        return False
    conf = ROOT / "conf" / "data" / f"{data.get('name')}.yaml"
    if data.get("val") == 0 and conf.exists():
        data = {**data, "val": read_yaml(conf).get("val", 0)}
    prepare(data, file.parent, mirror)
    return True
