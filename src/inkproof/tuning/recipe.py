"""What a search found, as a file of conf/experiment that training takes like any other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from inkproof.atomic import write_text

GROUPS = ("data", "model", "aug", "optimizer", "callbacks", "precision")
# What does not belong in a recipe: which run it is, and where its digits lie.
LEFT_OUT = ("seed", "digits", "force", "out", "register", "experiment_name")


def write_recipe(
    path: Path, choices: Mapping[str, str], config: Mapping[str, Any], plain: Mapping[str, Any], head: Sequence[str]
) -> None:
    """Write the experiment that trains as `config`, whole or not at all.

    `choices` are the files chosen from the groups, `plain` is the configuration that these alone give: what differs
    from it is written out. `head` are lines of comment.
    """
    values = {key: value for key, value in _difference(config, plain).items() if key not in LEFT_OUT}
    lines = ["# @package _global_", *(f"# {line}".rstrip() for line in head), "defaults:"]
    lines += [f"  - override /{group}: {_quoted(choices[group])}" for group in GROUPS]
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=120) if values else ""
    write_text(path, "\n".join(lines) + "\n" + (f"\n{text}" if text else ""))


def _difference(config: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the leaves of `config` that `plain` does not have so."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        other = plain.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            inner = _difference(value, other)
            if inner:
                found[key] = inner
        elif value != other:
            found[key] = value
    return found


def _quoted(choice: str) -> str:
    """YAML 1.1 reads on and off as true and false."""
    return f'"{choice}"' if choice in ("on", "off") else choice
