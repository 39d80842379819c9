"""Where a result comes from: machine, user, script and commit of the code."""

import getpass
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from inkproof.runtime.accelerators import gpu_names
from inkproof.runtime.paths import HOME, ROOT


def describe_machine() -> str:
    """Return the processor's name and core count, and the names of GPUs."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: *(.*\S)", file.read_text() if file.exists() else "", re.MULTILINE)
    name = found[1] if found else platform.processor() or platform.machine()
    return ", ".join([name, f"{os.cpu_count()} cores", *gpu_names()])


def clone() -> str:
    """Return the name of this computer and the folder of its runs, by which MLflow's runs of other clones are told."""
    return f"{platform.node()}:{HOME}"


def user() -> str:
    """Return the name of this process's user, or the number of one without a name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def script() -> str:
    """Return the script that started this process, relative to the repository's root."""
    path = Path(sys.argv[0]).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def git_commit() -> str:
    """Return the commit of the working tree, with "+" after it if the code differs from it.

    It is "unknown" without git, and for a copy that lies inside another repository.
    """
    try:
        if Path(_git("rev-parse", "--show-toplevel")).resolve() != ROOT.resolve():
            return "unknown"
        commit = _git("rev-parse", "HEAD")
        # A study adds to its results while it runs. They do not change what its grid runs compute.
        dirty = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!experiments")
        dirty += _git("status", "--porcelain", "--untracked-files=all", "--", "src", "conf")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if dirty else "")


def _git(*words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *words], cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()
