"""Registered models: the champion, and the exports of a version."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.tracking.mlflow_store import Store
from inkproof.tracking.registry import copy_export, set_champion


@pytest.fixture
def registered(opened: Callable[[], Store], tmp_path: Path) -> Callable[..., Store]:
    """A function: a store with a model inkproof-mnist, a version for each list of exports, the last the champion."""

    def make(*exports: list[str]) -> Store:
        store = opened()
        store.client.create_registered_model("inkproof-mnist")
        for number, names in enumerate(exports, 1):
            run = store.start("mnist", f"run{number}", {})
            for name in names:
                file = tmp_path / "exported" / name
                file.parent.mkdir(exist_ok=True)
                file.write_text(f"{name} of version {number}")
                store.file(run, file, "exports")
            store.client.create_model_version("inkproof-mnist", f"runs:/{run}/model", run)
            set_champion(store, "inkproof-mnist", run)
        return store

    return make


def test_a_registered_models_export_is_found_by_alias_and_by_version(registered: Callable[..., Store], tmp_path: Path):
    names = ["canvas.tflite", "model.tflite"]
    store = registered(["model.tflite"], ["model.tflite", "canvas.tflite"])
    for address, content in {
        "models:/inkproof-mnist@champion": "canvas.tflite of version 2",
        "models:/inkproof-mnist/2": "canvas.tflite of version 2",
        "models:/inkproof-mnist/1": "model.tflite of version 1",
    }.items():
        folder = tmp_path / address.replace("/", "-")
        folder.mkdir()
        path = copy_export(store, address, names, folder)
        assert path.read_text() == content and path.is_relative_to(folder)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("models:/inkproof-mnits@champion", "there is models:/inkproof-mnist@champion, models:/inkproof-mnist/1"),
        ("models:/inkproof-mnist@chapmion", "there is models:/inkproof-mnist@champion"),
        ("models:/inkproof-mnist/7", "there is models:/inkproof-mnist@champion, models:/inkproof-mnist/1"),
        ("models:/inkproof-mnist/1", "its run has no export canvas.tflite; src/export.py"),
        ("models:/inkproof-mnist", "a registered model is models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/inkproof-mnist/newest", "a registered model is models:/NAME@ALIAS"),
        ("models:/", "a registered model is"),
    ],
)
def test_what_the_registry_does_not_have_is_one_line(
    registered: Callable[..., Store], tmp_path: Path, address: str, said: str
):
    store = registered(["model.tflite"])
    with pytest.raises(UserError) as caught:
        copy_export(store, address, ["canvas.tflite"], tmp_path)
    assert str(caught.value).startswith(f"{address}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_registry_without_models_says_how_to_get_one(opened: Callable[[], Store], tmp_path: Path):
    with pytest.raises(UserError, match=r"there is nothing yet; src/train\.py registers"):
        copy_export(opened(), "models:/inkproof-mnist@champion", ["canvas.tflite"], tmp_path)
