"""Bring drawings and stress suite to 28 x 28, once for all models: python src/frames.py data=mnist."""

from typing import Any

from inkproof.config import path_of, resolve
from inkproof.entry import entry
from inkproof.errors import UserError
from inkproof.ink.corruptions import CORRUPTIONS, SEVERITIES
from inkproof.ink.drawn_frames import (
    DrawnFrames,
    drawings_of,
    frames_of,
    frames_of_digits,
    frames_of_negatives,
    write_frames,
)
from inkproof.ink.stress_frames import write_stress
from inkproof.sources import styles
from inkproof.sources.digits import load_digits, load_test_split
from inkproof.sources.negatives import negatives
from inkproof.sources.progress import tally


def frames(config: dict[str, Any]) -> dict[str, DrawnFrames]:
    """Write the frames of all sets that are read for a data set; return them by name."""
    sets = {}
    for name in config["data"]["drawn_sets"]:
        chosen = config["sets"][name]
        folder = path_of(chosen["folder"])
        sets[name] = frames_of(folder, drawings_of(config["pens"], chosen, folder), chosen, config["rungs"])
        print(f"{config['data']['name']} {name}: {len(sets[name].labels):,} drawings", flush=True)
    write_frames(path_of(config["frames"]), sets)
    return sets


def acceptance(config: dict[str, Any]) -> None:
    """Write the frames that rules of acceptance are chosen and reported on: validation digits and negatives."""
    val = load_digits(path_of(config["digits"]), "val")
    several = {"choices": styles.draw(100, config["negatives_seed"]), "reporting": []}
    for name in ("starter", "pens"):
        if name in config["data"]["drawn_sets"]:
            chosen = config["sets"][name]
            several["reporting"] += drawings_of(config["pens"], chosen, path_of(chosen["folder"]))
    rungs = config["rungs"][-1:]
    sets = {"validation": frames_of_digits(val.images, val.labels, rungs)}
    for part, digits in several.items():
        drawings = negatives(config["data"]["negatives"], config["negatives_seed"], digits, part=part)
        sets[part] = frames_of_negatives(drawings, rungs)
    write_frames(path_of(config["acceptance"]), sets)


def stress(config: dict[str, Any]) -> None:
    """Write the frames of the stress suite on a sample of test digits, for reporting."""
    test = load_test_split(path_of(config["digits"]))
    count = min(config["data"]["stress_digits"], len(test.labels))
    cells = write_stress(path_of(config["stress"]), test.images, test.labels, count, config["stress_seed"])
    with tally(f"{config['data']['name']} stress", len(CORRUPTIONS) * len(SEVERITIES) + 1) as done:
        for _ in cells:
            done(1)


@entry("drawn")
def main(cfg: Any) -> None:
    """Compose and bring the drawings to frames."""
    config = resolve(cfg)
    name, shared = config["data"]["name"], config["data"]["frames"]
    if shared != config["data"]["folder"]:
        raise UserError(f"data={name}: its models are tried on the drawings of {shared}; make those")
    frames(config)
    acceptance(config)
    stress(config)


if __name__ == "__main__":
    main()
