"""Which pictures a command line means: files as they are named, folders walked."""

import os
from collections.abc import Sequence
from pathlib import Path

from inkproof.predicting.prediction import Unreadable
from inkproof.sources.labelled_pictures import numeric
from inkproof.sources.pictures import SUFFIXES


def find_pictures(paths: Sequence[str], leave_out: Path | None = None) -> tuple[list[str], list[Unreadable]]:
    """Return the pictures that `paths` mean, in the order of `paths`, and the folders that give none.

    What is no folder is taken as a picture, whatever its name and whether it exists: reading it will tell. A
    folder is walked, in numeric order (digit2.png before digit10.png), for files with a picture's suffix; hidden
    files and folders are passed over, and so is `leave_out`, the contact sheet of an earlier call.
    """
    pictures: list[str] = []
    faults: list[Unreadable] = []
    for path in paths:
        if not path or not Path(path).is_dir():
            pictures.append(path)
            continue
        unread: list[OSError] = []
        found = _walk(path, unread)
        faults += [Unreadable(str(error.filename), error.strerror or "cannot be read") for error in unread]
        if leave_out is not None:
            found = [name for name in found if not _same(name, leave_out)]
        if not found and not unread:
            faults.append(Unreadable(path, f"holds no pictures ({', '.join(suffix[1:] for suffix in SUFFIXES)})"))
        pictures += found
    return pictures, faults


def _walk(folder: str, unread: list[OSError]) -> list[str]:
    found = []
    for parent, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)  # noqa: PTH118  (as it was typed: a Path drops the ./ at its head)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and Path(path).is_file():
                found.append(path)
    return sorted(found, key=lambda path: (numeric(path), path))


def _same(path: str, other: Path) -> bool:
    return Path(path).name == other.name and Path(path).resolve() == other.resolve()
