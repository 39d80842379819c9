"""Data that a run needs and that are not here yet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.paths import ROOT
from inkproof.sources import prepare
from inkproof.yaml_file import read_yaml


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
