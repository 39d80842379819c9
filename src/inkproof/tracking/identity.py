"""The identity of a run: its configuration, its data, its code and its initial weights."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inkproof.config.compose import path_of
from inkproof.config.schema import Policy, RunIdentity, TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.runtime.paths import ROOT

# The code that decides the result of a training. After a change of it, the same configuration is a new run. The code
# that makes the digits is left out, because their own SHA-256 is part of the key.
TRAINING_CODE = ("stages/train.py", "data/digits.py", "data/splits.py", "models", "training")


def code_sha(folders: Sequence[str] = TRAINING_CODE) -> str:
    """Return the SHA-256 of the code in `folders` (or files) of the package, by default the training code."""
    digest = hashlib.sha256()
    package = ROOT / "src" / "inkproof"
    for folder in folders:
        paths = [package / folder] if folder.endswith(".py") else sorted((package / folder).rglob("*.py"))
        for path in paths:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run_key(identity: RunIdentity, data_sha: str, code: str) -> str:
    """Return the identity of a run: ten hexadecimal digits from its configuration, data and code."""
    return short_hash(identity.model_dump(mode="json", by_alias=True), data_sha, code)


def short_hash(*parts: Any) -> str:
    """Return ten hexadecimal digits of the SHA-256 of `parts`, which must be valid JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def configuration_key(params: Mapping[str, Any], sha: str, policy: str = "auto") -> str:
    """Return the hash of a configuration and its data, without the seed.

    `params` are flattened, as MLflow holds them, so that runs in results tables and in MLflow can be compared. `policy`
    is the number format that was asked for: the one that "auto" chooses on a machine makes no difference.
    """
    left_out = ("seed", "precision.policy")
    chosen = {key: str(value) for key, value in params.items() if key not in left_out}
    return short_hash(chosen if policy == "auto" else {**chosen, "precision.policy": policy}, sha)


def weights_file(init: str) -> Path:
    """Return the .keras file that `init` means: that file, or the one in the folder of a run.

    A relative path counts from the repository's root. Raises UserError if the file does not exist.
    """
    path = path_of(init)
    if path.is_dir():
        path = path / "model.keras"
    if path.suffix != ".keras" or not path.is_file():
        raise UserError(
            f"training.init={init}: no trained model there; give a .keras file, or a folder with a model.keras"
        )
    return path


def identity(config: TrainConfig, policy: Policy, teachers: Sequence[str] | None = None) -> RunIdentity:
    """Return the part of a training configuration that decides the result; `policy` is the number format used.

    Initial weights are identified by their SHA-256, and teachers by the keys of their runs, not by their paths.
    `teachers` are these keys. Without them `training.teacher.runs` stays unchanged. Raises UserError if the weights do
    not exist.
    """
    chosen = config.identity()
    training, update = chosen.training, dict[str, Any]()
    if training.init is not None:
        update["init"] = sha256_of(weights_file(training.init))
    if teachers is not None:
        update["teacher"] = training.teacher.model_copy(update={"runs": tuple(teachers)})
    training = training.model_copy(update=update)
    precision = chosen.precision.model_copy(update={"policy": policy})
    return chosen.model_copy(update={"training": training, "precision": precision})
