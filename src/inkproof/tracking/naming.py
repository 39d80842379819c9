"""Names of runs that say what differs, and the overrides of conf/ that make a run again."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.errors import HydraException

from inkproof.config.compose import composing, files_of
from inkproof.config.schema import RunIdentity, TrainConfig, flatten
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import HOME, ROOT

# What names of runs call these keys; any other is called by its last word. docs/tracking.md has this table.
SHORT = {
    "optimizer.learning_rate": "lr",
    "optimizer.name": "optimizer",
    "training.batch_size": "batch",
    "training.train_size": "digits",
    "training.label_smoothing": "smoothing",
    "training.teacher.runs": "teachers",
    "data.source.copies": "copies",
    "precision.policy": "precision",
}
GROUPS = ("data", "model", "aug")  # every name has model and aug; a dataset has an MLflow experiment of its own
FILES = ("experiment", "optimizer", "callbacks")  # groups of conf/ of which one file replaces many values
LENGTH = 200  # most characters of a name
PLAIN = re.compile(r"(?!(?i:null|true|false|inf|nan)$)[A-Za-z_./][\w./-]*")  # texts that Hydra reads without quotes


def override(key: str, value: Any) -> str:
    """Return `key=value` for Hydra; `value` is a text, number, null, list or mapping."""
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float) or PLAIN.fullmatch(value):
        return str(value)
    # A quoted text stays a text: "1" must not become a number, nor "a,b" two values.
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def overrides_of(config: TrainConfig) -> tuple[str, ...]:
    """Return the overrides that make `config` beside those for its dataset, model, augmentation and seed.

    Values are compared, not what was typed. So trials of a search and grid runs of a study have them, too. A file of
    conf/ replaces the values that it explains: `optimizer=sgd`, `experiment=digitre`.
    """
    names, values = _names(config), _values(config)
    with composing() as compose:

        def difference(words: tuple[str, ...]) -> tuple[str, ...]:
            plain = _values(compose(TrainConfig, (*chosen_files(names, config.seed), *words)))
            return (*words, *_difference(values, plain))

        found = difference(())
        for group in FILES:
            keys = [word.lstrip("+~") for word in found if "=" in word or word.startswith("~")]
            inside = [key for key in keys if group == "experiment" or key.startswith(f"{group}.")]
            if len(inside) < (4 if group == "experiment" else 2):
                continue
            chosen = tuple(word for word in found if word.partition("=")[0] in FILES)
            for file in files_of(group):
                try:
                    with_file = difference((*chosen, override(group, file)))
                except (UserError, HydraException):
                    continue  # a file that needs more than the groups above, or is broken
                if len(with_file) < len(found):
                    found = with_file
    # As the user would type it: a relative path starts at the repository's root.
    return tuple(word.replace(f"{HOME}/", "").replace(f"{ROOT}/", "") for word in found)


def chosen_files(names: Mapping[str, str], seed: int) -> tuple[str, ...]:
    """The overrides for the files of conf/ called `names`, by group, as far as there are any, and for the seed."""
    files = {group: name for group, name in names.items() if (ROOT / "conf" / group / f"{name}.yaml").is_file()}
    return (*(override(group, name) for group, name in files.items()), override("seed", seed))


def _values(config: TrainConfig) -> dict[str, Any]:
    """What decides the result of `config`, by dotted key; of its data how they are made."""
    return config.identity().flat() | flatten({"data": {"source": config.data.source.node()}})


def _difference(values: Mapping[str, Any], plain: Mapping[str, Any]) -> list[str]:
    """Return the overrides that turn `plain` into `values`; of a component that is gone, one."""
    gone = {key.removesuffix("._target_") for key in plain if key.endswith("._target_") and key not in values}
    words = [f"~{key}" for key in sorted(gone)]
    words += [f"~{key}" for key in plain if key not in values and key.rpartition(".")[0] not in gone]
    for key, value in values.items():
        if key not in plain:
            words.append(f"+{override(key, value)}")
        elif plain[key] != value:
            words.append(override(key, value))
    return words


def described(overrides: Sequence[str]) -> str:
    """Return overrides in short: `lr=0.01 patience=3`. Keys are called by SHORT, or by their last word.

    Files of conf/ come last, since MLflow cuts the end of a name, and other values vary more within a sweep.
    """
    keys = [word.lstrip("+~").partition("=")[0] for word in overrides]
    known = [SHORT.get(key, key.removesuffix("._target_").rpartition(".")[2]) for key in keys]
    times = Counter(known)
    names = [name if times[name] == 1 else ".".join(key.split(".")[-2:]) for key, name in zip(keys, known, strict=True)]
    parts = list(zip(overrides, keys, names, strict=True))
    parts.sort(key=lambda part: (part[1] != "experiment", part[1] in FILES, part[1] not in SHORT))
    return " ".join(f"{name}={_brief(key, word)}" for word, key, name in parts)


def _brief(key: str, word: str) -> str:
    """The value of an override as names show it."""
    _, given, text = word.partition("=")
    if not given:
        return "none"
    if key == "training.teacher.runs":
        return str(text.count(",") + 1)
    if key.endswith("_target_"):
        return text.rpartition(".")[2]
    text = text.strip("[]").replace("'", "").removeprefix("mixed_")
    try:
        return text if text.isdigit() else f"{float(text):g}"
    except ValueError:
        return text.rpartition("/")[2]  # a path by its last part


def run_name(config: TrainConfig, overrides: Sequence[str]) -> str:
    """Return the name of a run: `cnn aug=on lr=0.01 s3`."""
    words = (config.model.name, f"aug={config.aug.name}", described(overrides))
    return f"{' '.join(filter(None, words))[:LENGTH]} s{config.seed}"


def command(config: RunIdentity, overrides: Sequence[str]) -> str:
    """Return the command that trains a run again."""
    return shlex.join(["python", "src/train.py", *chosen_files(_names(config), config.seed), *overrides])


def _names(config: RunIdentity) -> dict[str, str]:
    return {group: getattr(config, group).name for group in GROUPS}
