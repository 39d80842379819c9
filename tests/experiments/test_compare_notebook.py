"""experiments/compare.ipynb: its outputs are committed, small, and what a clone prints today."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from inkproof.runtime.paths import ROOT
from support.workspaces import Workspace

NOTEBOOK = Path("experiments", "compare.ipynb")
MOST_KB = 100


def texts(notebook: Any) -> list[str]:
    """What its cells print and return as text, figures by their size alone."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    return [output["text"] if "text" in output else output["data"]["text/plain"] for output in outputs]


def read(root: Path) -> Any:
    return nbformat.read(root / NOTEBOOK, as_version=4)


def test_its_outputs_are_committed_and_small() -> None:
    notebook = read(ROOT)
    nbformat.validate(notebook)
    assert (ROOT / NOTEBOOK).stat().st_size < MOST_KB * 1024
    found = texts(notebook)
    assert any("\N{PLUS-MINUS SIGN}" in text for text in found) and any("Figure" in text for text in found)
    assert not re.search(r"/(tmp|home|work|Users)/", (ROOT / NOTEBOOK).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_clone_runs_it_and_prints_what_is_committed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    notebook = read(workspace.root)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    where = {"metadata": {"path": str(workspace.root / NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    assert texts(notebook) == texts(read(ROOT))
