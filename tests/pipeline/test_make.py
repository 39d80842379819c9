"""The Makefile, and what no file of the repository may name."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inkproof.runtime.paths import ROOT
from support.committed import kept_names

OLD_PYTHON = """\
#!/bin/sh
exec {python} -c 'import sys; sys.version_info = (3, {minor}, 4, "final", 0); exec(sys.argv[2])' "$@"
"""


def make(root: Path, *words: str) -> Any:
    # The tests may themselves run under make, whose variables would make this one a sub-make that says so.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_make_alone_lists_every_target(workspace: Any):
    done = make(workspace.root)
    assert done.returncode == 0 and done.stderr == ""
    listed = dict(line.split(maxsplit=2)[1:] for line in done.stdout.splitlines())
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    assert list(listed) == targets
    assert set(targets) == set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    assert {"demo", "test", "test-full", "lint", "ui", "clean"} <= set(targets)
    assert not (workspace.root / ".venv").exists()


@pytest.mark.parametrize("minor", [8, 10, 14])
def test_an_unsupported_python_is_refused_in_one_line(minor: int, workspace: Any):
    lock(workspace.root)
    fake = workspace.root / "old python"
    fake.write_text(OLD_PYTHON.format(python=sys.executable, minor=minor))
    fake.chmod(0o755)
    done = make(workspace.root, "demo", "PYTHON='./old python'")
    assert done.returncode == 2
    own = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\* ", line)]
    assert own == ["make: Inkproof needs Python 3.11, 3.12 or 3.13; name one with PYTHON=python3.12"]
    assert done.stdout == ""
    assert not (workspace.root / ".venv").exists()


def test_demo_runs_the_offline_pipeline_once_the_environment_is_ready(workspace: Any):
    lock(workspace.root)
    (workspace.root / ".venv").mkdir()
    (workspace.root / ".venv" / "ready").touch()
    planned = make(workspace.root, "-n", "demo").stdout.splitlines()
    assert planned[0].startswith("git config filter.optdigits.clean")
    assert planned[1:] == [
        "mkdir -p data/drawn/mine",  # DVC wants the folder, and users delete it
        'python .dvc/repro.py "about 3 minutes on 2 cores of an AMD EPYC" report@optdigits',
        "python src/report.py data=optdigits show=true",
    ]
    (workspace.root / "requirements" / "base.lock").write_text("changed\n")
    assert "--require-hashes" in make(workspace.root, "-n", "demo").stdout


def test_setup_lists_no_packages_and_ends_with_what_to_type_if_it_built_something(workspace: Any):
    lock(workspace.root)
    planned = make(workspace.root, "-n", "setup").stdout.splitlines()
    assert planned[-1] == 'echo "Ready. Now: source .venv/bin/activate"'
    assert any("uv pip sync --quiet" in line for line in planned)
    (workspace.root / ".venv").mkdir()
    (workspace.root / ".venv" / "ready").touch()
    assert "Ready" not in make(workspace.root, "setup").stdout


def lock(root: Path) -> None:
    (root / "requirements").mkdir()
    for name in ("base.lock", "bootstrap.lock"):
        (root / "requirements" / name).touch()


def test_clean_removes_outputs_and_keeps_what_is_the_users(workspace: Any):
    root = workspace.root
    made = ["mlflow.db", "mlruns/1/x", "runs/a/backup.npz", "exports/optdigits/cnn/model.tflite"]
    made += ["models/optdigits/cnn/run.json", "reports/optdigits/index.html", "src/__pycache__/x.pyc"]
    kept = ["data/drawn/mine/drawings.jsonl", ".venv/lib/x.py", ".venv/lib/__pycache__/x.pyc", ".dvc/cache/files/x"]
    kept += ["models/pretrained/cnn/model.keras", "params.yaml", "dvc.lock", "data/drawn/starter/drawings.jsonl"]
    for name in made + kept:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert make(root, "clean").returncode == 0
    assert [name for name in made if (root / name).exists()] == []
    assert [name for name in kept if not (root / name).exists()] == []


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every text file that the repository keeps."""
    for name in kept_names():
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue


def test_what_an_extra_shares_with_the_base_has_the_bases_version():
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))

    base, extra = pinned("requirements/base.lock"), pinned("requirements/coreml.lock")
    assert any(one.startswith("coremltools==9.0") for one in extra)
    names = {one.split("==")[0] for one in base}
    assert {one for one in extra if one.split("==")[0] in names} <= base


def test_no_file_names_a_package_registry():
    option = "find" + "-links"
    named = [r"://\S*/simple\b", r"(?<!--no-emit-)\bindex" + "-url", option, "py" + r"pi\.org", "python" + "hosted"]
    pattern = re.compile("|".join(named), re.IGNORECASE)
    own = Path(__file__).relative_to(ROOT).as_posix()
    seen = {name: pattern.findall(text) for name, text in texts() if name != own}
    assert {"Makefile", "pyproject.toml", "requirements/base.lock", "src/train.py"} <= set(seen)
    assert {name: found for name, found in seen.items() if found} == {}


def test_every_locked_package_is_pinned_and_hashed():
    for name in sorted(path.name for path in (ROOT / "requirements").glob("*.lock")):
        lines = (ROOT / "requirements" / name).read_text().replace("\\\n", " ").splitlines()
        packages = [line for line in lines if line and not line.lstrip().startswith("#")]
        assert packages
        for line in packages:
            assert re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
