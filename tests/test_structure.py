"""How the source is built: which package may import which, where code belongs, and what no module does.

Each rule is a function of a root folder that returns what breaks it, so that tests can show it fail on made-up code.
"""

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from inkproof.runtime.paths import ROOT

# From the base up: a package imports only itself and those before it.
PACKAGES = (
    *("runtime", "config", "tracking", "data", "models", "preprocessing", "synthetic", "datasets", "training"),
    *("evaluation", "exporting", "inference", "reporting", "stages", "studies", "tuning", "app", "server"),
)
SCRIPTS = {
    *("download", "preprocess", "train", "export", "evaluate", "report", "study", "tune", "predict", "drawings"),
    *("app", "server"),
}
STARTUP = "runtime/startup.py"

# Imports within functions, "module: library", and why they are not at the top. New ones need a reason as good.
LAZY = {
    "config/one_line.py: hydra": "explains Hydra's errors for scripts that do not use Hydra, as predict.py",
    "exporting/coreml.py: coremltools": "not installed with the rest: `make coreml` adds it",
    "inference/find_model.py: inkproof.tracking": "MLflow takes seconds, and only a model of its registry needs it",
    "preprocessing/litert.py: inkproof.preprocessing": "TensorFlow, to convert what the stage `normalizer` has not",
    "runtime/processes.py: joblib": "a tenth of a second for every command, and few start a pool",
    "studies/cluster.py: ray": "not installed with the rest: `make cluster` adds it",
    "studies/cluster.py: submitit": "not installed with the rest: `make cluster` adds it",
    "runtime/startup.py: keras": "starting TensorFlow is what the function is for",
    "runtime/startup.py: tensorflow": "starting TensorFlow is what the function is for",
    "stages/predict.py: inkproof.reporting": "Matplotlib takes half a second, and only --show needs it",
    "studies/grid_run.py: inkproof.stages": "a grid run sets the threads of its process before it imports TensorFlow",
}


# What is read of the source.


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a module's text: seven rules read the same one."""
    return ast.parse(text)


def modules(root: Path) -> dict[str, ast.Module]:
    """The modules of the package by their path below it."""
    package = root / "src" / "inkproof"
    return {path.relative_to(package).as_posix(): parsed(path.read_text("utf-8")) for path in package.rglob("*.py")}


@cache
def imports(tree: ast.AST) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each import anywhere below `tree`: the module, and the names taken from it if there are any."""
    return tuple(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)


def graph(root: Path) -> dict[str, set[str]]:
    """The modules of the package by their dotted names, each with those of the package that it imports."""
    found = modules(root)
    dotted = {path: "inkproof." + path.removesuffix(".py").replace("/", ".") for path in found}
    dotted = {path: name.removesuffix(".__init__") for path, name in dotted.items()}
    known = set(dotted.values())
    return {
        dotted[path]: {
            name
            for module, names in imports(tree)
            for name in ({f"{module}.{one}" for one in names} & known or {module} & known)
        }
        for path, tree in found.items()
    }


# The rules.


def wrong_directions(root: Path) -> list[str]:
    """Imports of a package that does not come before the one that imports it."""
    order = {name: number for number, name in enumerate(PACKAGES)}
    wrong = []
    for path, tree in modules(root).items():
        own = path.split("/")[0]
        for module, names in imports(tree):
            head, *rest = module.split(".")
            others = [rest[0]] if rest else [name for name in names if name != "__version__"]
            if module.startswith("."):
                wrong.append(f"{path}: imports {module}, which names no package")
            elif head == "inkproof" and own in order:
                wrong += [f"{path}: imports {one}" for one in others if order.get(one, len(order)) > order[own]]
    return wrong


def cycles(root: Path) -> list[str]:
    """The first cycle of modules that import one another, if there is one."""
    try:
        graphlib.TopologicalSorter(graph(root)).prepare()
    except graphlib.CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def strangers(root: Path) -> list[str]:
    """What lies in the package's root, or below it, and is none of PACKAGES; packages that are missing, too."""
    package = root / "src" / "inkproof"
    there = {path.name for path in package.iterdir() if path.name != "__pycache__"}
    packages = {path.parent.relative_to(package).as_posix() for path in package.rglob("__init__.py")} - {"."}
    return sorted((there ^ {"__init__.py", *PACKAGES}) | (packages ^ set(PACKAGES)))


def busy_inits(root: Path) -> list[str]:
    """The `__init__` files that hold more than a docstring; the root's may hold the version."""

    def harmless(node: ast.stmt, path: str) -> bool:
        if path == "__init__.py" and isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            return ast.unparse(node.targets[0]) == "__version__"
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

    inits = {path: tree for path, tree in modules(root).items() if path.endswith("__init__.py")}
    return [path for path, tree in inits.items() if not all(harmless(node, path) for node in tree.body)]


def wrong_scripts(root: Path) -> list[str]:
    """Scripts that are missing or too many."""
    return sorted({path.stem for path in (root / "src").glob("*.py")} ^ SCRIPTS)


def imported_scripts(root: Path) -> list[str]:
    """Imports of a script, by another or by the package."""
    return [
        f"{path.relative_to(root / 'src')}: imports {module}"
        for path in (root / "src").rglob("*.py")
        for module, _ in imports(parsed(path.read_text("utf-8")))
        if module.split(".")[0] in {script.stem for script in (root / "src").glob("*.py")}
    ]


def private_modules(root: Path) -> set[str]:
    """Imports of a library's private modules, as "module: private module"."""
    found = set()
    for path, tree in modules(root).items():
        for module, names in imports(tree):
            for name in (module, *(f"{module}.{one}" for one in names)):
                parts = name.split(".")
                hidden = [i for i, part in enumerate(parts) if part == "src" or part.startswith("_")]
                if hidden and parts[0] not in ("inkproof", "__future__"):
                    found.add(f"{path}: {'.'.join(parts[: hidden[0] + 1])}")
    return found


def writes_into_sys_modules(root: Path) -> list[str]:
    """Modules other than STARTUP that change `sys.modules`, or take it by another name with which they could."""
    changing = {"update", "pop", "popitem", "setdefault", "clear", "__setitem__", "__delitem__"}

    def changes(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom):
            return node.module == "sys" and any(alias.name == "modules" for alias in node.names)
        if isinstance(node, ast.Subscript):
            return not isinstance(node.ctx, ast.Load) and ast.unparse(node.value) == "sys.modules"
        if isinstance(node, ast.Attribute):
            called = node.attr in changing and ast.unparse(node.value) == "sys.modules"
            return called or (ast.unparse(node) == "sys.modules" and not isinstance(node.ctx, ast.Load))
        return isinstance(node, ast.Assign) and ast.unparse(node.value) == "sys.modules"

    others = {path: tree for path, tree in modules(root).items() if path != STARTUP}
    return [path for path, tree in others.items() if any(changes(node) for node in ast.walk(tree))]


def lazy_imports(root: Path) -> set[str]:
    """Imports within functions, as "module: library", or "module: package" for one of this project's."""
    found = set()
    for path, tree in modules(root).items():
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        for function in functions:
            for module, _ in imports(function):
                parts = module.split(".")
                found.add(f"{path}: {'.'.join(parts[: 2 if parts[0] == 'inkproof' else 1])}")
    return found


# The rules hold here.


def test_a_package_imports_only_those_before_it():
    assert wrong_directions(ROOT) == []


def test_no_modules_import_one_another():
    assert cycles(ROOT) == []


def test_the_package_holds_packages_alone():
    assert strangers(ROOT) == []


def test_a_packages_init_has_a_docstring_and_does_nothing():
    assert busy_inits(ROOT) == []


def test_there_are_twelve_scripts():
    assert wrong_scripts(ROOT) == []


def test_no_script_is_imported():
    assert imported_scripts(ROOT) == []


def test_no_private_module_of_a_library_is_imported():
    assert private_modules(ROOT) == set()


def test_nothing_is_written_into_the_table_of_modules():
    assert writes_into_sys_modules(ROOT) == []


def test_imports_are_at_the_top_but_for_those_with_a_reason():
    agrees(lazy_imports(ROOT), LAZY, "LAZY")


def agrees(found: set[str], listed: dict[str, str], name: str) -> None:
    """Fail where `found` is not what is `listed`, naming the entries that are missing and those no longer needed."""
    new, gone = sorted(found - set(listed)), sorted(set(listed) - found)
    assert not new, f"not in {name}: {', '.join(new)}"
    assert not gone, f"no longer needed in {name}, take out: {', '.join(gone)}"
    assert all(listed.values()), f"entries of {name} without a reason"


# Each rule fails on made-up code that breaks it.


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A project that keeps all rules: every package with a module that imports the package before it, every script."""
    package = tmp_path / "src" / "inkproof"
    for number, name in enumerate(PACKAGES):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").write_text(f'"""The package {name}."""\n')
        before = f"import inkproof.{PACKAGES[number - 1]}.module\n" if number else ""
        (package / name / "module.py").write_text(f"import sys\n{before}\n\nKNOWN = 'numpy' in sys.modules\n")
    (package / "__init__.py").write_text('"""Made up."""\n\n__version__ = "0.1.0"\n')
    (package / STARTUP).write_text("import sys\n\nsys.modules['sklearn'] = None\n")
    for name in SCRIPTS:
        (tmp_path / "src" / f"{name}.py").write_text("from inkproof.app.module import KNOWN\n\nprint(KNOWN)\n")
    return tmp_path


def test_what_keeps_all_rules_passes(made_up: Path):
    rules = (wrong_directions, cycles, strangers, busy_inits, wrong_scripts, imported_scripts)
    for rule in (*rules, private_modules, writes_into_sys_modules, lazy_imports):
        assert not rule(made_up), rule.__name__


@pytest.mark.parametrize(
    "text",
    [
        "from inkproof.stages.module import KNOWN",
        "from inkproof import stages",
        "import inkproof.stages",
        "def call():\n    import inkproof.stages.module",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from inkproof.stages import module",
        "from ..stages import module",
        "from inkproof.elsewhere import module",
    ],
)
def test_an_import_of_a_later_package_is_found(made_up: Path, text: str):
    (made_up / "src/inkproof/data/more.py").write_text(text)
    (line,) = wrong_directions(made_up)
    assert line.startswith("data/more.py: imports ")


def test_a_cycle_is_found(made_up: Path):
    for one, other in (("first", "second"), ("second", "third"), ("third", "first")):
        text = f"def call():\n    from inkproof.data import {other}\n"
        (made_up / f"src/inkproof/data/{one}.py").write_text(text)
    (line,) = cycles(made_up)
    assert {f"inkproof.data.{name}" for name in ("first", "second", "third")} == set(line.split(" imports "))


@pytest.mark.parametrize("path", ["loose.py", "more/__init__.py", "data/below/__init__.py", "notes.txt"])
def test_what_is_no_package_is_found(made_up: Path, path: str):
    added = made_up / "src/inkproof" / path
    added.parent.mkdir(exist_ok=True)
    added.write_text("")
    assert strangers(made_up) == [path.removesuffix("/__init__.py")]


@pytest.mark.parametrize("text", ['"""A package."""\nfrom inkproof.data import module\n', "NAME = 1\n"])
def test_an_init_that_does_something_is_found(made_up: Path, text: str):
    for folder in ("", "models/"):
        (made_up / f"src/inkproof/{folder}__init__.py").write_text(text)
    assert sorted(busy_inits(made_up)) == ["__init__.py", "models/__init__.py"]


def test_a_script_too_few_and_one_too_many_are_found(made_up: Path):
    (made_up / "src/predict.py").rename(made_up / "src/bench.py")
    assert wrong_scripts(made_up) == ["bench", "predict"]


@pytest.mark.parametrize("path", ["tune.py", "inkproof/studies/more.py"])
@pytest.mark.parametrize("text", ["import train", "def call():\n    from train import main"])
def test_an_import_of_a_script_is_found(made_up: Path, path: str, text: str):
    (made_up / "src" / path).write_text(text)
    assert imported_scripts(made_up) == [f"{path}: imports train"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("from keras_tuner.src import utils", "keras_tuner.src"),
        ("from keras.src.utils import naming", "keras.src"),
        ("import hydra._internal.utils", "hydra._internal"),
        ("def call():\n    from hydra import _internal", "hydra._internal"),
    ],
)
def test_a_private_module_is_found(made_up: Path, text: str, named: str):
    (made_up / "src/inkproof/data/more.py").write_text(f"from __future__ import annotations\n{text}\n")
    assert private_modules(made_up) == {f"data/more.py: {named}"}


@pytest.mark.parametrize(
    "text",
    [
        "sys.modules['sklearn'] = None",
        "del sys.modules['sklearn']",
        "sys.modules.update(sklearn=None)",
        "sys.modules.pop('sklearn')",
        "sys.modules = {}",
        "modules = sys.modules",
        "from sys import modules",
    ],
)
def test_a_write_into_the_table_of_modules_is_found(made_up: Path, text: str):
    (made_up / "src/inkproof/data/more.py").write_text(f"import sys\n{text}\n")
    assert writes_into_sys_modules(made_up) == ["data/more.py"]


def test_a_lazy_import_is_found_and_an_entry_without_one_is_reported(made_up: Path):
    lazy = "    if True:\n        import scipy.special\n    from inkproof.runtime import module\n"
    text = f"import numpy\n\n\ndef call():\n{lazy}"
    (made_up / "src/inkproof/data/more.py").write_text(text)
    found = lazy_imports(made_up)
    assert found == {"data/more.py: scipy", "data/more.py: inkproof.runtime"}
    with pytest.raises(AssertionError, match=r"not in LAZY: data/more.py: inkproof.runtime"):
        agrees(found, {"data/more.py: scipy": "a reason"}, "LAZY")
    with pytest.raises(AssertionError, match=r"no longer needed in LAZY, take out: data/other.py: scipy"):
        agrees(found, {**dict.fromkeys(found, "a reason"), "data/other.py: scipy": "a reason"}, "LAZY")
