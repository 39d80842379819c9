"""`drawings.py import`: the shapes a folder takes, what is skipped, what is rejected, and importing again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inkproof
from inkproof.data.drawing_import import import_drawings
from inkproof.data.drawings import read_drawings
from inkproof.preprocessing.canvas import load_canvases, to_canvas
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError
from inkproof.stages.drawings import import_images

SCRIPT = Path(inkproof.__file__).resolve().parents[1] / "drawings.py"


def draw(path, number, mode="L"):
    """An image that differs for every number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strokes = [[(60, 60), (60 + 3 * number, 200)], [(100 + number, 80), (220, 240 - 2 * number)]]
    Image.fromarray(render(strokes)).convert(mode).save(path)
    return path


def command(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), "import", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def numbered(tmp_path):
    """digit1.png to digit12.png, labeled 1 to 9, 0, and twice not a digit."""
    folder = tmp_path / "numbered"
    for number in range(1, 13):
        draw(folder / f"digit{number}.png", number)
    labels = [*"1234567890", "-", ""]
    rows = "".join(f"digit{number}.png,{label}\n" for number, label in enumerate(labels, start=1))
    (folder / "labels.csv").write_text("file,label\n" + rows)
    return folder


def test_numbered_images_come_in_numeric_order_with_the_labels_of_the_csv(numbered, tmp_path):
    result = import_drawings(numbered, tmp_path / "set", writer="anna")
    drawings = read_drawings(tmp_path / "set")
    assert drawings == result.drawings == result.added
    assert [drawing.source for drawing in drawings] == [f"numbered/digit{number}.png" for number in range(1, 13)]
    assert [drawing.label for drawing in drawings] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, None, None]
    assert {drawing.writer for drawing in drawings} == {"anna"}
    canvases = load_canvases(tmp_path / "set", drawings)
    for number, canvas in enumerate(canvases, start=1):
        assert np.array_equal(canvas, to_canvas(numbered / f"digit{number}.png"))


def test_line_breaks_in_names_do_not_reach_the_set_and_a_new_writer_is_counted(tmp_path, capsys):
    folder = tmp_path / "mine"
    draw(folder / "7" / "a\nb.png", 3)
    (folder / "7" / "no\nimage.png").write_bytes(b"")
    import_images(folder, tmp_path / "set", None, "an\nna")
    (drawing,) = read_drawings(tmp_path / "set")
    assert (drawing.writer, drawing.source) == ("an na", "mine/7/a b.png")
    assert [line.split(" ")[0] for line in capsys.readouterr().err.splitlines()] == ["skipped:"]
    import_images(folder, tmp_path / "set", None, "ben")
    assert "0 added, 1 with a new label or writer, 0 already there" in capsys.readouterr().out


def test_a_folder_a_label(tmp_path):
    for label in ("0", "7", "-"):
        draw(tmp_path / "mine" / label / "b.png", ord(label))
    draw(tmp_path / "mine" / "7" / "a.JPG", 3)
    draw(tmp_path / "mine" / "overview.png", 4)
    draw(tmp_path / "mine" / "7" / "._b.png", 5)
    result = import_drawings(tmp_path / "mine", tmp_path / "set")
    assert {(drawing.source, drawing.label) for drawing in result.added} == {
        ("mine/-/b.png", None),
        ("mine/0/b.png", 0),
        ("mine/7/a.JPG", 7),
        ("mine/7/b.png", 7),
    }
    assert result.unlabeled == ["overview.png"]
    assert {drawing.writer for drawing in result.added} == {"me"}


def test_what_cannot_be_read_is_named_and_not_left_out(tmp_path):
    draw(tmp_path / "in" / "3" / "a.png", 1)
    (tmp_path / "in" / "3" / "scan.pdf").write_text("%PDF-1.7")
    (tmp_path / "in" / "3" / "icon.TGA").write_text("no image")
    (tmp_path / "in" / "3" / "gone.png").symlink_to("nothing")
    (tmp_path / "in" / "3" / "notes.txt").write_text("no image")
    (tmp_path / "in" / "form.pdf").write_text("%PDF-1.7")
    result = import_drawings(tmp_path / "in", tmp_path / "set")
    assert (len(result.added), result.unlabeled) == (1, ["form.pdf"])
    gone, icon, scan = (line.removeprefix(f"{tmp_path / 'in' / '3'}/") for line in result.skipped)
    assert gone == "gone.png cannot be read: no such file"
    assert icon.startswith("icon.TGA cannot be read: it is no image of") and icon.endswith("save as PNG or JPEG")
    assert scan.startswith("scan.pdf cannot be read: it is no image of") and scan.endswith("save as PNG or JPEG")


@pytest.mark.parametrize("suffix", [".heic", ".webp", ".avif"])
def test_what_phones_save_is_imported(tmp_path, suffix):
    draw(tmp_path / "in" / "3" / "a.png", 1)
    with Image.open(tmp_path / "in" / "3" / "a.png") as image:
        image.convert("RGB").save(tmp_path / "in" / "3" / f"b{suffix}")
    assert len(import_drawings(tmp_path / "in", tmp_path / "set").added) == 2


def test_the_csv_names_writers_and_wins_over_the_folders(tmp_path):
    draw(tmp_path / "in" / "3" / "a.png", 1)
    draw(tmp_path / "in" / "3" / "b.png", 2)
    draw(tmp_path / "in" / "c.png", 3)
    csv = tmp_path / "list.csv"
    csv.write_bytes("\ufeffFile;Label;Writer\r\n3\\a.png;8;Zoë\r\n\r\n c.png ; 5 ;\r\n".encode())
    result = import_drawings(tmp_path / "in", tmp_path / "set", csv, "anna")
    assert [(drawing.source, drawing.label, drawing.writer) for drawing in result.added] == [
        ("in/3/a.png", 8, "Zoë"),
        ("in/3/b.png", 3, "anna"),
        ("in/c.png", 5, "anna"),
    ]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "PNG"])
def test_each_format_is_stored_as_a_plain_png(tmp_path, suffix):
    original = draw(tmp_path / "in" / "4" / f"a.{suffix}", 4)
    (drawing,) = import_drawings(tmp_path / "in", tmp_path / "set").added
    with Image.open(tmp_path / "set" / drawing.image) as stored:
        assert (stored.format, stored.mode) == ("PNG", "L")
    difference = to_canvas(tmp_path / "set" / drawing.image).astype(int) - to_canvas(original)
    assert np.abs(difference).max() <= 1


def test_color_transparency_depth_and_turn_are_made_plain(tmp_path):
    ink = render([[(90, 60), (190, 70), (120, 220)]])
    folder = tmp_path / "in" / "7"
    folder.mkdir(parents=True)
    clear = np.zeros_like(ink)
    Image.fromarray(np.dstack([clear, clear, clear, 255 - ink])).save(folder / "alpha.png")
    Image.fromarray(ink.astype(np.uint16) * 257).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(ink).copy()).save(folder / "turned.tif", exif=exif)
    Image.fromarray(np.dstack([np.full_like(ink, 255), ink, ink])).save(folder / "red.png", icc_profile=b"profile")
    result = import_drawings(tmp_path / "in", tmp_path / "set")
    # The first three are one image once they are plain.
    assert (len(result.added), result.known) == (2, 2)
    canvases = load_canvases(tmp_path / "set", result.drawings)
    assert np.array_equal(canvases[0], ink)
    with Image.open(tmp_path / "set" / result.added[1].image) as red:
        assert red.mode == "RGB"
        assert "icc_profile" not in red.info


def test_a_huge_image_is_stored_smaller(tmp_path):
    (tmp_path / "in" / "1").mkdir(parents=True)
    Image.new("L", (4000, 1000), 200).save(tmp_path / "in" / "1" / "wide.png")
    (drawing,) = import_drawings(tmp_path / "in", tmp_path / "set").added
    assert drawing.canvas == (1120, 280)
    with Image.open(tmp_path / "set" / drawing.image) as stored:
        assert stored.size == (1120, 280)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_importing_again_adds_nothing(numbered, tmp_path):
    import_drawings(numbered, tmp_path / "set", writer="anna")
    before = contents(tmp_path / "set")
    (numbered / "copy of digit3.png").write_bytes((numbered / "digit3.png").read_bytes())
    with (numbered / "labels.csv").open("a") as csv:
        csv.write("copy of digit3.png,3\n")
    result = import_drawings(numbered, tmp_path / "set")
    assert (len(result.added), len(result.changed), result.known, len(result.drawings)) == (0, 0, 13, 12)
    assert contents(tmp_path / "set") == before


def test_a_corrected_label_replaces_the_old_one(numbered, tmp_path):
    import_drawings(numbered, tmp_path / "set", writer="anna")
    rows = (numbered / "labels.csv").read_text().replace("digit2.png,2", "digit2.png,7")
    (numbered / "labels.csv").write_text(rows)
    result = import_drawings(numbered, tmp_path / "set")
    assert [(drawing.source, drawing.label) for drawing in result.changed] == [("numbered/digit2.png", 7)]
    drawings = read_drawings(tmp_path / "set")
    assert [drawing.label for drawing in drawings[:3]] == [1, 7, 3]
    assert {drawing.writer for drawing in drawings} == {"anna"}


def test_one_image_with_two_labels_keeps_the_first_and_is_reported(tmp_path):
    draw(tmp_path / "in" / "1" / "a.png", 5)
    draw(tmp_path / "in" / "7" / "b.png", 5)
    result = import_drawings(tmp_path / "in", tmp_path / "set")
    assert [drawing.label for drawing in result.drawings] == [1]
    assert "b.png is the same image as 1/a.png, which is labeled 1" in result.skipped[0]


def test_unreadable_images_are_named_and_skipped_with_exit_1(numbered, tmp_path):
    (numbered / "digit2.png").write_bytes(b"not an image")
    (numbered / "digit5.png").unlink()
    draw(numbered / "extra.png", 30)
    done = command(numbered, "--into", tmp_path / "set")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert sum("digit2.png cannot be read: it is damaged, or not an image" in line for line in lines) == 1
    assert sum("digit5.png cannot be read: no such file" in line for line in lines) == 1
    assert sum("no label: extra.png" in line for line in lines) == 1
    assert "10 added, 0 already there, 3 skipped" in done.stdout
    assert len(read_drawings(tmp_path / "set")) == 10


def test_the_command_prints_how_many_of_each_digit_and_what_to_do_next(numbered, tmp_path):
    done = command(numbered, "--into", tmp_path / "set")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line[:10].strip(): line[10:].split() for line in done.stdout.splitlines() if line[10:].strip()}
    assert rows["in the set"] == ["1"] * 10 + ["2", "12"]
    assert "dvc repro" in done.stdout
    again = command(numbered, "--into", tmp_path / "set")
    assert again.returncode == 0
    assert "0 added, 12 already there" in again.stdout


def test_by_default_the_set_is_mine_below_the_repository():
    asked = command("--help").stdout
    assert str(SCRIPT.parents[1] / "data" / "drawn" / "mine") in "".join(asked.split())
    assert "python src/drawings.py import" in asked


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("file,label\ndigit1.png,10\n", "line 2: the label of digit1.png is '10', not a digit from 0 to 9"),
        ("file,label\ndigit1.png,1\ndigit2.png,seven\n", "line 3: the label of digit2.png is 'seven'"),
        ("file,label\ndigit1.png,-1\n", "line 2: the label of digit1.png is '-1'"),
        ("file,label\ndigit1.png\n", "line 2: has no label"),
        ("file,label\n,3\n", "line 2: has no file"),
        ("file,label\ndigit1.png,1,anna\n", "line 2: has 3 cells, the header 2"),
        ("file,label\ndigit1.png,1\ndigit1.png,1\n", "line 3: digit1.png is listed twice"),
        ("file,label\n../digit1.png,1\n", "line 2: ../digit1.png is not a path below"),
        ("file,label\n/digit1.png,1\n", "line 2: /digit1.png is not a path below"),
        ("digit1.png,1\n", "line 1: the header needs one column 'file'"),
        ("file,digit\ndigit1.png,1\n", "line 1: the header needs one column 'label'"),
        ("", "is empty"),
        ("file,label\n", "lists none of the images"),
    ],
)
def test_a_wrong_csv_is_named_by_its_line_and_nothing_is_written(numbered, tmp_path, rows, complaint):
    (numbered / "labels.csv").write_text(rows)
    with pytest.raises(UserError) as error:
        import_drawings(numbered, tmp_path / "set")
    assert complaint in str(error.value)
    assert "labels.csv" in str(error.value)
    assert not (tmp_path / "set").exists()


def rejections(tmp_path):
    """What is rejected: name, arguments, the one line."""
    draw(tmp_path / "bare" / "digit1.png", 1)
    draw(tmp_path / "high" / "12" / "a.png", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "3").mkdir(parents=True)
    (tmp_path / "broken" / "3" / "a.png").write_bytes(b"?")
    draw(tmp_path / "good" / "3" / "a.png", 1)
    (tmp_path / "file").write_text("x")
    (tmp_path / "spoiled").mkdir()
    (tmp_path / "spoiled" / "drawings.jsonl").write_text("{}\n")
    return [
        (["absent"], "absent does not exist"),
        (["file"], "file is not a folder"),
        (["empty"], "empty holds no images"),
        (["bare"], "holds images but no labels"),
        (["bare", "--labels", "no.csv"], "no.csv cannot be read"),
        (["high"], "12 is no label"),
        (["broken"], "no image can be read; the first of 1: "),
        (["good", "--into", "file"], "a file is in its way"),
        (["good", "--into", "spoiled"], "drawings.jsonl, line 1: id: expected a value"),
    ]


def test_what_cannot_be_imported_ends_in_one_line_and_writes_nothing(tmp_path):
    cases = rejections(tmp_path)
    before = contents(tmp_path)
    for (folder, *options), complaint in cases:
        places = [tmp_path / option if not option.startswith("--") else option for option in options]
        into = [] if "--into" in options else ["--into", tmp_path / "set"]
        done = command(tmp_path / folder, *places, *into)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.startswith("drawings.py: error: ")
        assert complaint in done.stderr
        assert done.stderr.count("\n") == 1
    assert contents(tmp_path) == before
    assert not (tmp_path / "set").exists()


def test_an_import_that_fails_half_way_takes_its_images_back(numbered, tmp_path, monkeypatch):
    import_drawings(numbered, tmp_path / "set")
    before = contents(tmp_path / "set")
    draw(numbered / "3" / "new.png", 40)
    draw(numbered / "3" / "newer.png", 41)

    def full(folder, drawings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("inkproof.data.drawing_import.write_drawings", full)
    with pytest.raises(OSError, match="No space"):
        import_drawings(numbered, tmp_path / "set")
    assert contents(tmp_path / "set") == before


def test_a_file_name_that_is_no_utf8_does_no_harm(tmp_path):
    image = draw(tmp_path / "in" / "2" / "a.png", 2)
    os.rename(image, os.fsencode(image.parent) + b"/\xff.png")  # noqa: PTH104  (bytes: no Path holds them)
    import_drawings(tmp_path / "in", tmp_path / "set")
    (line,) = (tmp_path / "set" / "drawings.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["source"] == "in/2/\ufffd.png"


def test_help_starts_at_once():
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert command("--help").returncode == 0
        times.append(time.perf_counter() - began)
    assert min(times) < 1.5
