"""Read test digits and drawings with the mean answer of several runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from inkproof.config.compose import path_of
from inkproof.data.digits import load_test_split
from inkproof.datasets.drawn_frames import read_frames
from inkproof.evaluation.metrics import summarise_drawn, summarise_test
from inkproof.evaluation.views import predict_views
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.tracking.record import RunRecord


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


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield what is said of an ensemble on the terminal."""
    test = result["test"]
    members = ", ".join(result["members"])
    yield f"{members}: test accuracy {test['accuracy']:.2%} ({test['errors']} of {test['n']:,} wrong)"
    for name, one in result["drawn"].items():
        yield f"{name}: {one['accuracy']:.1%} of {one['n']:,} drawings"
