"""Read test digits and drawings with the mean answer of several runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from inkproof.config.compose import path_of
from inkproof.data.digits import load_test_split
from inkproof.datasets.preprocessed import read_preprocessed
from inkproof.evaluation.metrics import summarize_drawn, summarize_test
from inkproof.evaluation.test_time_augmentation import predict_tta
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.tracking.run_metadata import RunMetadata


def ensemble(config: dict[str, Any]) -> dict[str, Any]:
    """Return what the mean of the probabilities of `config["runs"]` reads: `test`, `drawn` by set, and the members."""
    folders = [path_of(run) for run in config["runs"]]
    if not folders:
        raise UserError("runs=[]: give the folders of the runs whose answers are to be ema")
    digits = load_test_split(path_of(config["digits"]))
    sets = {name: one for name, one in read_preprocessed(path_of(config["frames"])) if len(one.labels)}
    images = {"test": digits.images, **{name: one.methods[config["method"]] for name, one in sets.items()}}
    joined = np.concatenate(list(images.values()))
    total = np.zeros((len(joined), 10))
    for folder in folders:
        total += predict_tta(load_trained(folder), joined, config["tta"])
    ends = np.cumsum([len(seen) for seen in images.values()])[:-1]
    read: Mapping[str, np.ndarray] = dict(zip(images, np.split(total / len(folders), ends), strict=True))
    drawn = {
        name: {"n": len(one.labels), **summarize_drawn(one.labels, read[name].argmax(axis=1), one.writers)}
        for name, one in sets.items()
    }
    result = {
        "members": [RunMetadata.read(folder).name for folder in folders],
        "tta": config["tta"],
        "test": summarize_test(read["test"], digits.labels),
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
