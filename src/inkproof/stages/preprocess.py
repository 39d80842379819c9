"""Bring drawings and corruptions to 28 x 28, once for all models; and the layer that does it, as a file."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.digits import load_digits, load_test_split
from inkproof.datasets.preprocessed import (
    NORMALIZED_METHOD,
    drawings_of,
    preprocessed_corruptions,
    preprocessed_digits,
    preprocessed_drawings,
    preprocessed_ood,
    write_corruptions,
    write_preprocessed,
)
from inkproof.preprocessing.corruptions import NAMES, corruption_sample
from inkproof.preprocessing.methods import METHODS
from inkproof.runtime.errors import UserError
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import tally
from inkproof.synthetic import glyph_templates
from inkproof.synthetic.ood_samples import ood_samples

Work = Mapping[str, Callable[[], Any]]


def frames(config: dict[str, Any]) -> None:
    """Write the frames of the drawings that models are tried on, those for rules of thresholds, the corruptions."""
    name, shared = config["data"]["name"], config["data"]["frames"]
    if shared != config["data"]["folder"]:
        raise UserError(f"data={name}: its models are tried on the drawings of {shared}; make those")
    labels, corrupted = of_corruptions(config)
    kinds = {"drawn": of_drawings(config), "thresholds": of_thresholds(config), "corruptions": corrupted}
    work = [(kind, name, make) for kind, several in kinds.items() for name, make in several.items()]
    made: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    with tally(f"{config['data']['name']} frames", len(work)) as done:
        parts = in_order([make for _, _, make in work], int(config["data"]["workers"]))
        for (kind, name, _), part in zip(work, parts, strict=True):
            made[kind][name] = part
            done(1)
    write_preprocessed(path_of(config["frames"]), made["drawn"])
    write_preprocessed(path_of(config["thresholds"]), made["thresholds"])
    write_corruptions(path_of(config["corruptions"]), labels, made["corruptions"].values())
    for name, one in made["drawn"].items():
        print(f"{config['data']['name']} {name}: {len(one.labels):,} drawings")


def of_drawings(config: dict[str, Any]) -> Work:
    """What makes the frames of each set of drawings that is read for a dataset, by name."""
    work = {}
    for name in config["data"]["drawn_sets"]:
        chosen = config["sets"][name]
        folder = path_of(chosen["folder"])
        drawings = drawings_of(config["pens"], chosen, folder)
        work[name] = partial(preprocessed_drawings, folder, drawings, chosen, METHODS)
    return work


def of_thresholds(config: dict[str, Any]) -> Work:
    """What makes the frames that rules of thresholds are chosen and reported on: validation digits and ood_samples."""
    val = load_digits(path_of(config["digits"]), "val")
    several = {"validation": glyph_templates.draw(100, config["ood_seed"]), "test": []}
    for name in ("starter", "pens"):
        if name in config["data"]["drawn_sets"]:
            chosen = config["sets"][name]
            several["test"] += drawings_of(config["pens"], chosen, path_of(chosen["folder"]))
    methods = [NORMALIZED_METHOD]
    work: dict[str, Callable[[], Any]] = {"validation": partial(preprocessed_digits, val.images, val.labels, methods)}
    for part, digits in several.items():
        drawings = ood_samples(config["data"]["ood_samples"], config["ood_seed"], digits, part=part)
        work[part] = partial(preprocessed_ood, drawings, methods)
    return work


def of_corruptions(config: dict[str, Any]) -> tuple[Any, Work]:
    """Labels (N,) of a sample of test digits, and what makes the frames of each corruption of them, for reporting."""
    test = load_test_split(path_of(config["digits"]))
    count = min(config["data"]["corruption_digits"], len(test.labels))
    chosen = corruption_sample(test.labels, count, config["corruption_seed"])
    images = test.images[chosen]
    return test.labels[chosen], {
        name: partial(preprocessed_corruptions, images, config["corruption_seed"], name) for name in NAMES
    }
