"""python src/predict.py as a user types it: what it prints, writes and draws, and how it ends."""

import csv
import os
import pty
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.segments import DIGITS, canvas, image
from support.workspaces import clean_environment

SLOW_TO_IMPORT = ("tensorflow", "keras", "mlflow", "matplotlib", "hydra", "scipy", "pandas", "sklearn")
SECONDS = 4.0  # of processor time, from the start of the process to its end


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of modules that end the process when they are imported."""
    folder = tmp_path_factory.mktemp("forbidden")
    for name in SLOW_TO_IMPORT:
        (folder / f"{name}.py").write_text("import os\nos._exit(77)\n")
    return str(folder)


@pytest.fixture(scope="module")
def place(new_workspace: Callable[[], Any], stand_in: Path) -> Any:
    """A workspace whose pretrained model is the stand-in, with images in `drawn`, in which commands are typed."""
    made = new_workspace()
    for folder in ("models/pretrained", "exports/mnist/cnn"):
        (made.root / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(stand_in / "canvas.tflite", made.root / folder)
    (made.root / "drawn" / "deep").mkdir(parents=True)
    for digit in DIGITS:
        image(digit).save(made.root / "drawn" / f"digit{digit}.png")
    image(7).convert("RGB").resize((600, 600)).save(made.root / "drawn" / "deep" / "seven.jpg")
    Image.new("L", (300, 200), 255).save(made.root / "drawn" / "blank.gif")
    (made.root / "drawn" / "notes.txt").write_text("no image")
    return made


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_few_images_are_read_at_once_without_anything_slow(place: Any, forbidden: str):
    command = ("python", "src/predict.py", "drawn/digit3.png", "drawn/blank.gif", "drawn/deep")
    place.run(*command)  # compiles the bytecode
    before = cpu_seconds()
    done = place.run(*command, PYTHONPATH=forbidden)
    assert cpu_seconds() - before < SECONDS
    assert done.stderr == ""
    three, blank, seven = done.stdout.splitlines()
    assert three.split() == ["drawn/digit3.png", "3", "99.3%", "then", three.split()[4], three.split()[5]]
    assert three.split()[4] in ("8,", "9,", "5,") and three.endswith("%")
    assert blank == "drawn/blank.gif       no ink found"
    assert seven.startswith("drawn/deep/seven.jpg  7   9")


def test_a_folder_is_walked_and_the_table_holds_every_image(place: Any, tmp_path: Path):
    done = place.run("python", "src/predict.py", "drawn", "--csv", str(tmp_path / "out.csv"))
    table = rows(tmp_path / "out.csv")
    assert list(table[0]) == ["path", "digit", "probability", "second", "second_probability", "accepted"]
    names = ["blank.gif", "deep/seven.jpg", *(f"digit{digit}.png" for digit in DIGITS)]
    assert [row["path"] for row in table] == [f"drawn/{name}" for name in names]
    assert table[0]["digit"] == table[0]["probability"] == ""
    assert [row["digit"] for row in table[1:]] == ["7", *map(str, DIGITS)]
    assert [row["accepted"] for row in table] == ["false"] + ["true"] * 11
    for row in table[1:]:
        assert 0.9 < float(row["probability"]) <= 1 and row["second"] != row["digit"]
        assert 0 <= float(row["second_probability"]) <= 1 - float(row["probability"]) + 1e-6
    assert [line.split()[0] for line in done.stdout.splitlines()] == [row["path"] for row in table]


def test_the_contact_sheet_is_drawn(place: Any, tmp_path: Path):
    done = place.run("python", "src/predict.py", "drawn", "--show", str(tmp_path / "sheet.png"))
    assert done.stderr == f"predict.py: written: {tmp_path / 'sheet.png'}\n"
    page = np.asarray(Image.open(tmp_path / "sheet.png").convert("L")).astype(int)
    zero = np.asarray(Image.fromarray(canvas(0)).resize((84, 84), Image.Resampling.BOX))
    second = 40 + 84 + 62  # row, below blank and seven
    assert np.abs(page[second : second + 84, 8:92] - zero).mean() < 3
    ink = (255 - canvas(0)).reshape(70, 4, 70, 4).max(axis=(1, 3))
    mask = np.asarray(Image.fromarray(ink).resize((84, 84), Image.Resampling.BILINEAR))
    assert np.abs(page[second : second + 84, 102:186] - mask).mean() < 3
    assert page.shape == (40 + 6 * (84 + 62), 640)


def test_a_contact_sheet_of_many_says_that_it_shows_the_first(place: Any, tmp_path: Path):
    arguments = [*["drawn"] * 6, "--show", str(tmp_path / "sheet.png")]
    done = place.run("python", "src/predict.py", *arguments)
    sheet = tmp_path / "sheet.png"
    assert done.stderr == f"predict.py: {sheet}: the first 60 of 72 images\npredict.py: written: {sheet}\n"
    assert Image.open(tmp_path / "sheet.png").height == 40 + 30 * (84 + 62)


def test_a_contact_sheet_within_the_folder_is_not_read_the_next_time(place: Any, tmp_path: Path):
    shutil.copytree(place.root / "drawn", tmp_path / "drawn")
    for _ in range(2):
        done = place.run("python", "src/predict.py", str(tmp_path / "drawn"), "--show", str(tmp_path / "drawn/s.png"))
        assert len(done.stdout.splitlines()) == 12 and "s.png" not in done.stdout


def test_what_cannot_be_read_is_named_and_passed_over(place: Any, tmp_path: Path):
    (tmp_path / "broken.png").write_bytes((place.root / "drawn" / "digit1.png").read_bytes()[:100])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty").mkdir()
    paths = ["absent.png", str(tmp_path), "drawn/digit5.png", str(tmp_path / "empty"), "src/predict.py"]
    done = place.run("python", "src/predict.py", *paths, "--csv", str(tmp_path / "out.csv"), code=1)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["drawn/digit5.png", "5"]]
    assert [row["path"] for row in rows(tmp_path / "out.csv")] == ["drawn/digit5.png"]
    empty, absent, broken, text, script, _ = done.stderr.splitlines()
    assert (
        empty == f"predict.py: {tmp_path / 'empty'}: has no images (PNG, JPEG, GIF, BMP, TIFF, WebP, AVIF, HEIC, PNM)"
    )
    assert absent == "predict.py: absent.png: no such file"
    assert broken.startswith(f"predict.py: {tmp_path / 'broken.png'}: ")
    known = "it is damaged, or not an image of a known format (PNG, JPEG, GIF, BMP, TIFF, WebP, AVIF, HEIC, PNM)"
    assert text == f"predict.py: {tmp_path / 'text.png'}: {known}"
    assert script == f"predict.py: src/predict.py: {known}"


def test_a_table_goes_where_a_link_leads_and_the_link_stays(place: Any, tmp_path: Path):
    link = tmp_path / "link.csv"
    link.symlink_to("later.csv")
    place.run("python", "src/predict.py", "drawn/digit5.png", "--csv", str(link))
    assert link.is_symlink() and [row["digit"] for row in rows(tmp_path / "later.csv")] == ["5"]
    link.unlink()
    link.symlink_to(tmp_path / "absent" / "later.csv")
    done = place.run("python", "src/predict.py", "drawn/digit5.png", "--csv", str(link), code=2)
    place_of_it = f"the folder {tmp_path / 'absent'} does not exist; make it, or choose another"
    assert done.stderr == f"predict.py: error: {tmp_path / 'absent' / 'later.csv'}: {place_of_it}\n"


def test_pipes_and_devices_are_not_waited_for(place: Any, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    paths = [str(tmp_path / "pipe.png"), "/dev/zero", "drawn/digit5.png"]
    done = place.run("timeout", "60", "python", "src/predict.py", *paths, code=1)
    assert done.stdout.split()[:2] == ["drawn/digit5.png", "5"]
    reason = "it is a folder, a pipe, a socket or a device; save the image as a file"
    assert done.stderr.splitlines() == [f"predict.py: {path}: {reason}" for path in paths[:2]]


def test_a_table_of_the_longest_name_is_written_and_a_longer_one_is_one_line(place: Any, tmp_path: Path):
    longest = tmp_path / ("ü" * 125 + ".csv")
    place.run("python", "src/predict.py", "drawn/digit5.png", "--csv", str(longest))
    assert [row["digit"] for row in rows(longest)] == ["5"]
    done = place.run("python", "src/predict.py", "drawn/digit5.png", "--csv", "x" * 300, code=2)
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("predict.py: error: the name is too long: xxx")


@pytest.mark.parametrize(
    ("closed", "path", "code"),
    [(">&-", "drawn/digit5.png", 0), ("2>&-", "absent.png", 1), ("<&- >&- 2>&-", "drawn/digit5.png", 0)],
)
def test_closed_streams_change_nothing_but_what_is_shown(closed: str, path: str, code: int, place: Any, tmp_path: Path):
    out = tmp_path / "out.csv"
    done = place.run("bash", "-c", f"python src/predict.py {path} --csv {out} {closed}", code=code)
    assert (done.stdout, done.stderr) == ("", "" if "2>&-" in closed else f"predict.py: written: {out}\n")
    assert [row["digit"] for row in rows(out)] == ["5"] * (code == 0)


def test_a_deleted_working_folder_is_one_line_where_it_matters(place: Any, tmp_path: Path):
    (tmp_path / "gone").mkdir()
    here = f"cd {tmp_path / 'gone'}; rmdir {tmp_path / 'gone'}; python {place.root / 'src' / 'predict.py'}"
    image = place.root / "drawn" / "digit5.png"
    done = place.run("bash", "-c", f"{here} {image}")
    assert done.stdout.startswith(f"{image}  5") and "Traceback" not in done.stderr
    (tmp_path / "gone").mkdir()
    done = place.run("bash", "-c", f"{here} {image} --csv out.csv", code=2)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("predict.py: error: the working folder was deleted") and "Traceback" not in done.stderr


def test_an_interrupt_during_the_imports_is_one_line(place: Any, tmp_path: Path):
    (tmp_path / "pillow_heif.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    process = place.start("python", "src/predict.py", "drawn", PYTHONPATH=str(tmp_path))
    assert process.stdout.readline() == "importing\n"
    assert place.stop(process, signal.SIGINT) == ("", "predict.py: interrupted\n")
    assert process.returncode == 130


def test_nothing_readable_at_all_is_still_one_line_each(place: Any, tmp_path: Path):
    words = ("absent.png", "drawn/*.webp", "--show", str(tmp_path / "sheet.png"))
    done = place.run("python", "src/predict.py", *words, code=1)
    hint = "predict.py: drawn/*.webp: no such file; write * and ? outside quotes, or name the folder"
    assert (done.stdout, done.stderr) == ("", f"predict.py: absent.png: no such file\n{hint}\n")
    assert not (tmp_path / "sheet.png").exists()


def test_names_of_any_bytes_are_printed(place: Any, tmp_path: Path):
    names = ["two\nlines.png", "七 ü.png", os.fsdecode(b"latin\xe9.png")]
    for name in names:
        try:
            shutil.copy(place.root / "drawn" / "digit2.png", tmp_path / name)
        except OSError:
            names.remove(name)  # a file system that takes UTF-8 alone
    (tmp_path / os.fsdecode(b"broken\xff.png")).write_text("")
    for encoding in ("utf-8", "ascii"):
        arguments = [str(tmp_path), "--csv", str(tmp_path / "out.csv"), "--show", str(tmp_path / "sheet.png")]
        done = place.run("python", "src/predict.py", *arguments, code=1, PYTHONIOENCODING=encoding)
        assert len(done.stdout.splitlines()) == len(names)
        assert all("  2   9" in line or "  2  10" in line for line in done.stdout.splitlines())
        assert r"two\nlines.png" in done.stdout and r"latin\udce9.png" in done.stdout
        broken, written = done.stderr.splitlines()
        assert r"broken\udcff.png: " in broken
        assert written == f"predict.py: written: {tmp_path / 'out.csv'}, {tmp_path / 'sheet.png'}"
        assert {row["digit"] for row in rows(tmp_path / "out.csv")} == {"2"}
        (tmp_path / "sheet.png").unlink()


def test_a_model_is_taken_by_name_folder_and_file(place: Any, forbidden: str):
    models = ("pretrained", "mnist-cnn", "models/pretrained", "exports/mnist/cnn/canvas.tflite")
    commands = [("python", "src/predict.py", "drawn/digit6.png", "--model", model) for model in models]
    for done in place.together(*commands, PYTHONPATH=forbidden):
        assert done.stdout.startswith("drawn/digit6.png  6"), done.args


def test_a_model_of_28_by_28_digits_classifies_images_too(place: Any, stand_in: Path, forbidden: str):
    model = str(stand_in / "model.tflite")
    done = place.run("python", "src/predict.py", "drawn", "--model", model, PYTHONPATH=forbidden)
    lines = done.stdout.splitlines()
    assert lines[0] == "drawn/blank.gif       no ink found"
    assert "drawn/digit2.png      2  1" in lines[4] or "drawn/digit2.png      2   9" in lines[4]


def test_the_command_works_from_any_folder(place: Any, tmp_path: Path):
    image(8).save(tmp_path / "mine.png")
    for model in ([], ["--model", "mnist-cnn"]):
        command = ("python", str(place.root / "src" / "predict.py"), "mine.png", *model)
        assert place.run(*command, cwd=tmp_path).stdout.startswith("mine.png  8  ")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


MISTAKES = [
    (["--model", "mnist-cnnn"], "--model mnist-cnnn: unknown model; did you mean mnist-cnn?"),
    (["--model", "absent.tflite"], "absent.tflite: no such file; src/export.py makes it"),
    (["--model", "drawn/notes.txt"], "drawn/notes.txt: not a readable LiteRT model"),
    (["--model", "data"], "--model data: data has no canvas.tflite"),
    (["--model", "models:/inkproof-mnist@champion"], "no database there; src/train.py makes it"),
    (["--csv", "drawn"], "drawn: is not a file, so it cannot be overwritten"),
    (["--csv", "drawn/digit1.png"], "drawn/digit1.png: has the name of an image"),
    (["--csv", "absent/out.csv"], "absent/out.csv: the folder absent does not exist; make it, or choose another"),
    (["--show", "absent/sheet.png"], "absent/sheet.png: the folder absent does not exist"),
    (["--model", "cnn"], "--model cnn: a run's name begins with its dataset; did you mean mnist-cnn?"),
    (["--show", "sheet.jpg"], "sheet.jpg: the contact sheet is a PNG"),
    (["--show", "drawn/digit1.png"], "drawn/digit1.png: is an image of yours, which the sheet would overwrite"),
    (["--show", "drawn/notes.txt/sheet.png"], "a file is where a folder should be"),
]


@pytest.fixture(scope="module")
def mistaken(place: Any, forbidden: str) -> list[Any]:
    """How each of MISTAKES ends, in one process for those that may import nothing slow; they write nothing."""

    def files() -> set[Path]:
        return {path for path in place.root.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    commands = [("python", "src/predict.py", "drawn/digit0.png", *typed) for typed, _ in MISTAKES]
    quick = [command for command in commands if "--show" not in command]
    slow = [command for command in commands if "--show" in command]
    ended = [
        *place.together(*quick, codes=[2] * len(quick), PYTHONPATH=forbidden),
        *place.together(*slow, codes=[2] * len(slow)),
    ]
    assert files() == before
    return sorted(ended, key=lambda done: commands.index(tuple(done.args)))


@pytest.mark.parametrize(("number", "line"), [(number, line) for number, (_, line) in enumerate(MISTAKES)])
def test_a_mistake_is_one_line_and_nothing_is_written(mistaken: list[Any], number: int, line: str):
    stderr = mistaken[number].stderr
    assert len(stderr.splitlines()) == 1 and stderr.startswith("predict.py: error: ") and line in stderr


def test_help_and_a_missing_path(place: Any, forbidden: str):
    assert "--show OUT.png" in place.run("python", "src/predict.py", "--help", PYTHONPATH=forbidden).stdout
    assert "PATH" in place.run("python", "src/predict.py", code=2, PYTHONPATH=forbidden).stderr


@pytest.fixture(scope="module")
def thousands(place: Any) -> Path:
    """A folder of 1,200 names of one image and a broken one, enough for two processes."""
    folder = place.root / "many"
    folder.mkdir()
    image(2).resize((28, 28), Image.Resampling.BOX).save(folder / "digit0.bmp")
    for number in range(1, 1200):
        os.link(folder / "digit0.bmp", folder / f"digit{number}.bmp")
    (folder / "digit700.bmp").unlink()
    (folder / "digit700.bmp").write_text("broken")
    return folder


def test_thousands_are_read_in_order_and_counted(place: Any, thousands: Path, tmp_path: Path, forbidden: str):
    command = ("python", "src/predict.py", "many", "--csv", str(tmp_path / "out.csv"))
    before = cpu_seconds()
    done = place.run(*command, code=1, PYTHONPATH=forbidden)
    assert cpu_seconds() - before < 1200 * 2 / 150, "fewer than 150 a second on two cores"
    numbers = [number for number in range(1200) if number != 700]
    assert [row["path"] for row in rows(tmp_path / "out.csv")] == [f"many/digit{number}.bmp" for number in numbers]
    assert {(row["digit"], row["accepted"]) for row in rows(tmp_path / "out.csv")} == {("2", "true")}
    assert len(done.stdout.splitlines()) == 1199
    broken, counted, _ = done.stderr.splitlines()
    assert counted == "1,000 of 1,200 images"
    assert broken.startswith("predict.py: many/digit700.bmp: it is damaged, or not an image")


def test_a_terminal_gets_a_bar_and_the_pipe_nothing_of_it(place: Any, thousands: Path, tmp_path: Path):
    seen, terminal = pty.openpty()
    environment = {**clean_environment(), "TERM": "xterm", "COLUMNS": "80"}
    with (tmp_path / "out.txt").open("wb") as out:
        command = ["python", "src/predict.py", "many"]
        process = subprocess.Popen(command, cwd=place.root, env=environment, stdout=out, stderr=terminal)
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(seen, 4096)
        except OSError:  # how a terminal says that the other side is gone
            break
        if not part:
            break
        shown += part
    assert process.wait(30) == 1
    assert b"reading" in shown and b"/1200" in shown and b"digit700.bmp" in shown
    assert b"then" not in shown
    assert (tmp_path / "out.txt").read_text().count("\n") == 1199
    assert "reading" not in (tmp_path / "out.txt").read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_cleanly(place: Any, thousands: Path, how: signal.Signals, tmp_path: Path):
    csv_out = tmp_path / "out.csv"
    process = place.start("python", "src/predict.py", *["many"] * 10, "--csv", str(csv_out))
    for _ in range(100):
        assert "  2  " in process.stdout.readline()
    _, stderr = place.stop(process, how)
    lines = [line for line in stderr.splitlines() if not line.endswith("images") and "digit700" not in line]
    assert process.returncode == 128 + how
    assert lines == (["predict.py: interrupted"] if how == signal.SIGINT else [])
    assert list(tmp_path.iterdir()) == [], "nothing half-written"
    end = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:  # the last of them is Python's own, which waits for the others
            os.killpg(process.pid, 0)
            time.sleep(0.02)


def test_who_closes_the_pipe_has_had_enough(place: Any, thousands: Path):
    command = "python src/predict.py many | head -n 3; echo ${PIPESTATUS[0]}"
    done = place.run("bash", "-c", command)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        *(f"many/digit{number}.bmp" for number in range(3)),
        "141",
    ]
    assert done.stderr == ""
