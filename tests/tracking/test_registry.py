"""Registered models: the champion, and the exports of a version."""

from collections.abc import Callable
from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.registry import CHAMPION, DEPLOY, copy_export, remove_alias, set_alias


@pytest.fixture
def registered(opened: Callable[[], Tracker], tmp_path: Path) -> Callable[..., Tracker]:
    """A function: a tracker with a model inkproof-mnist, a version for each list of exports, the last the champion."""

    def make(*exports: list[str]) -> Tracker:
        tracker = opened()
        tracker.client.create_registered_model("inkproof-mnist")
        for number, names in enumerate(exports, 1):
            run = tracker.start("mnist", f"run{number}", {})
            for name in names:
                file = tmp_path / "exported" / name
                file.parent.mkdir(exist_ok=True)
                file.write_text(f"{name} of version {number}")
                tracker.file(run, file, "exports")
            tracker.client.create_model_version("inkproof-mnist", f"runs:/{run}/model", run)
            set_alias(tracker, CHAMPION, "inkproof-mnist", run)
        return tracker

    return make


def test_a_registered_models_export_is_found_by_alias_and_by_version(
    registered: Callable[..., Tracker], tmp_path: Path
):
    names = ["canvas.tflite", "model.tflite"]
    tracker = registered(["model.tflite"], ["model.tflite", "canvas.tflite"])
    for address, content in {
        "models:/inkproof-mnist@champion": "canvas.tflite of version 2",
        "models:/inkproof-mnist/2": "canvas.tflite of version 2",
        "models:/inkproof-mnist/1": "model.tflite of version 1",
    }.items():
        folder = tmp_path / address.replace("/", "-")
        folder.mkdir()
        path = copy_export(tracker, address, names, folder)
        assert path.read_text() == content and path.is_relative_to(folder)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("models:/inkproof-mnits@champion", "choose one of: models:/inkproof-mnist@champion, models:/inkproof-mnist/1"),
        ("models:/inkproof-mnist@chapmion", "choose one of: models:/inkproof-mnist@champion"),
        ("models:/inkproof-mnist/7", "choose one of: models:/inkproof-mnist@champion, models:/inkproof-mnist/1"),
        ("models:/inkproof-mnist/1", "its run has no export canvas.tflite; src/export.py"),
        ("models:/inkproof-mnist", "write models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/inkproof-mnist/newest", "write models:/NAME@ALIAS"),
        ("models:/", "write models:/NAME@ALIAS"),
    ],
)
def test_what_the_registry_lacks_is_one_line(
    registered: Callable[..., Tracker], tmp_path: Path, address: str, words: str
):
    tracker = registered(["model.tflite"])
    with pytest.raises(UserError) as caught:
        copy_export(tracker, address, ["canvas.tflite"], tmp_path)
    assert str(caught.value).startswith(f"{address}: ") and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_about_a_registry_without_models_names_the_command(opened: Callable[[], Tracker], tmp_path: Path):
    with pytest.raises(UserError, match=r"none yet; src/export\.py registers"):
        copy_export(opened(), "models:/inkproof-mnist@champion", ["canvas.tflite"], tmp_path)


def test_a_registered_model_says_what_its_champion_is(registered: Callable[..., Tracker]):
    client = registered(["model.tflite"]).client
    assert "The alias champion is on the best model" in client.get_registered_model("inkproof-mnist").description
    client.update_registered_model("inkproof-mnist", "Ours.")
    run = client.get_model_version("inkproof-mnist", "1").run_id
    set_alias(Tracker(), CHAMPION, "inkproof-mnist", run)
    assert client.get_registered_model("inkproof-mnist").description == "Ours."


def test_a_champion_without_a_version_is_said(registered: Callable[..., Tracker], capsys: pytest.CaptureFixture[str]):
    tracker = registered(["model.tflite"])
    before = tracker.client.get_model_version_by_alias("inkproof-mnist", "champion")
    set_alias(tracker, CHAMPION, "inkproof-mnist", tracker.start("mnist", "unregistered", {}))
    assert tracker.client.get_model_version_by_alias("inkproof-mnist", "champion").version == before.version
    assert capsys.readouterr().err.startswith(
        "inkproof-mnist: the alias champion is not moved: its run has no registered"
    )


def test_the_model_to_deploy_has_an_alias_of_its_own(registered: Callable[..., Tracker]):
    client = registered(["model.tflite"], ["model.tflite"]).client
    run = client.get_model_version("inkproof-mnist", "1").run_id
    set_alias(Tracker(), DEPLOY, "inkproof-mnist", run)
    assert {name: int(at) for name, at in client.get_registered_model("inkproof-mnist").aliases.items()} == {
        "champion": 2,
        "deploy": 1,
    }
    assert "The alias deploy is on the model" in client.get_registered_model("inkproof-mnist").description
    for name in ("inkproof-mnist", "inkproof-mnist", "inkproof-usps"):  # there, taken off before, no such model
        remove_alias(Tracker(), DEPLOY, name)
    assert list(client.get_registered_model("inkproof-mnist").aliases) == ["champion"]
