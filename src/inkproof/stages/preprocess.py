"""Bring drawings and stress suite to 28 x 28, once for all models; and the layer that does it, as a file."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.digits import load_digits, load_test_split
from inkproof.datasets.drawn_frames import (
    WHOLE,
    drawings_of,
    frames_of,
    frames_of_digits,
    frames_of_negatives,
    stress_frames,
    write_frames,
    write_stress,
)
from inkproof.preprocessing.corruptions import NAMES, stress_sample
from inkproof.preprocessing.rungs import RUNGS
from inkproof.runtime.errors import UserError
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import tally
from inkproof.synthetic import styles
from inkproof.synthetic.negatives import negatives

Work = Mapping[str, Callable[[], Any]]


def frames(config: dict[str, Any]) -> None:
    """Write the frames of the drawings that models are tried on, those for rules of acceptance, the stress suite."""
    name, shared = config["data"]["name"], config["data"]["frames"]
    if shared != config["data"]["folder"]:
        raise UserError(f"data={name}: its models are tried on the drawings of {shared}; make those")
    labels, stressed = of_stress(config)
    kinds = {"drawn": of_drawings(config), "acceptance": of_acceptance(config), "stress": stressed}
    work = [(kind, name, make) for kind, several in kinds.items() for name, make in several.items()]
    made: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    with tally(f"{config['data']['name']} frames", len(work)) as done:
        parts = in_order([make for _, _, make in work], int(config["data"]["workers"]))
        for (kind, name, _), part in zip(work, parts, strict=True):
            made[kind][name] = part
            done(1)
    write_frames(path_of(config["frames"]), made["drawn"])
    write_frames(path_of(config["acceptance"]), made["acceptance"])
    write_stress(path_of(config["stress"]), labels, made["stress"].values())
    for name, one in made["drawn"].items():
        print(f"{config['data']['name']} {name}: {len(one.labels):,} drawings")


def of_drawings(config: dict[str, Any]) -> Work:
    """What makes the frames of each set of drawings that is read for a data set, by name."""
    work = {}
    for name in config["data"]["drawn_sets"]:
        chosen = config["sets"][name]
        folder = path_of(chosen["folder"])
        drawings = drawings_of(config["pens"], chosen, folder)
        work[name] = partial(frames_of, folder, drawings, chosen, RUNGS)
    return work


def of_acceptance(config: dict[str, Any]) -> Work:
    """What makes the frames that rules of acceptance are chosen and reported on: validation digits and negatives."""
    val = load_digits(path_of(config["digits"]), "val")
    several = {"choices": styles.draw(100, config["negatives_seed"]), "reporting": []}
    for name in ("starter", "pens"):
        if name in config["data"]["drawn_sets"]:
            chosen = config["sets"][name]
            several["reporting"] += drawings_of(config["pens"], chosen, path_of(chosen["folder"]))
    rungs = [WHOLE]
    work: dict[str, Callable[[], Any]] = {"validation": partial(frames_of_digits, val.images, val.labels, rungs)}
    for part, digits in several.items():
        drawings = negatives(config["data"]["negatives"], config["negatives_seed"], digits, part=part)
        work[part] = partial(frames_of_negatives, drawings, rungs)
    return work


def of_stress(config: dict[str, Any]) -> tuple[Any, Work]:
    """Labels (N,) of a sample of test digits, and what makes the frames of each corruption of them, for reporting."""
    test = load_test_split(path_of(config["digits"]))
    count = min(config["data"]["stress_digits"], len(test.labels))
    chosen = stress_sample(test.labels, count, config["stress_seed"])
    images = test.images[chosen]
    return test.labels[chosen], {name: partial(stress_frames, images, config["stress_seed"], name) for name in NAMES}
