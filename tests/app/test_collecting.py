"""drawings.py collect, and import of what the page exported: drawings go into the user's set, after its images."""

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

import drawings as command
from inkproof.app.collecting import collect, import_page
from inkproof.app.drawing_store import DrawingStore, Kept
from inkproof.config import compose
from inkproof.config.stages import Rendering
from inkproof.data.drawing_import import import_drawings
from inkproof.data.drawings import read_drawings
from inkproof.datasets.finetuning_set import prepare, read_split
from inkproof.datasets.preprocessed import preprocessed_drawings
from inkproof.evaluation.metrics import per_writer
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support.drawn_writers import config, sheet
from support.web_app import to_keep

ONE = Kept(
    **{"id": "page-1", "label": 3, "writer": "zoë", "strokes": [[[10, 20, 0, 0.5], [200, 220, 17, 0.9]]]},
    **{"width": 280, "height": 280, "predicted": 8, "model": "pretrained", "version": "0123", "device": "phone"},
    **{"pointer": "touch", "created": "2026-11-21T10:00:00+00:00"},
)


@pytest.fixture
def store(tmp_path: Path) -> DrawingStore:
    store = DrawingStore(tmp_path / "app.db")
    store.add(ONE)
    store.add(replace(ONE, id="page-2", writer="anna", created="2026-11-21T11:00:00+00:00"))
    store.add(replace(ONE, id="page-3", writer="anna", label=None, created="2026-11-21T10:30:00+00:00"))
    return store


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A set that already holds an imported image."""
    (tmp_path / "images" / "5").mkdir(parents=True)
    Image.fromarray(np.full((40, 30), 200, np.uint8)).save(tmp_path / "images" / "5" / "a.png")
    import_drawings(tmp_path / "images", tmp_path / "mine")
    return tmp_path / "mine"


def test_they_follow_the_imported_drawings_sorted_by_writer(store: DrawingStore, mine: Path):
    imported = read_drawings(mine)
    result = collect(store.path, mine)
    drawings = read_drawings(mine)
    assert drawings == result.drawings
    assert drawings[: len(imported)] == imported
    assert [drawing.id for drawing in drawings[1:]] == ["page-3", "page-2", "page-1"]
    assert [drawing.writer for drawing in drawings[1:]] == ["anna", "anna", "zoë"]
    last = drawings[-1]
    assert (last.label, last.canvas, last.created) == (3, (280, 280), ONE.created)
    assert last.source == "drawing page/phone-touch"
    assert last.strokes == [[[10, 20, 0], [200, 220, 17]]], "sets have no pressure"


def test_collecting_again_writes_nothing(store: DrawingStore, mine: Path):
    collect(store.path, mine)
    file = mine / "drawings.jsonl"
    before = file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes()
    again = collect(store.path, mine)
    assert (again.added, again.changed, again.removed) == ([], [], [])
    assert (file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes()) == before


def test_corrections_and_deletions_reach_the_set(store: DrawingStore, mine: Path):
    collect(store.path, mine)
    store.correct("page-1", 8, "anna")
    store.delete("page-2")
    result = collect(store.path, mine)
    assert [drawing.id for drawing in result.changed] == ["page-1"]
    assert [drawing.id for drawing in result.removed] == ["page-2"]
    kept = {drawing.id: drawing.label for drawing in read_drawings(mine)}
    assert len(kept) == 3 and kept["page-1"] == 8 and kept["page-3"] is None


def test_a_lost_database_removes_nothing(store: DrawingStore, mine: Path, tmp_path: Path):
    collect(store.path, mine)
    before = read_drawings(mine)
    with pytest.raises(UserError, match="make app"):
        collect(tmp_path / "gone.db", mine)
    other = DrawingStore(tmp_path / "new.db")
    other.add(replace(ONE, id="page-9", writer="zz"))
    collect(other.path, mine)
    assert [drawing.id for drawing in read_drawings(mine)] == [*(drawing.id for drawing in before), "page-9"]


def test_importing_after_collecting_keeps_both(store: DrawingStore, mine: Path, tmp_path: Path):
    collect(store.path, mine)
    Image.fromarray(np.full((40, 30), 100, np.uint8)).save(tmp_path / "images" / "5" / "b.png")
    import_drawings(tmp_path / "images", mine)
    assert len(read_drawings(mine)) == 5
    collect(store.path, mine)
    assert len(read_drawings(mine)) == 5


def test_a_broken_set_is_not_changed(store: DrawingStore, mine: Path):
    (mine / "drawings.jsonl").write_text("{broken\n")
    with pytest.raises(UserError, match="line 1"):
        collect(store.path, mine)
    assert (mine / "drawings.jsonl").read_text() == "{broken\n"


def test_the_pipeline_can_use_the_collected_drawings(store: DrawingStore, mine: Path):
    drawings = collect(store.path, mine).drawings
    rendering = Rendering(folder=str(mine), role=None, brush=20.0, pixels=False, inverted=False, most=None)
    preprocessed = preprocessed_drawings(mine, drawings, rendering, ["mnist_style"])
    assert preprocessed.labels.tolist() == [5, 3, 3], "only digits have an accuracy"
    assert preprocessed.methods["mnist_style"][1:].any(axis=(1, 2)).all()


def test_a_class_is_evaluated_per_writer_and_split_by_writer_for_fine_tuning(
    client: FlaskClient, database: Path, tmp_path: Path
):
    names = ("anna", "ben", "cara", "dai", "7")
    for drawing in (one for name in names for one in sheet(name)):
        asked = to_keep(label=drawing.label, writer=drawing.writer, strokes=drawing.strokes)
        assert client.post("/api/drawings", json=asked).status_code == 201
    drawings = collect(database, tmp_path / "set").drawings
    rendering = Rendering(folder=str(tmp_path / "set"), role=None, brush=20.0, pixels=False, inverted=False, most=None)
    preprocessed = preprocessed_drawings(tmp_path / "set", drawings, rendering, ["mnist_style"])
    rows = per_writer(preprocessed.labels, {"mnist_style": preprocessed.labels}, preprocessed.writers)
    assert dict(zip(rows["writer"], rows["n"], strict=True)) == dict.fromkeys(names, 10)
    prepare(config(tmp_path, drawings), tmp_path / "finetune", None)
    split = read_split(tmp_path / "finetune").writers
    assert [len(split[name]) for name in ("train", "val", "test")] == [3, 1, 1]
    assert {**split["train"], **split["val"], **split["test"]} == dict.fromkeys(names, 10)


def test_the_command_prints_a_summary(store: DrawingStore, mine: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as ended:
        command.main(["collect", "--from", str(store.path), "--into", str(mine)])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "3 added, 0 corrected, 0 deleted" in printed
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines()[3:6]}
    assert rows["anna"][3] == "1" and rows["anna"][-2:] == ["1", "2"] and rows["zoë"][-1] == "1"


def test_the_command_without_a_database_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as ended:
        command.main(["collect", "--from", str(tmp_path / "app.db"), "--into", str(tmp_path / "mine")])
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert len(line.splitlines()) == 1 and "app.db" in line and "make app" in line
    assert not (tmp_path / "mine").exists()


def test_the_command_collects_from_the_configured_database(
    store: DrawingStore, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    file = tmp_path / "conf" / "app.yaml"
    file.write_text(re.sub(r"^database: \S+", f"database: {store.path.name}", file.read_text(), flags=re.MULTILINE))
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.main(["collect", "--into", str(mine)])
    assert ended.value.code == 0
    assert "3 added" in capsys.readouterr().out


def exported(number: int, **changed: object) -> str:
    """A line that the page exports."""
    return json.dumps({"format": 1, **asdict(ONE), "id": f"page-{number:016x}", **changed}, ensure_ascii=False)


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_exported_drawings_follow_the_images_of_the_set(mine: Path, tmp_path: Path):
    imported = read_drawings(mine)
    file = written(tmp_path / "a.jsonl", exported(1), "", exported(2, writer=" anna  maria ", label=None))
    result = import_page(file, mine)
    assert read_drawings(mine) == result.drawings
    assert [drawing.id for drawing in result.added] == ["page-0000000000000001", "page-0000000000000002"]
    assert result.drawings[0] == imported[0]
    assert [(drawing.writer, drawing.label) for drawing in result.drawings[1:]] == [("anna maria", None), ("zoë", 3)]
    assert result.drawings[2].strokes == [[[10, 20, 0], [200, 220, 17]]]
    again = import_page(file, mine)
    assert (again.added, again.changed, again.removed) == ([], [], [])


def test_corrections_and_deletions_of_an_export_reach_the_set(mine: Path, tmp_path: Path):
    first, second, third = (f"page-{number:016x}" for number in (1, 2, 3))
    import_page(written(tmp_path / "a.jsonl", exported(1), exported(2), exported(3)), mine)
    lines = exported(2), exported(2, label=9), json.dumps({"format": 1, "deleted": [first]})
    result = import_page(written(tmp_path / "a.jsonl", *lines), mine)
    assert [drawing.id for drawing in result.removed] == [first]
    assert [(drawing.id, drawing.label) for drawing in result.changed] == [(second, 9)], "the second line is newer"
    assert {drawing.id for drawing in read_drawings(mine)} > {second, third}


def test_a_writer_names_the_drawings_of_a_page_without_a_name(mine: Path, tmp_path: Path):
    file = written(tmp_path / "a.jsonl", exported(1, writer="me"), exported(2, writer="ben"))
    assert [drawing.writer for drawing in import_page(file, mine, "anna").added] == ["anna", "ben"]
    again = import_page(file, mine)
    assert again.changed == [], "the name stays"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "has no drawings"),
        ("\n\n", "has no drawings"),
        ("<!doctype html>\n", "line 1: the JSON cannot be read"),
        (exported(1) + "\n" + exported(2)[:200], "line 2: the JSON cannot be read"),
        ("[]", "line 1: not a drawing that the page exported"),
        ('{"label": 3}', "line 1: not a drawing that the page exported"),
        (exported(1, format=2), "line 1: its format is not 1; if a newer Inkproof"),
        (exported(1, label=12), "line 1: label=12"),
        (exported(1, label="3"), "line 1: label=3"),
        (exported(1, writer=" "), "line 1: writer"),
        (exported(1, strokes=[[]]), "line 1: strokes: no point"),
        (exported(1, strokes=[[[1, "2"]]]), "line 1: strokes"),
        (exported(1, strokes=[[[1, 1e7, 0]]]), "line 1: strokes"),
        (exported(1, width=20_000), "line 1: canvas"),
        (exported(1, created="today"), "line 1: created"),
        (exported(1, id="0123456789abcdef"), "'0123456789abcdef' is no id that the page makes"),
        ('{"format": 1, "deleted": ["../x"]}', "'../x' is no id that the page makes"),
        ('{"format": 1, "deleted": 3}', "deleted is no list of ids"),
        ('{"format": 1, "deleted": "page-0123456789abcdef"}', "deleted is no list of ids"),
        ("[" * 100_000, "line 1: the JSON cannot be read: nested too deeply"),
        (exported(1).replace("zoë", "\\ud800"), "line 1: writer"),
    ],
)
def test_a_damaged_export_is_one_line_and_changes_nothing(
    content: str, complaint: str, mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    before = (mine / "drawings.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        command.main(["import", str(tmp_path / "a.jsonl"), "--into", str(mine)])
    printed = capsys.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert printed.err.count("\n") == 1 and complaint in printed.err
    assert (mine / "drawings.jsonl").read_bytes() == before


def test_other_mistakes_with_an_export_are_one_line(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    written(tmp_path / "b.jsonl", exported(1))
    for words, complaint in {
        ("a.txt",): "a.txt is not UTF-8 text",
        ("absent.jsonl",): "absent.jsonl cannot be read: No such file",
        ("b.jsonl", "--labels", "l.csv"): "--labels l.csv: drawings of the page have labels",
    }.items():
        with pytest.raises(SystemExit) as ended:
            command.main(["import", str(tmp_path / words[0]), *words[1:], "--into", str(mine)])
        assert ended.value.code == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and complaint in line
