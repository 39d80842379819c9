"""What makes a run the same run: its configuration, its data, its code and the weights that it begins with."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

# The code that decides what a training computes; a change in it makes a new run of the same configuration.
TRAINING_CODE = ("data/splits.py", "models", "training")


def code_sha(folders: Sequence[str] = TRAINING_CODE) -> str:
    """Return the SHA-256 of the code in `folders`, or files, of the package; training's if none are given."""
    digest = hashlib.sha256()
    package = ROOT / "src" / "inkproof"
    for folder in folders:
        paths = [package / folder] if folder.endswith(".py") else sorted((package / folder).rglob("*.py"))
        for path in paths:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run_key(identity: dict[str, Any], data_sha: str, code: str) -> str:
    """Return the identity of a run: ten hexadecimal digits from its configuration, data and code."""
    text = json.dumps([identity, data_sha, code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def configuration_key(params: Mapping[str, Any], sha: str, policy: str = "auto") -> str:
    """Return the hash of a configuration and its data, whatever the seed.

    `params` are flattened, as MLflow holds them, so that runs in a ledger and in the tracker can be told to be alike.
    `policy` is the number format that was asked for: what "auto" comes to on some machine makes no difference.
    """
    left_out = ("seed", "precision.policy")
    chosen = {key: str(value) for key, value in params.items() if key not in left_out}
    return run_key(chosen if policy == "auto" else {**chosen, "precision.policy": policy}, sha, "")


def weights_file(init: str) -> Path:
    """Return the .keras file that `init` means: that file, or the one in the folder of a run.

    A relative path counts from the repository's root. Raises UserError where unknown file.
    """
    path = ROOT / init
    if path.is_dir():
        path = path / "model.keras"
    if path.suffix != ".keras" or not path.is_file():
        raise UserError(f"init={init}: no trained model there; name a .keras file, or a folder with a model.keras")
    return path


def weights_sha(init: str) -> str:
    """Return the SHA-256 of the file that `init` means."""
    with weights_file(init).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Keys that say where and how a run is done, not what is computed: they do not change its identity.
NOT_IDENTITY = ("force", "out", "register", "digits", "experiment_name")


def identity(config: dict[str, Any], policy: str) -> dict[str, Any]:
    """Return the part of a training configuration that decides the result; `policy` is the number format used.

    Weights to begin with are known by their SHA-256, wherever they lie; raises UserError where there are none.
    """
    chosen = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    if config["init"] is None:
        del chosen["init"]  # as runs were known before there was a choice
    else:
        chosen["init"] = weights_sha(config["init"])
    if config["train_size"] is None:
        del chosen["subset_seed"]  # all digits are no choice
    # What is switched off is left out: runs are told apart as they were before there was such a switch.
    if config["folds"] is None:
        del chosen["folds"], chosen["fold"]
    if not config["label_smoothing"]:
        del chosen["label_smoothing"]
    if not config["teacher"]["runs"]:
        del chosen["teacher"]
    data = {key: config["data"][key] for key in ("name", "val", "repeat")}
    return {**chosen, "data": data, "precision": {"policy": policy}}
