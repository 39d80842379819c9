"""Each family with each switch of its builder is saved, and read in a new process as every later stage reads it."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inkproof.models
from inkproof.runtime.paths import ROOT

pytestmark = pytest.mark.xdist_group("tensorflow")

SMALL: dict[str, dict[str, Any]] = {  # what a builder needs
    "cnn": {"filters": [2], "kernels": [3], "pools": [2], "dense": 4, "dropout": 0.1},
    "compact": {"filters": [2, 2], "kernels": [3, 3], "pools": [2, 1], "separable": True, "dropout": 0.1},
    "dense": {"hidden": [4]},
    "resnet": {"widths": [2], "blocks": [1], "stem_kernel": 3, "stem_pool": 2, "dense": 4, "dropout": 0.1},
    "tflearn_cnn": {"filters": [2], "kernel": 3, "l2": 0.001, "dense": 4, "dropout": 0.1},
    "vgg": {"widths": [2, 2], "depth": 1, "halving_kernel": 5, "dense": 4, "dropout": 0.1},
}
SWITCHES = {"deskew": True, "shrink": 2, "normalize_axis": 1, "batch_norm": True, "conv_initializer": "lecun_uniform"}
# A stage reads networks by this module alone. What a builder imports is not imported here.
READ = """\
import sys
from pathlib import Path
import numpy as np
from inkproof.models.loading import load_trained, predict
assert not {"inkproof.models.cnn", "inkproof.models.dense", "inkproof.training.build"} & set(sys.modules)
pixels = np.load(sys.argv[1])
for folder in map(Path, sys.argv[2:]):
    try:
        np.save(folder / "predicted.npy", predict(load_trained(folder), pixels))
    except Exception as error:
        print(folder.name, error)
"""


def builders() -> dict[str, Any]:
    """The families by name: every module of inkproof.models with a function `build`."""
    modules = [
        importlib.import_module(f"inkproof.models.{one.name}") for one in pkgutil.iter_modules(inkproof.models.__path__)
    ]
    return {module.__name__.rpartition(".")[2]: module.build for module in modules if hasattr(module, "build")}


def cases() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for family, build in builders().items():
        switches = [one.name for one in inspect.signature(build).parameters.values() if one.default is not one.empty]
        found += [(family, {}), *((family, {name: SWITCHES[name]}) for name in switches)]
        found.append((family, {name: SWITCHES[name] for name in switches}))
    return found


def test_every_family_with_every_switch_is_read_in_a_new_process(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    expected = {}
    for number, (family, switches) in enumerate(cases()):
        folder = tmp_path / "-".join([str(number), family, *switches])
        folder.mkdir()
        model = builders()[family](**SMALL[family], **switches)
        model.save(folder / "model.keras")
        expected[folder] = np.asarray(model(pixels[..., np.newaxis].astype(np.float32)))
    assert set(builders()) == set(SMALL) and len(expected) == 21
    command = [sys.executable, "-c", READ, str(tmp_path / "pixels.npy"), *map(str, expected)]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    for folder, probabilities in expected.items():
        np.testing.assert_allclose(np.load(folder / "predicted.npy"), probabilities, atol=1e-6, err_msg=folder.name)


def test_stages_read_networks_in_that_way_alone() -> None:
    # The committed ink mask has built-in layers alone, and stages that draw do not depend on inkproof.models.
    own = ("loading.py", "ink_mask.py")
    sources = [path for path in (ROOT / "src").rglob("*.py") if path.name not in own]
    reading = [
        path.name for path in sources if re.search(r"\bload_model\(|model_from_json|from_config\(", path.read_text())
    ]
    assert reading == []
