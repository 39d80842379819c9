"""Training, and whatever chooses something, cannot reach the test split."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inkproof.runtime.paths import ROOT

SRC = ROOT / "src"
REPORTING_STAGES = {
    f"inkproof/stages/{name}.py"
    for name in ("evaluate", "export", "corruptions", "drawn", "formats", "finetuned", "ensemble", "compare")
}
# A study runs whole stages, those that report among them; it chooses nothing. A choice goes by held-out answers, and
# calls a reporting stage only once it is committed.
RUNS_STAGES = {
    *("evaluate.py", "export.py", "preprocess.py", "report.py"),
    *(f"inkproof/studies/{name}.py" for name in ("grid_run", "run_study")),
}
OWNER = "inkproof/data/digits.py"
NAMES = {"load_test_split", "load_test_writers", "test_images", "test_labels", "test_writers"}
# The dataset's own modules cut, rename or pass on the splits; MNIST's published files have these names.
CUTTING = {OWNER, "inkproof/data/mnist.py", "inkproof/datasets/mixture.py"}
LOADERS = {"load", "fromfile", "memmap"}
# The other readers of NumPy files read what they wrote themselves.
READERS = {
    OWNER,
    "inkproof/training/callbacks.py",
    "inkproof/data/archives.py",
    "inkproof/data/unipen.py",  # characters as strokes
    "inkproof/evaluation/out_of_fold.py",
}


@cache
def modules() -> dict[str, ast.Module]:
    return {path.relative_to(SRC).as_posix(): ast.parse(path.read_text("utf-8")) for path in SRC.rglob("*.py")}


def named(tree: ast.Module) -> set[str]:
    """Every name, attribute, imported name and text in a module, docstrings excepted."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found.add(node.value)
    return found


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_reporting_stages_name_the_test_split():
    naming = {path for path, tree in modules().items() if named(tree) & NAMES}
    assert OWNER in naming
    assert naming <= REPORTING_STAGES | CUTTING


def test_no_other_module_reads_a_digits_file_past_the_one_that_guards_it():
    reading = {
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in LOADERS and ast.unparse(node.value) in ("np", "numpy")
    }
    assert OWNER in reading
    assert reading <= READERS


def test_only_the_reporting_stages_may_import_a_reporting_stage():
    stages = {name.removesuffix(".py").replace("/", ".") for name in REPORTING_STAGES}
    assert {"tune.py", "inkproof/tuning/search.py"} <= set(modules())
    assert {path for path, tree in modules().items() if imports(tree) & stages} == RUNS_STAGES


def test_the_common_reader_refuses_the_test_split(workspace_template: Path):
    from inkproof.data.digits import load_digits

    with pytest.raises(ValueError, match="load_test_split"):
        load_digits(workspace_template / "data" / "optdigits", "test")


@pytest.mark.xdist_group("one_process")
def test_training_is_the_same_whatever_the_test_split_holds(one_process: dict[str, Any]):
    curves = {}
    for name in ("whole", "garbled", "absent"):
        (run,) = one_process["workspace"].runs(name)
        assert run.info.status == "FINISHED"
        wanted = ("accuracy", "loss", "val_acc", "val_loss", "best_epoch")
        curves[name] = {metric: run.data.metrics[metric] for metric in wanted}
    assert curves["whole"] == curves["garbled"] == curves["absent"]
