"""What the repository holds, whatever the pipeline has made since: files as git has them in HEAD."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT


def _git(*words: str) -> bytes:
    """Return what git prints in the repository; skip the test where there is no git, or no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs git, which has the committed files")
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        pytest.skip(f"needs a git repository with the committed files: {' '.join(reason)}")
    return done.stdout


def committed(path: str) -> bytes:
    """Return the committed content of the file `path`, named from the repository's root."""
    return _git("show", f"HEAD:{path}")


def kept_names() -> list[str]:
    """Return the paths of all files that git keeps or would add: what the pipeline makes is ignored by git."""
    return _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().strip("\0").split("\0")


def committed_folder(folder: str, target: Path) -> Path:
    """Write the committed files in and below `folder` to the same path below `target`; return the folder there."""
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", "HEAD", folder))) as archive:
        archive.extractall(target, filter="data")
    return target / folder
