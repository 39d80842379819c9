"""What DVC draws: the graph of the stages in docs/internals.md, and plots that need no network."""

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from inkproof.runtime.paths import ROOT
from support.documents import blocks
from support.workspaces import Workspace

GRAPH = ("dvc", "dag", "--mermaid", "--collapse-foreach-matrix")
# What `make plots` installs, and what installs it.
VEGA = "def javascript_bundle(vl_version):\n    return f'window.vegaEmbed = \"Vega-Lite {vl_version}\"'\n"
UV = '#!/bin/sh\necho "$@" >> uv.log\n'


def test_the_graph_in_the_docs_is_that_of_dvc(dvc_workspace: Callable[..., Workspace]) -> None:
    printed = dvc_workspace({}).run(*GRAPH).stdout
    names = dict(re.findall(r'(node\d+)\["(.+?)"\]', printed))
    edges = {f"{names[first]} --> {names[second]}" for first, second in re.findall(r"(node\d+)-->(node\d+)", printed)}
    stages = set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert set(names.values()) == stages
    (shown,) = [text for language, text in blocks(ROOT / "docs" / "internals.md") if language == "mermaid"]
    assert shown.splitlines() == ["flowchart TD", *sorted(f"    {edge}" for edge in edges)]


def test_plots_are_drawn_without_the_web(dvc_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    workspace = dvc_workspace({})
    root = workspace.root
    for path, text in {
        "tools/bin/uv": UV,  # in no environment: that of the workspace is the one that runs the tests
        "python/vl_convert.py": VEGA,
        "models/optdigits/dense/history.csv": "epoch,val_accuracy,val_acc\n1,0.5,0.5\n2,0.75,0.75\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "tools" / "bin" / "uv").chmod(0o755)
    (root / "tools" / "ready").touch()
    assert "dvc_plots" in (ROOT / ".gitignore").read_text()
    workspace.run("make", "VENV=tools", "--assume-old=tools/ready", "plots", PYTHONPATH=str(root / "python"))
    assert "--require-hashes -r requirements/plots.lock" in (root / "uv.log").read_text()
    page = (root / "dvc_plots" / "index.html").read_text()
    assert 'window.vegaEmbed = "Vega-Lite 5.20"' in page and "0.75" in page and "vegaEmbed(" in page
    assert re.findall(r"<script[^>]*\bsrc=|<link", page) == []
