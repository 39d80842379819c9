"""What the exported files of a model are called, in which forms its weights are kept, and which file a word means."""

import difflib
from pathlib import Path

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

FORMS = ("float32", "float16", "dynamic", "int8")
"""float32: as trained. float16: halved weights, computed in float32. dynamic: int8 weights in tensors of 1,024
and more, activations quantised as they come. int8: weights and activations, with ranges found on training digits."""

MODEL_FILES = {
    "float32": "model.tflite",
    "float16": "model_float16.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
}
"""LiteRT files of the network alone, 28 x 28 in; `int8` takes and gives uint8."""

CANVAS_FILES = {
    "float32": "canvas.tflite",
    "float16": "canvas_float16.tflite",
    "dynamic": "canvas_dynamic.tflite",
    "int8": "canvas_int8.tflite",
}
"""LiteRT files of layer and network, a canvas in; the form is that of the network, the layer is always float32."""

LAYER_FILE = ROOT / "exports" / "layer.tflite"
"""The normalisation alone, a canvas in, 28 x 28 out: what every canvas*.tflite begins with."""

COREML_FILE = "model.mlpackage"
SAVED_MODEL = "saved_model"
LABELS_FILE = "labels.txt"
"""Packed in every LiteRT file: what each of the ten probabilities stands for, a line each."""

FILES = (CANVAS_FILES["float32"], MODEL_FILES["float32"])
"""What an exported model is called in its folder, the one to be preferred first."""

PRETRAINED = "pretrained"
REGISTRY = "models:/"
"""What an address in MLflow's registry begins with; `registry.copy_export` finds those."""


def kilobytes(path: Path, decimals: int = 1) -> float:
    """Return the size of a file, or of all files in a folder, in kilobytes of 1,024 bytes."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files) / 1024, decimals)


def find_model(word: str = PRETRAINED, root: Path = ROOT) -> Path:
    """Return the file that `word` means: a .tflite file, a folder that holds one of `FILES` or a run's, or a name.

    Names are `pretrained`, for models/pretrained, and D-M for exports/D/M, as the pipeline calls its runs.

    Raises:
        UserError: there is no such thing; the line says what there is.
    """
    path = Path(word)
    pretrained = root / "models" / PRETRAINED
    if word and path.is_dir():
        return _in_folder(path, word, path.resolve() == pretrained.resolve())
    if path.suffix == ".tflite" or path.is_file():
        return path  # the reader says what is wrong with it
    if word == PRETRAINED:
        return _in_folder(pretrained, word, True)
    names = _names(root)
    if word in names:
        return names[word]
    data, _, model = word.partition("-")
    if (root / "conf" / "data" / f"{data}.yaml").is_file() and (root / "conf" / "model" / f"{model}.yaml").is_file():
        raise UserError(f"--model {word}: not exported yet; run `dvc repro export@{word}` first, or name another model")
    known = [PRETRAINED, *names]
    close = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UserError(
        f"--model {word}: there is no such model; {hint}choose one of: {', '.join(known)}; "
        f"or a .tflite file, a folder with one, {REGISTRY}NAME@ALIAS or {REGISTRY}NAME/VERSION"
    )


def exported_canvases(root: Path = ROOT) -> dict[str, Path]:
    """Return every `canvas.tflite` there is by its name: `pretrained`, then D-M for exports/D/M."""
    file = CANVAS_FILES["float32"]
    pretrained = root / "models" / PRETRAINED / file
    found = {PRETRAINED: pretrained} if pretrained.is_file() else {}
    return found | {name: path for name, path in _names(root).items() if path.name == file}


def _in_folder(folder: Path, word: str, ours: bool) -> Path:
    for path in (inner / name for inner in (folder, folder / "exports") for name in FILES):
        if path.is_file():
            return path
    mend = "the repository comes with one, `make pretrained` makes it anew" if ours else "src/export.py makes them"
    raise UserError(f"--model {word}: {folder} holds no {' or '.join(FILES)}; {mend}")


def _names(root: Path) -> dict[str, Path]:
    """The exports of the pipeline by the names of its runs."""
    found: dict[str, Path] = {}
    for name in reversed(FILES):
        for path in sorted((root / "exports").glob(f"*/*/{name}")):
            found[f"{path.parts[-3]}-{path.parts[-2]}"] = path
    return dict(sorted(found.items()))
