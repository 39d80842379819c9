"""The result of a search: a file of conf/experiment, used like any other."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from inkproof.config.compose import path_of
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.runtime.paths import ROOT

FOLDER = ROOT / "conf" / "experiment"
FOUND = "Found by a search"  # the first line of such a file, below its package
GROUPS = ("data", "model", "aug", "optimizer", "callbacks", "precision")
LEFT_OUT = {"seed", "run"}  # a recipe is for every seed, and for any folder of its digits


def recipe_path(recipe: str) -> Path:
    """Return the file that `recipe` names, below conf/experiment.

    Raises UserError if `experiment=` cannot find it there, or if a file exists that was not written by a search.
    """
    path = path_of(recipe)
    if path.suffix != ".yaml" or not path.is_relative_to(FOLDER):
        raise UserError(f"recipe={recipe}: expected a file of conf/experiment, such as conf/experiment/mine.yaml")
    if path.exists() and FOUND not in path.read_text(encoding="utf-8"):
        raise UserError(f"recipe={recipe}: this recipe was not written by a search; choose another name")
    return path


def command_of(recipe: Path) -> str:
    """Return the command that trains a recipe."""
    return f"python src/train.py experiment={recipe.relative_to(FOLDER).with_suffix('').as_posix()}"


def recipe_to_write(path: Path, search: str, data: str, accuracy: float) -> Path:
    """Return where the search whose recipe begins with `search` writes it: to `path`, or beside a better recipe.

    A recipe at `path` that reached `accuracy` on the validation digits, or more, stays. One for another dataset than
    `data`, or without its accuracy, cannot be compared, so it stays as well. Then the name gets a number.
    """
    for number in count(1):
        found = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
        text = found.read_text(encoding="utf-8") if found.exists() else search
        if search in text:
            return found
        reached = re.search(r"^# Reached: +([\d.]+)%", text, re.MULTILINE)
        known = float(reached[1]) if reached and f"\n  - override /data: {data}\n" in text else math.inf
        if number == 1 and known < round(100 * accuracy, 2):
            return path
    raise AssertionError


def write_recipe(
    path: Path,
    choices: Mapping[str, str],
    config: TrainConfig,
    plain: TrainConfig,
    searched: Sequence[str],
    head: Sequence[str],
) -> None:
    """Write the experiment that trains as `config`, whole or not at all.

    `choices` are the files chosen from the groups, and `plain` is the configuration of these files. Values that differ
    from it are written, and so are the `searched` dotted keys.
    `head` are comment lines; the first begins with FOUND.
    """
    ours, theirs = (one.model_dump(mode="json", by_alias=True, exclude=LEFT_OUT) for one in (config, plain))
    values = _difference(ours, theirs, searched)
    lines = ["# @package _global_", *(f"# {line}".rstrip() for line in head), "defaults:"]
    lines += [f"  - override /{group}: {_quoted(choices[group])}" for group in GROUPS]
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=120) if values else ""
    write_text(path, "\n".join(lines) + "\n" + (f"\n{text}" if text else ""))


def _difference(
    config: Mapping[str, Any], plain: Mapping[str, Any], always: Sequence[str], prefix: str = ""
) -> dict[str, Any]:
    """Return the values of `config` that differ in `plain`, and those whose dotted keys are in `always`."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        other = plain.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            inner = _difference(value, other, always, f"{prefix}{key}.")
            if inner:
                found[key] = inner
        elif value != other or f"{prefix}{key}" in always:
            found[key] = value
    return found


def _quoted(choice: str) -> str:
    """YAML 1.1 reads on and off as true and false."""
    return f'"{choice}"' if choice in ("on", "off") else choice
