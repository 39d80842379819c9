"""Find the exported file that a word names: a path, a folder, or a name."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inkproof.config.one_line import unknown
from inkproof.exporting.files import CANVAS_FILES, MODEL_FILES
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT, require_tracking_store

FILES = (CANVAS_FILES["float32"], MODEL_FILES["float32"])  # in the folders of exports, the preferred one first
PRETRAINED = "pretrained"
REGISTRY = "models:/"  # the beginning of an address in MLflow's registry


@contextmanager
def model_file(word: str) -> Iterator[Path]:
    """Yield the file that `word` names; one out of MLflow's registry is there as long as the block lasts."""
    if not word.startswith(REGISTRY):
        yield find_model(word)
        return
    require_tracking_store()
    from inkproof.tracking.mlflow_tracker import Tracker
    from inkproof.tracking.registry import copy_export

    with tempfile.TemporaryDirectory() as folder:
        yield copy_export(Tracker(), word, FILES, Path(folder))


def find_model(word: str = PRETRAINED, root: Path = ROOT) -> Path:
    """Return the file that `word` names: a .tflite file, a folder with one of `FILES` or a run's, or a name.

    Names are `pretrained`, for models/pretrained, and D-M for exports/D/M, as in the pipeline's runs. Raises UserError,
    which lists the models, if no file has this name.
    """
    path = Path(word)
    pretrained = root / "models" / PRETRAINED
    if word and path.is_dir():
        return _in_folder(path, word, path.resolve() == pretrained.resolve())
    if path.suffix == ".tflite" or path.is_file():
        if path.exists() and not path.is_file():  # a pipe would wait for a writer without end
            raise UserError(f"--model {word}: is not a file; name an exported .tflite file")
        return path  # if it does not exist, opening it is an error
    if word == PRETRAINED:
        return _in_folder(pretrained, word, True)
    names = _names(root)
    if word in names:
        return names[word]
    data, _, model = word.rpartition("-")
    if (root / "conf" / "model" / f"{model}.yaml").is_file():
        if not data:
            close = next((name for name in names if name.endswith(f"-{word}")), f"mnist-{word}")
            raise UserError(f"--model {word}: a run's name begins with its dataset; did you mean {close}?")
        if (root / "conf" / "data" / f"{data}.yaml").is_file():
            line = f"not exported yet; run `dvc repro export@{word}` first, or name another model"
            raise UserError(f"--model {word}: {line}")
    choices = unknown(f"--model {word}", "model", word, [PRETRAINED, *names])
    others = f"a .tflite file, a folder with one, {REGISTRY}NAME@ALIAS or {REGISTRY}NAME/VERSION"
    raise UserError(f"{choices}; or {others}")


def exported_canvases(root: Path = ROOT) -> dict[str, Path]:
    """Return every `canvas.tflite` there is by its name: `pretrained`, then D-M for exports/D/M."""
    file = CANVAS_FILES["float32"]
    pretrained = root / "models" / PRETRAINED / file
    found = {PRETRAINED: pretrained} if pretrained.is_file() else {}
    return found | {name: path for name, path in _names(root).items() if path.name == file}


def _in_folder(folder: Path, word: str, committed: bool) -> Path:
    for path in (inner / name for inner in (folder, folder / "exports") for name in FILES):
        if path.is_file():
            return path
    fix = "the repository has one, `make pretrained` makes it again" if committed else "src/export.py makes them"
    raise UserError(f"--model {word}: {folder} has no {' or '.join(FILES)}; {fix}")


def _names(root: Path) -> dict[str, Path]:
    """Return the exports of the pipeline by the names of its runs."""
    found: dict[str, Path] = {}
    for name in reversed(FILES):
        for path in sorted((root / "exports").glob(f"*/*/{name}")):
            found[f"{path.parts[-3]}-{path.parts[-2]}"] = path
    return dict(sorted(found.items()))
