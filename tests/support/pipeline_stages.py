"""dvc.yaml as DVC understands it."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from dvc.repo import Repo
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

# The configuration of each command of a script, where it is not called as the script.
PRIMARY = {"train": "config", "evaluate drawn": "drawn"}


@dataclass(frozen=True)
class Stage:
    """A stage; `metrics` are among its `outs`."""

    name: str
    words: list[str]
    deps: frozenset[str]
    outs: frozenset[str]
    metrics: frozenset[str]

    @property
    def kind(self) -> str:
        return self.name.partition("@")[0]

    @property
    def script(self) -> str:
        return Path(self.words[1]).stem

    @property
    def command(self) -> str | None:
        """The word that names a script's command; None for what the script does without one."""
        return self.words[2] if len(self.words) > 2 and self.words[2].isidentifier() else None

    @property
    def overrides(self) -> list[str]:
        return self.words[3:] if self.command else self.words[2:]

    @property
    def conf(self) -> set[str]:
        return {dep for dep in self.deps if dep.startswith("conf/")}

    @property
    def code(self) -> set[str]:
        """The code of the package that it depends on, without the script."""
        return {dep for dep in self.deps if dep.startswith("src/inkproof/")}

    @cached_property
    def primary(self) -> str | None:
        """The file of conf/ that it is composed of; None where there is nothing to configure."""
        if self.kind == "normalizer":
            return None
        return PRIMARY.get(f"{self.script} {self.command}", PRIMARY.get(self.script, self.script))


def stages_of(root: Path) -> dict[str, Stage]:
    """The stages of dvc.yaml, by name."""
    with Repo(str(root)) as repo:
        return {
            (name := stage.addressing.rpartition(":")[2]): Stage(
                name,
                shlex.split(stage.cmd),
                frozenset(dep.def_path for dep in stage.deps if dep.def_path != "params.yaml"),
                frozenset(out.def_path for out in stage.outs),
                frozenset(out.def_path for out in stage.outs if out.metric),
            )
            for stage in repo.index.stages
        }


def composed_of(root: Path, stage: Stage) -> tuple[dict[str, Any], set[str]]:
    """The unresolved configuration of a stage's command, and the files of conf/ that it is composed of.

    Of a dataset that is mixed of others, the files of those count only where it is made.
    """
    if stage.primary is None:
        return {}, set()
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        composed = compose(stage.primary, stage.overrides, return_hydra_config=True)
    choices = composed.hydra.runtime.choices
    files = {
        f"conf/{group.partition('@')[0]}/{option}.yaml"
        for group, option in choices.items()
        if option is not None and not group.startswith("hydra/")
    } - {"conf/hydra/quiet.yaml"}  # how a command logs
    if stage.script == "download":
        files |= {inner for file in files for inner in taken_in(root, file)}
    config = OmegaConf.to_container(composed)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items() if key != "hydra"}, {f"conf/{stage.primary}.yaml", *files}


def taken_in(root: Path, file: str) -> set[str]:
    """The files of conf/ that the file of a dataset takes in, of which Hydra's own list of choices says nothing."""
    entries = (yaml.safe_load((root / file).read_text()) or {}).get("defaults", [])
    group = Path(file).parent
    mixed = [entry.partition("@")[0] for entry in entries if isinstance(entry, str) and "@" in entry]
    return {f"{group}/{name}.yaml" for name in mixed}
