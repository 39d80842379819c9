"""run.json: a run is finished when key and artifacts agree with it, and what is unreadable is one line."""

import json
import re
import shutil
from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.tracking import identity, run_metadata
from inkproof.tracking.identity import TRAINING_CODE, code_sha, run_key
from inkproof.tracking.run_metadata import ARTIFACTS, RunMetadata, check_out, copy_artifacts


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    with composing() as compose:
        return compose(TrainConfig, ("data=optdigits",))


@pytest.fixture
def saved(config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunMetadata:
    """A finished run with its artifacts in its folder."""
    monkeypatch.setattr(run_metadata, "HOME", tmp_path)
    about = {"data_sha": "d", "code_sha": "c", "git_commit": "g", "machine": "m"}
    metadata = RunMetadata(
        run_id="1",
        experiment="optdigits",
        name="dense aug=off s0",
        key=run_key(config.identity(), about["data_sha"], about["code_sha"]),
        config=config.identity(),
        finished=True,
        **about,
    )
    metadata.folder.mkdir(parents=True)
    for name in ("model.keras", "history.csv"):
        (metadata.folder / name).write_text(f"content of {name}")
    metadata.artifacts = metadata.hashes()
    metadata.write()
    return metadata


def test_what_is_written_is_read(saved: RunMetadata):
    assert RunMetadata.read(saved.folder) == saved
    assert json.loads((saved.folder / "run.json").read_text())["format"] == 2
    assert saved.artifacts == {name: sha256_of(saved.folder / name) for name in ("model.keras", "history.csv")}


def test_a_run_with_its_key_and_all_artifacts_is_complete(saved: RunMetadata):
    assert saved.complete()
    assert not saved.model_copy(update={"finished": False, "key": "other"}).complete()


@pytest.mark.parametrize("name", ARTIFACTS)
def test_a_run_with_a_missing_or_damaged_artifact_is_not_complete(saved: RunMetadata, name: str):
    path = saved.folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    assert not saved.complete()
    path.unlink()
    assert not saved.complete()
    path.write_bytes(content)
    assert saved.complete()


def test_a_file_in_place_of_the_folder_is_no_complete_run(saved: RunMetadata):
    shutil.rmtree(saved.folder)
    saved.folder.write_text("in the way")
    assert not saved.complete()


@pytest.mark.parametrize(
    "change", [{"key": "another"}, {"finished": False}, {"artifacts": {}}, {"artifacts": {"history.csv": "0"}}]
)
def test_a_run_whose_metadata_are_those_of_another_is_not_complete(saved: RunMetadata, change: dict[str, object]):
    saved.model_copy(update=change).write(saved.folder)
    assert not saved.complete()


def test_artifacts_are_copied_whole_or_a_missing_one_is_one_line(saved: RunMetadata, tmp_path: Path):
    copy_artifacts(saved.folder, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(ARTIFACTS)
    (saved.folder / "history.csv").unlink()
    with pytest.raises(UserError, match=r"history\.csv: no such file; copy it from the machine that trained this run"):
        copy_artifacts(saved.folder, tmp_path / "again")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"format": None}, "run.json: made by 0.1; train the model again"),
        ({"format": 3}, "run.json: made by a later version; train the model again"),
        ({"seconds": "long"}, "not the metadata of a run (seconds=long: expected a number); train the model again"),
        ({"config": {}}, "config.seed: expected a value"),
        ({"products": {}}, "products: unknown key; the keys are format, run_id"),
    ],
)
def test_metadata_of_another_kind_are_one_line(saved: RunMetadata, change: dict[str, object], line: str):
    path = saved.folder / "run.json"
    changed = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}))
    with pytest.raises(UserError) as caught:
        RunMetadata.read(saved.folder)
    assert line in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "line"), [("{", "not the metadata of a run"), ("[1]", "not the metadata of a run")])
def test_a_file_that_is_no_metadata_is_one_line(saved: RunMetadata, text: str, line: str):
    (saved.folder / "run.json").write_text(text)
    with pytest.raises(UserError, match=line):
        RunMetadata.read(saved.folder)
    (saved.folder / "run.json").unlink()
    with pytest.raises(UserError, match=r"no trained model here \(run\.json is missing\); train one first"):
        RunMetadata.read(saved.folder)


# The identity of a run.


def test_a_key_is_that_of_configuration_data_and_code(config: TrainConfig):
    chosen = config.identity()
    key = run_key(chosen, "d", "c")
    assert key == run_key(config.with_run(force=True, out="copy", digits="elsewhere.npz").identity(), "d", "c")
    assert key == run_key(
        config.model_copy(update={"model": config.model.model_copy(update={"epochs": 99})}).identity(), "d", "c"
    )
    others = [
        run_key(chosen, "other", "c"),
        run_key(chosen, "d", "other"),
        run_key(chosen.model_copy(update={"seed": 1}), "d", "c"),
        run_key(chosen.model_copy(update={"data": chosen.data.model_copy(update={"val": 0})}), "d", "c"),
    ]
    assert len({key, *others}) == 5


def test_the_code_of_a_run_is_what_computes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "ROOT", tmp_path)
    package = tmp_path / "src" / "inkproof"
    inside = ["stages/train.py", "data/digits.py", "data/splits.py", "models/cnn.py", "training/loop.py"]
    outside = ["stages/evaluate.py", "data/mnist.py", "tracking/run.py", "config/schema.py", "runtime/files.py"]
    for name in inside + outside:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("first")
    assert {name.split("/")[0] for name in inside} <= {name.split("/")[0] for name in TRAINING_CODE}
    known = {code_sha()}
    for name in outside:
        (package / name).write_text("second")
        assert code_sha() in known, name
    for name in inside:
        (package / name).write_text("second")
        assert code_sha() not in known, name
        known.add(code_sha())


def test_the_model_of_another_run_is_named(saved: RunMetadata):
    (saved.folder / "model.keras").write_text("the model of another seed")
    with pytest.raises(UserError, match=r"model\.keras: not the file of this run, by its SHA-256; train the model"):
        RunMetadata.read_finished(saved.folder)


@pytest.mark.parametrize("change", ["key", "seed", "data_sha", "code_sha"])
def test_a_finished_run_whose_metadata_were_changed_is_named(saved: RunMetadata, change: str):
    path = saved.folder / "run.json"
    found = json.loads(path.read_text())
    if change == "seed":
        found["config"]["seed"] = 7
    else:
        found[change] = "another"
    path.write_text(json.dumps(found))
    with pytest.raises(UserError, match=r"run\.json: its key is not that of its configuration, data and code; train"):
        RunMetadata.read_finished(saved.folder)
    assert not saved.complete()


def test_a_finished_run_of_older_code_is_read(saved: RunMetadata):
    assert saved.code_sha != code_sha()
    assert RunMetadata.read_finished(saved.folder) == saved


def test_an_unfinished_run_is_named(saved: RunMetadata):
    saved.model_copy(update={"finished": False}).write()
    with pytest.raises(UserError, match=r"this run is not finished; run its training again$"):
        RunMetadata.read_finished(saved.folder)


@pytest.mark.parametrize("content", ["[" * 100_000, None], ids=["nested", "a folder"])
def test_what_is_no_metadata_at_all_is_one_line(saved: RunMetadata, content: str | None):
    path = saved.folder / "run.json"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)
    with pytest.raises(UserError, match="not the metadata of a run") as raised:
        RunMetadata.read(saved.folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("made", "out", "line"),
    [
        ([], "", None),
        ([], "new/deep", None),
        ([*ARTIFACTS, "log.txt", "report/export.json", "exports/model.tflite"], "", None),
        (["model.keras"], "", None),  # a copy that was killed
        ([*ARTIFACTS, "README.md"], "", "{out}: the folder holds README.md, which is not a run's; choose an empty or"),
        ([".gitkeep"], "", "{out}: the folder holds .gitkeep, which is not a run's; choose an empty or new folder"),
        (["file"], "file", "{out}: {out} is a file; choose a new folder"),
        (["file"], "file/run", "{out}: {folder}/file is a file; choose a new folder"),
    ],
)
def test_artifacts_are_copied_only_to_the_folder_of_a_run_or_a_new_one(
    made: list[str], out: str, line: str | None, tmp_path: Path
) -> None:
    for name in made:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    target = str(tmp_path / out)
    if line is None:
        check_out(target)
    else:
        with pytest.raises(UserError) as caught:
            check_out(target)
        assert str(caught.value).startswith(f"run.out={line.format(out=target, folder=tmp_path)}")


@pytest.mark.parametrize("out", ["src", ".", "models", "models/pretrained", "data/drawn/mine", "docs"])
def test_artifacts_are_not_copied_into_the_repository_s_own_folders(out: str) -> None:
    with pytest.raises(UserError, match=rf"^run\.out={re.escape(out)}: the folder holds "):
        check_out(out)
    check_out(None)
