"""The code that a command of the pipeline runs: imports followed from its script, as files of the package."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

EXEMPT = ("runtime", "config", "tracking")  # no stage runs again for a progress bar, a type or a run's metadata


def function_of(script: Path, command: str | None) -> ast.FunctionDef:
    """The function of a script that a command calls, as its `call_named` or its last line tells; None for the first."""
    tree = ast.parse(script.read_text("utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    (main,) = (node for node in tree.body if isinstance(node, ast.If))
    call = main.body[0]
    assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
    if not call.value.args:  # main()
        return functions[ast.unparse(call.value.func)]
    named = {word.arg: ast.unparse(word.value) for word in call.value.keywords}
    return functions[named[command] if command else ast.unparse(call.value.args[0])]


def imported(root: Path, tree: ast.AST) -> Iterator[Path]:
    """The files of the package that are imported anywhere below `tree`."""
    source = root / "src"
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = source / (name.replace(".", "/") + ".py")
            if name.startswith("inkproof.") and path.is_file():
                yield path


def followed(root: Path, start: Iterable[Path], without: Iterable[Path] = ()) -> set[Path]:
    """The modules `start` and all that they import, directly or not; those in `without` are not looked into."""
    left_out = set(without)
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found | left_out and path.relative_to(root / "src" / "inkproof").parts[0] not in EXEMPT:
            found.add(path)
            waiting += imported(root, ast.parse(path.read_text("utf-8")))
    return found


def run_by(root: Path, script: Path, command: str | None) -> set[Path]:
    """The modules that a script's command imports, directly or not."""
    top = [node for node in ast.parse(script.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)]
    start = [path for node in [*top, function_of(script, command)] for path in imported(root, node)]
    return followed(root, start)


def built_by(root: Path, targets: Iterable[str]) -> set[Path]:
    """The modules of `_target_`s, `inkproof.models.cnn.build`, and all that they import; other libraries' are none."""
    own = [target for target in targets if target.startswith("inkproof.")]
    return followed(root, [root / "src" / (target.rpartition(".")[0].replace(".", "/") + ".py") for target in own])


def as_deps(root: Path, modules: Iterable[Path]) -> set[str]:
    """How dvc.yaml names modules: a stage by its file, what else there is by its package's folder."""
    deps = set()
    for path in modules:
        package = path.relative_to(root / "src" / "inkproof").parts[0]
        deps.add(path.relative_to(root).as_posix() if package == "stages" else f"src/inkproof/{package}")
    return deps
