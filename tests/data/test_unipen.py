"""UNIPEN's characters: runs and segments as eleven laboratories count them, writers, and what is written of them."""

from pathlib import Path

import numpy as np
import pytest

from inkproof.config.schema import DataConfig
from inkproof.data import unipen
from inkproof.data.download import prepare
from inkproof.data.drawings import read_drawings
from inkproof.data.unpack import sha256_of_files
from inkproof.runtime.errors import UserError
from support import unipen_archive as archive
from support.data_conf import changed, published

NAME = "unipen.tar.gz"


def config(test: tuple[str, ...] = ("ap-01",), validation: tuple[str, ...] = ("tos-01",)) -> DataConfig:
    file = {"name": NAME, "sha256": sha256_of_files(archive.wanted()), "members": archive.MEMBERS}
    return changed(
        published("unipen"),
        {"files": {"archive": file}, "writers": {"test": list(test), "validation": list(validation)}},
    )


@pytest.fixture
def mirror(tmp_path: Path) -> str:
    (tmp_path / "mirror/unipen").mkdir(parents=True)
    (tmp_path / "mirror/unipen" / NAME).write_bytes(archive.packed())
    return str(tmp_path / "mirror")


def test_runs_with_points_are_counted_pen_up_or_down() -> None:
    runs = unipen.runs_of(archive.FILES["include/tos/data/c.dat"], "c.dat")
    assert [(down, points.tolist()) for down, points in runs] == [
        (True, [[0, 0], [10, 10], [20, 20]]),
        (False, [[20, 20], [30, 30]]),
        (True, [[30, 30], [40, 90]]),
    ]


def test_a_line_that_is_no_point_is_named() -> None:
    with pytest.raises(UserError, match=r"c\.dat, line 2: '1 b' is not a point"):
        unipen.runs_of(".PEN_DOWN\n1 b\n", "c.dat")


@pytest.mark.parametrize(
    ("segment", "strokes"),
    [
        ("0", [[[0, 0], [1, 1], [2, 2]]]),
        ("0-0", [[[0, 0], [1, 1], [2, 2]]]),
        ("0-2", [[[0, 0], [1, 1], [2, 2]], [[6, 6], [7, 7]]]),
        ("0:1-2:0", [[[1, 1], [2, 2]], [[6, 6]]]),
        ("0:1-0:1", [[[1, 1]]]),
        ("0-1:1,2:1-2:1", [[[0, 0], [1, 1], [2, 2]], [[7, 7]]]),
        ("2,0", [[[6, 6], [7, 7]], [[0, 0], [1, 1], [2, 2]]]),
    ],
)
def test_a_segment_names_runs_and_points(segment: str, strokes: list[list[list[int]]]) -> None:
    xy = [[0, 1, 2], [3, 4, 5], [6, 7]]
    runs = [(index != 1, np.array([own, own], np.int32).T) for index, own in enumerate(xy)]
    assert [stroke.tolist() for stroke in unipen.strokes_of(runs, segment)] == strokes


@pytest.mark.parametrize(("segment", "why"), [("1", "has no ink"), ("3", "run 3 of 3"), ("a", "not of the form")])
def test_a_segment_without_strokes(segment: str, why: str) -> None:
    runs = [(index != 1, np.zeros((2, 2), np.int32)) for index in range(3)]
    with pytest.raises(ValueError, match=why):
        unipen.strokes_of(runs, segment)


def test_characters_have_their_kind_writer_and_part(mirror: str, tmp_path: Path) -> None:
    prepare(config(), tmp_path / "out", mirror=mirror)
    found = {one.id: one for one in unipen.read(tmp_path / "out")}
    assert {name: (one.kind, one.label, one.writer, one.part) for name, one in found.items()} == {
        "1a/apa/a/0-1": ("digit", "7", "ap-02", "training"),
        "1a/apa/a/3:1-3:2": ("digit", "1", "ap-02", "training"),
        "1d/apa/a/2": ("symbol", '"', "ap-02", "training"),
        "1d/apa/a/0,3": ("symbol", "\\", "ap-02", "training"),
        "1a/apb/b/0-0": ("digit", "1", "ap-01", "test"),
        "1c/apb/b/1": ("letter", "x", "ap-01", "test"),
        "1a/tos/c/0-2": ("digit", "4", "tos-01", "validation"),
    }
    assert {one.contributor for one in found.values()} == {"apa", "apb", "tos"}


def test_a_character_is_in_the_middle_upright_and_200_pixels_long(mirror: str, tmp_path: Path) -> None:
    prepare(config(), tmp_path / "out", mirror=mirror)
    found = {one.id: one.strokes for one in unipen.read(tmp_path / "out")}
    assert [stroke.tolist() for stroke in found["1a/apa/a/0-1"]] == [[[90, 240], [190, 240]], [[140, 240], [140, 40]]]
    assert found["1a/apb/b/0-0"][0].tolist() == [[90, 240], [190, 40]]
    assert found["1d/apa/a/2"][0].tolist() == [[140, 140]]
    assert found["1a/apb/b/0-0"][0].dtype == np.float32


def test_what_is_small_beside_the_writers_other_characters_stays_small() -> None:
    sizes = (100, 90, 110, 60, 10)
    own = [unipen.Segment(f"1d/x/f/{k}", ".", "w", [np.array([[0, 0], [size, 0]])]) for k, size in enumerate(sizes)]
    widths = [float(np.ptp(strokes[0][:, 0])) for strokes in unipen.fitted(own)]
    assert widths == pytest.approx([200, 200, 200, 200, 200 * 10 / 45], abs=0.01)


def test_digits_of_validation_and_test_writers_are_sets_of_drawings(mirror: str, tmp_path: Path) -> None:
    prepare(config(), tmp_path / "out", mirror=mirror)
    (test,), (validation,) = (read_drawings(tmp_path / "out" / part) for part in ("test", "validation"))
    assert (test.id, test.label, test.writer, test.source) == ("1a/apb/b/0-0", 1, "ap-01", "unipen")
    assert test.strokes == [[[90, 240], [190, 40]]]
    assert (validation.label, validation.writer, len(validation.strokes or [])) == (4, "tos-01", 2)


def test_left_out_digits_are_in_no_part(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "left_out.txt").write_text("1a/apb/b/0-0\n")
    monkeypatch.setattr(unipen, "LEFT_OUT", tmp_path / "left_out.txt")
    prepare(config(), tmp_path / "out", mirror=mirror)
    assert "1a/apb/b/0-0" not in {one.id for one in unipen.read(tmp_path / "out")}
    assert read_drawings(tmp_path / "out/test") == []


def test_writers_of_ibm_wrote_several_texts() -> None:
    own = [unipen.Segment("1a/ibm/f/0", "1", author, []) for author in ("r03-12", "r01-12", "r04-04")]
    assert unipen.writer_names(own) == {("ibm", "04"): "ibm-01", ("ibm", "12"): "ibm-02"}


def test_mistakes_are_one_line(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"conf/data/unipen\.yaml: writers ap-09 wrote nothing"):
        prepare(config(test=("ap-09",)), tmp_path / "out", mirror=mirror)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match=r"not made yet; run `python src/download\.py data=unipen`"):
        unipen.read(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/strokes.npz").write_bytes(b"PK\3\4 cut")
    with pytest.raises(UserError, match="cannot be read"):
        unipen.read(tmp_path / "out")


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("data/1a/tos/c.dat", ".SEGMENT CHARACTER 0 OK\n", "includes no data"),
        ("data/1a/tos/c.dat", ".INCLUDE tos/data/gone.dat\n", "includes include/tos/data/gone.dat, which is missing"),
        ("data/1a/tos/c.dat", '.INCLUDE tos/data/c.dat\n.SEGMENT CHARACTER 8 OK "4"\n', "line 2: run 8 of 3 is named"),
        ("data/1a/tos/c.dat", ".INCLUDE tos/data/c.dat\n.SEGMENT WORD 1\n", "line 2: '.SEGMENT WORD 1' is not of the"),
        ("include/tos/data/c.dat", ".PEN_DOWN\n1 1\n", r"no \.WRITER_ID"),
    ],
)
def test_a_broken_archive_is_named_with_its_file(path: str, text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        list(unipen.segments_of(archive.wanted() | {path: text.encode()}))


def test_the_archives_hash_covers_the_wanted_members_only(tmp_path: Path) -> None:
    folder = tmp_path / "mirror/unipen"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(archive.packed(archive.FILES | {"data/2/apa/a.dat": "other words"}, root="elsewhere"))
    prepare(config(), tmp_path / "out", mirror=str(tmp_path / "mirror"))
    (folder / NAME).write_bytes(archive.packed(archive.FILES | {"LICENSE": "another"}))
    with pytest.raises(UserError, match="wrong content: SHA-256"):
        prepare(config(), tmp_path / "other", mirror=str(tmp_path / "mirror"))
    assert not (tmp_path / "other").exists()


def test_forms_are_ids_of_digits_by_name() -> None:
    found = unipen.forms()
    assert set(found) == {"slashed_0", "flagged_1", "footed_1", "open_4", "barred_7", "footed_7", "curled_9"}
    assert all(name.startswith("1a/") for own in found.values() for name in own)
    assert not found["flagged_1"] & found["footed_1"] and found["footed_7"] & found["barred_7"]
