"""The weights that a training begins with where they are not drawn at random: `init=` of src/train.py."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.run_record import RunRecord

if TYPE_CHECKING:
    import keras


def weights_file(init: str) -> Path:
    """Return the .keras file that `init` means: that file, or the one in the folder of a run.

    A relative path counts from the repository's root. Raises UserError where there is no such file.
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


def parent_of(init: str) -> dict[str, str]:
    """Return what a run remembers of its first weights: `file`, `sha256` and, where a run left them, its id as `run`.

    The file is named from the repository's root where it lies in it.
    """
    file = weights_file(init)
    named = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
    parent = {"file": named, "sha256": weights_sha(init)}
    if (file.parent / "run.json").is_file():
        parent["run"] = RunRecord.read(file.parent).run_id
    return parent


def start_from(model: "keras.Model", init: str) -> None:
    """Give `model` the weights that `init` names; raises UserError where they are those of another network.

    Layers are compared by kind, shape of what they give, and shapes of their weights; what has no weights and changes
    no shape, such as the rate of a dropout, may differ.
    """
    from inkproof.trained_model import load_network  # brings NumPy, which train.py --help need not wait for

    parent = load_network(weights_file(init))
    theirs, ours = _layers(parent), _layers(model)
    if theirs != ours:
        at = next((at for at, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]), None)
        difference = (
            f"{len(theirs)} layers instead of {len(ours)}"
            if at is None
            else f"layer {at + 1} is {theirs[at]}, not {ours[at]}"
        )
        raise UserError(
            f"init={init}: another network than the one to be trained ({difference}); choose the model and the "
            "model.build that it was trained with"
        )
    model.set_weights(parent.get_weights())


def _layers(model: "keras.Model") -> list[str]:
    return [
        " ".join([type(layer).__name__, *(_shape(weight.shape) for weight in layer.weights), f"to {_given(layer)}"])
        for layer in model.layers
    ]


def _given(layer: "keras.Layer") -> str:
    output = layer.output
    return _shape((output[0] if isinstance(output, list) else output).shape[1:])


def _shape(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))
