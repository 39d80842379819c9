"""Pen strokes become drawings: from the mirror's forms, onto the canvas, by writers of three roles."""

import gzip
import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest

from inkproof.config.schema import DataConfig
from inkproof.data import pens
from inkproof.data.download import prepare
from inkproof.data.drawings import Drawing, read_drawings
from inkproof.data.pens import parse
from inkproof.runtime.errors import UserError
from support import misbehaving as bad
from support import pen_text
from support import tiny_mnist as tiny
from support.data_conf import changed, published

TRA = pen_text.text(40).encode()
TES = (pen_text.HEAD + pen_text.digit(0, 4, 1, 9, [[(0, 500), (500, 0)], [(250, 250)]])).encode()
TRA_Z = (Path(__file__).parent / "fixtures" / "pens.tra.Z").read_bytes()


def config(*mirrors: str, tes: bytes = TES) -> DataConfig:
    files = {
        "tra": {"name": "pens.tra", "sha256": hashlib.sha256(TRA).hexdigest()},
        "tes": {"name": "pens.tes", "sha256": hashlib.sha256(tes).hexdigest()},
    }
    return changed(published("pens"), {"files": files, "mirrors": mirrors})


def folder(path: Path, tes: bytes = TES) -> str:
    (path / "pen-digits").mkdir(parents=True)
    (path / "pen-digits" / "pens.tra.Z").write_bytes(TRA_Z)
    (path / "pen-digits" / "pens.tes.gz").write_bytes(gzip.compress(tes))
    return str(path)


def test_both_files_become_one_set(tmp_path: Path) -> None:
    prepare(config(), tmp_path / "out", mirror=folder(tmp_path / "mirror"))
    drawings = read_drawings(tmp_path / "out")
    assert len(drawings) == 41
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["drawings.jsonl"]
    assert drawings[1].id == "pens-tra-w02-0001" and drawings[1].writer == "tra-02" and drawings[1].label == 1
    assert drawings[-1] == Drawing(
        id="pens-tes-w01-0009",
        label=4,
        writer="tes-01",
        source="uci-pendigits",
        canvas=(280, 280),
        strokes=[[[0, 0, 0], [280, 280, 100]], [[140, 140, 200]]],
        image=None,
        created="1998-07-01",
    )


def test_size_and_position_are_kept_and_y_points_down() -> None:
    text = pen_text.HEAD + pen_text.digit(0, 1, 1, 1, [[(100, 400), (300, 350)]])
    (drawing,) = pens.drawings_of(parse(text, "x", 500), "tra")
    assert drawing.strokes is not None
    first, second = drawing.strokes[0]
    assert first == pytest.approx([56, 56, 0]) and second == pytest.approx([168, 84, 100])


def test_a_server_s_z_files_and_its_zip_give_the_same_set(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("pens.tra.Z", TRA_Z)
        archive.writestr("pens.tes", TES)
        archive.writestr("pens.names", "what they are")
    server = bad.Server()
    server.routes["/static/all.zip"] = bad.good(stream.getvalue())
    server.routes["/plain/pens.tra.Z"] = bad.good(TRA_Z)
    server.routes["/plain/pens.tes.Z"] = bad.good(TES)
    server.routes["/cut/pens.tra.Z"] = bad.cut_without_length(TRA_Z)
    try:
        for out, form in (("zip", "/static/all.zip"), ("z", "/plain/{name}.Z")):
            pens.prepare(config(server.address + form), tmp_path / out, None, tiny.HASTY)
        with pytest.raises(UserError, match=r"truncated|wrong content"):
            pens.prepare(config(server.address + "/cut/{name}.Z"), tmp_path / "cut", None, tiny.HASTY)
        assert server.asked["/static/all.zip"] == 1
    finally:
        server.close()
    assert (tmp_path / "zip/drawings.jsonl").read_bytes() == (tmp_path / "z/drawings.jsonl").read_bytes()
    assert not (tmp_path / "cut").exists()


def test_a_malformed_file_is_reported_with_its_line_and_nothing_is_written(tmp_path: Path) -> None:
    broken = TES.replace(b" 500  0\n", b" 500 \n")
    with pytest.raises(UserError, match=r"^pens\.tes, line 10: '500' is not a point"):
        prepare(config(tes=broken), tmp_path / "out", mirror=folder(tmp_path / "mirror", broken))
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_reported_with_both_forms(tmp_path: Path) -> None:
    mirror = folder(tmp_path)
    (tmp_path / "pen-digits" / "pens.tes.gz").unlink()
    with pytest.raises(UserError) as caught:
        prepare(config(), tmp_path / "out", mirror=mirror)
    assert "pen-digits/pens.tes.gz: no such file; pen-digits/pens.tes.Z: no such file" in str(caught.value)
    assert "pen-digits/pens.tes.gz or pen-digits/pens.tes.Z" in str(caught.value)


def everyone() -> list[Drawing]:
    """A drawing by each of the 44 writers."""
    writers = [f"tra-{n:02d}" for n in range(1, 31)] + [f"tes-{n:02d}" for n in range(1, 15)]
    return [Drawing(f"d-{writer}", 1, writer, "test", (280, 280), [[[1, 1]]], None, "1998") for writer in writers]


def test_the_writers_have_three_roles_and_nobody_two() -> None:
    roles = {
        role: {drawing.writer for drawing in pens.of_role(everyone(), published("pens"), role)} for role in pens.ROLES
    }
    assert {role: len(writers) for role, writers in roles.items()} == {
        "test": 14,
        "validation": 6,
        "training": 24,
    }
    assert len(set().union(*roles.values())) == 44
    assert all(writer.startswith("tes-") for writer in roles["test"])
    # The rule is written beside the list in conf/data/pens.yaml.
    drawn = sorted(random.Random(1998).sample(range(1, 31), 6))
    assert roles["validation"] == {f"tra-{number:02d}" for number in drawn}


def test_an_unknown_role_or_an_absent_writer() -> None:
    with pytest.raises(ValueError, match=r"'reporting': unknown role .* test, validation, training"):
        pens.of_role(everyone(), published("pens"), "reporting")
    with pytest.raises(UserError, match="tes-14 drew nothing"):
        pens.of_role(everyone()[:-1], published("pens"), "test")
