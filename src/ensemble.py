"""Read test digits and drawings with the mean answer of runs: python src/ensemble.py 'runs=[A,B]' views=true."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from inkproof.atomic import write_json
from inkproof.config import path_of, resolve
from inkproof.entry import entry
from inkproof.errors import UserError
from inkproof.ink.drawn_frames import read_frames
from inkproof.record.views import predict_views
from inkproof.run_record import RunRecord
from inkproof.scoring.drawn import summarise_drawn
from inkproof.scoring.summary import summarise_test
from inkproof.sources.digits import load_test_split
from inkproof.trained_model import load_trained


def ensemble(config: dict[str, Any]) -> dict[str, Any]:
    """Return what the mean of the probabilities of `config["runs"]` reads: `test`, `drawn` by set, and the members."""
    folders = [path_of(run) for run in config["runs"]]
    if not folders:
        raise UserError("runs=[]: give the folders of the runs whose answers are to be averaged")
    digits = load_test_split(path_of(config["digits"]))
    sets = {name: one for name, one in read_frames(path_of(config["frames"])) if len(one.labels)}
    pictures = {"test": digits.images, **{name: one.rungs[config["rung"]] for name, one in sets.items()}}
    joined = np.concatenate(list(pictures.values()))
    total = np.zeros((len(joined), 10))
    for folder in folders:
        total += predict_views(load_trained(folder), joined, config["views"])
    ends = np.cumsum([len(seen) for seen in pictures.values()])[:-1]
    read: Mapping[str, np.ndarray] = dict(zip(pictures, np.split(total / len(folders), ends), strict=True))
    drawn = {
        name: {"n": len(one.labels), **summarise_drawn(one.labels, read[name].argmax(axis=1), one.writers)}
        for name, one in sets.items()
    }
    result = {
        "members": [RunRecord.read(folder).name for folder in folders],
        "views": config["views"],
        "test": summarise_test(read["test"], digits.labels),
        "drawn": drawn,
    }
    if config.get("out"):
        write_json(path_of(config["out"]), result)
    return result


@entry("ensemble")
def main(cfg: Any) -> None:
    """Compose and read."""
    result = ensemble(resolve(cfg))
    test = result["test"]
    members = ", ".join(result["members"])
    print(f"{members}: test accuracy {test['accuracy']:.2%} ({test['errors']} of {test['n']:,} wrong)")
    for name, one in result["drawn"].items():
        print(f"{name}: {one['accuracy']:.1%} of {one['n']:,} drawings")


if __name__ == "__main__":
    main()
