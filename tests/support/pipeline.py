"""What the tests of the pipeline share: workspaces in which something was run once."""

import dataclasses
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from inkproof.config.compose import resolve
from inkproof.preprocessing.litert import FILES
from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT
from inkproof.tracking.mlflow_tracker import Tracker
from support.trackers import use

CONF = ROOT / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
DENSE = (
    *("data=optdigits", "model=dense", "training.epochs=2", "training.train_size=200", "training.batch_size=64"),
    "run.register=false",
)
# Epochs where the pipeline itself is tested: enough for the int8 file to predict as the model does, on any machine.
SHORT = {"dense": 10, "dense_2x128": 4, "tflearn_cnn": 2, "cnn": 6}
DRAWINGS, OOD_SAMPLES = 90, 60  # in a workspace that was made lighter
INK = {  # label: strokes on a canvas of 280 x 280
    1: [[(140, 50), (138, 230)]],
    7: [[(80, 70), (200, 68), (130, 230)]],
    0: [[(140, 60), (90, 90), (80, 150), (100, 215), (150, 225), (190, 180), (195, 110), (140, 60)]],
}


@pytest.fixture(scope="session")
def normalizer_folder(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The normalizer as the stage of that name writes it, which takes seconds: converted once for all workers."""

    def make(making: Path) -> None:
        from inkproof.stages.normalizer import write_normalizer  # TensorFlow: not where no test needs it

        write_normalizer(making / "normalizer")

    return once("normalizer-files", make) / "normalizer"


@pytest.fixture(scope="session")
def normalizer(normalizer_folder: Path) -> bytes:
    """The content of that file."""
    return (normalizer_folder / FILES["learned"]).read_bytes()


@pytest.fixture(scope="session")
def empty_store(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A database that MLflow has just made; making one takes seconds, so it is made once for all workers."""

    def make(making: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            use(making, patch)
            Tracker()

    return once("empty-store", make) / "mlflow.db"


@pytest.fixture
def opened(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Tracker]:
    """A function that opens this test's own tracker, in a folder that stands for the repository's root."""
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    use(tmp_path, monkeypatch)
    return Tracker


@pytest.fixture(scope="session")
def composed() -> Callable[..., dict[str, Any]]:
    """A function: the resolved configuration of a file in conf/ with overrides, as a plain dictionary."""

    def make(primary: str, *overrides: str) -> dict[str, Any]:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return resolve(compose(primary, list(overrides)))

    return make


@pytest.fixture(scope="session")
def dvc_workspace(new_workspace: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A function that makes a workspace whose DVC and git know nothing of this machine's, with short trainings."""

    def make(epochs_of: dict[str, int] = SHORT) -> Any:
        made = new_workspace()
        committed = "reports/mnist_plus_strokes/models"  # which the report on MNIST shows
        shutil.copytree(ROOT / committed, made.root / committed)
        if epochs_of:
            lighten(made.root)
        for model, epochs in epochs_of.items():
            set_epochs(made.root / "conf" / "model" / f"{model}.yaml", epochs)
        nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        for role in ("AUTHOR", "COMMITTER"):
            nobody |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.org"}
        own = {**nobody, "DVC_SITE_CACHE_DIR": str(tmp_path_factory.mktemp("dvc"))}
        return dataclasses.replace(made, environment={**made.environment, **own})

    return make


@pytest.fixture(scope="session")
def chain(dvc_workspace: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A workspace where three images were imported, and the stages of dense and cnn on optdigits were run.

    The commands are those of dvc.yaml in the order of its graph. They are run in one process, and committed to DVC,
    which finds all outputs or fails: it would start TensorFlow ten times. DVC itself runs stages in other tests.
    """
    made = dvc_workspace()
    folder = tmp_path_factory.mktemp("images")
    for label, strokes in INK.items():
        Image.fromarray(render(strokes)).save(folder / f"my {label}.png")
    labels = folder.with_suffix(".csv")
    labels.write_text("file,label\n" + "".join(f"my {label}.png,{label}\n" for label in INK))
    made.run("python", "src/drawings.py", "import", str(folder), "--labels", str(labels))
    targets = [f"{stage}@optdigits-{model}" for model in ("cnn", "dense") for stage in ("drawn", "evaluate")]
    commands = stages_in_order(made.root, targets, "report@optdigits")  # of these two models alone
    made.together(*map(shlex.split, commands.values()))
    made.run("dvc", "commit", "--force", *commands)
    return made


def stages_in_order(root: Path, targets: list[str], last: str) -> dict[str, str]:
    """The commands of the targets and of all that they depend on, as DVC orders them, and of `last`, by stage."""
    import networkx
    from dvc.repo import Repo  # half a second, for these tests alone

    with Repo(str(root)) as repo:
        graph = repo.index.graph  # from each stage to those that it depends on
        by_name = {stage.addressing.rpartition(":")[2]: stage for stage in graph}
        needed = {by_name[name] for name in (*targets, last)}
        needed = needed.union(*(networkx.descendants(graph, by_name[name]) for name in targets))
        ordered = [stage for stage in reversed(list(networkx.topological_sort(graph))) if stage in needed]
        return {stage.addressing.rpartition(":")[2]: stage.cmd for stage in ordered}


@pytest.fixture
def chain_copy(chain: Any, tmp_path: Path) -> Any:
    """A copy of the workspace `chain` to be changed; its MLflow runs keep their files in the original."""
    shutil.copytree(chain.root, tmp_path / "copy", ignore=shutil.ignore_patterns("copy-*.db"))
    return dataclasses.replace(chain, root=tmp_path / "copy")


@pytest.fixture(scope="session")
def one_process(new_workspace: Callable[[], Any]) -> dict[str, Any]:
    """Commands that need TensorFlow, run in one process: how each ended, and their workspace.

    `experiments`: every experiment for one step. `unknown_argument`: an argument that the model's builder does
    not have. `whole`, `garbled`, `absent`: the same training on digits files that differ in their test split.
    """
    made = new_workspace()
    pretrained = Path("models", "pretrained", "model.keras")  # the initial weights of finetune_drawn
    (made.root / pretrained.parent).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / pretrained, made.root / pretrained)
    train = ["python", "src/train.py"]
    commands = {
        "experiments": [*train, "-m", f"experiment={','.join(EXPERIMENTS)}", "debug=one_step", "data=optdigits"],
        "unknown_argument": [*train, *DENSE, "+model.build.foo=1"],
    }
    for name in break_test_split(made.root / "data" / "optdigits" / "digits.npz"):
        commands[name] = [*train, *DENSE, f"run.digits=data/{name}.npz", "run.force=true", f"run.experiment={name}"]
    codes = [2 if name == "unknown_argument" else 0 for name in commands]
    return {**dict(zip(commands, made.together(*commands.values(), codes=codes), strict=True)), "workspace": made}


def break_test_split(whole: Path) -> Iterator[str]:
    """Write digits files with the test split whole, garbled and absent to the folder above; yield their names."""
    folder = whole.parents[1]
    with np.load(whole) as file:
        arrays = {name: array for name, array in file.items() if name != "sha256"}  # made by someone else
    test = [name for name in arrays if name.startswith("test_")]
    np.savez(folder / "whole.npz", **arrays)
    np.savez(folder / "garbled.npz", **arrays | dict.fromkeys(test, np.array("not digits")))
    np.savez(folder / "absent.npz", **{name: array for name, array in arrays.items() if name not in test})
    yield from ("whole", "garbled", "absent")


def set_epochs(path: Path, epochs: int) -> None:
    """Change the number of epochs in a file of conf/model."""
    path.write_text(re.sub(r"^epochs: .*$", f"epochs: {epochs}", path.read_text(), flags=re.MULTILINE))


def lighten(root: Path) -> None:
    """Make the evaluation of a workspace's models on optdigits small.

    It leaves DRAWINGS, a third of the authored drawings, OOD_SAMPLES, and two digits under each corruption.
    """
    drawings = root / "data" / "drawn" / "starter" / "drawings.jsonl"
    drawings.write_text("".join(drawings.read_text().splitlines(keepends=True)[::3]))
    path = root / "conf" / "data" / "optdigits.yaml"
    text = path.read_text()
    for key, count in (("ood_samples", OOD_SAMPLES), ("corruption_digits", 2)):
        text, found = re.subn(rf"^(  {key}:) \d+", rf"\1 {count}", text, flags=re.MULTILINE)
        assert found == 1, key
    path.write_text(text)
