"""Many images: the same predictions in the same order from one process and from several, however they end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from inkproof.data.images import FORMATS
from inkproof.inference import predict as batch
from inkproof.inference.predict import CHUNK, Prediction, Unreadable, predict_images, printable
from inkproof.runtime.errors import UserError
from support.processes import within
from support.segments import DIGITS, canvas, image
from support.stand_in import expected


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Images of the digits 0 to 9 over and over in more than two chunks, the sixth and the last unreadable."""
    folder = tmp_path_factory.mktemp("images")
    for digit in DIGITS:
        image(digit).save(folder / f"{digit}.png")
    (folder / "broken.png").write_text("no image")
    found = [str(folder / f"{number % 10}.png") for number in range(2 * CHUNK + 5)]
    found[5], found[-1] = str(folder / "broken.png"), str(folder / "absent.png")
    return found


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes without work end by themselves, here sooner than for users: those of the test before are gone."""
    monkeypatch.setattr("inkproof.runtime.processes.IDLE", 0.5)
    assert within(30, lambda: not multiprocessing.active_children())


@pytest.fixture(scope="module")
def model(stand_in: Path) -> Path:
    return stand_in / "canvas.tflite"


def test_every_image_has_its_two_most_likely_digits_in_order(paths: list[str], model: Path):
    results = list(predict_images(paths, model))
    assert [one.path for one in results] == paths
    known = f"it is damaged, or not an image of a known format ({', '.join(FORMATS)})"
    assert results[5] == Unreadable(paths[5], known)
    assert results[-1] == Unreadable(paths[-1], "no such file")
    _, probabilities = expected(np.stack([canvas(digit) for digit in DIGITS]))
    for number, one in enumerate(results):
        if number not in (5, len(paths) - 1):
            row = probabilities[number % 10]
            first, second = np.sort(row)[::-1][:2]
            assert isinstance(one, Prediction)
            assert (one.digit, one.accepted) == (number % 10, True)
            assert one.probability == pytest.approx(first, abs=1e-5)
            # The 6 and the 9 are equally like an 8.
            assert one.second != one.digit and row[one.second] == pytest.approx(second, abs=1e-5)
            assert one.second_probability == pytest.approx(second, abs=1e-5)


@pytest.mark.parametrize("keep", [0, 3, CHUNK + 2])
def test_several_processes_predict_what_one_does(paths: list[str], model: Path, keep: int):
    for alone, together in zip(
        predict_images(paths, model, keep, processes=1),
        predict_images(paths, model, keep, processes=2),
        strict=True,
    ):
        for name in alone.__slots__:
            assert np.array_equal(getattr(alone, name), getattr(together, name)), name


def test_only_the_first_are_kept_with_their_images(paths: list[str], model: Path):
    results = list(predict_images(paths, model, keep=7))
    kept = [number for number, one in enumerate(results) if isinstance(one, Prediction) and one.canvas is not None]
    assert kept == [0, 1, 2, 3, 4, 6], "the sixth is unreadable"
    assert np.array_equal(results[4].canvas, canvas(4))
    assert np.abs(results[4].seen - expected(canvas(4)[np.newaxis])[0][0].astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("number", "cores", "processes"), [(batch.MANY - 1, 8, 1), (batch.MANY, 1, 1), (batch.MANY, 2, 2), (5000, 64, 4)]
)
def test_more_processes_only_for_many_images(monkeypatch, model: Path, number: int, cores: int, processes: int):
    asked = []
    monkeypatch.setattr(batch, "cores", lambda: cores)
    monkeypatch.setattr(batch, "in_order", lambda chunks, workers, advice: asked.append(workers) or ())
    predict_images(["absent.png"] * number, model)
    assert asked == [processes]


def test_a_model_that_cannot_be_used_is_an_error_before_the_first_image(paths: list[str], tmp_path: Path):
    with pytest.raises(UserError, match="no such file"):
        predict_images(paths, tmp_path / "canvas.tflite", processes=2)
    assert not multiprocessing.active_children()


def test_no_process_is_left_when_the_results_are_not_wanted_any_more(paths: list[str], model: Path):
    before = signal.getsignal(signal.SIGINT)
    results = predict_images(paths * 20, model, processes=2)
    next(results)
    assert len(multiprocessing.active_children()) == 2
    results.close()
    assert not multiprocessing.active_children()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_process_that_is_killed_is_one_line(paths: list[str], model: Path):
    results = predict_images(paths * 20, model, processes=2)
    next(results)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(UserError, match="was killed, perhaps because memory ran out"):
        list(results)
    assert not multiprocessing.active_children()


def test_processes_end_with_the_one_that_started_them(paths: list[str], model: Path, tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import multiprocessing, pathlib, sys, time\n"
        "from inkproof.inference.predict import predict_images\n"
        "if __name__ == '__main__':\n"
        "    results = predict_images(sys.argv[2:] * 20, pathlib.Path(sys.argv[1]), processes=2)\n"
        "    next(results)\n"
        "    print(*(one.pid for one in multiprocessing.active_children()), flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(batch.__file__).parents[2])}
    command = [sys.executable, script, model, *paths]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 2
    end = time.monotonic() + 20
    while any(running(child) for child in children):
        assert time.monotonic() < end, "left behind"
        time.sleep(0.05)


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("plain name ü 七.png", "plain name ü 七.png"),
        ("two\nlines\t.png", r"two\nlines\t.png"),
        ("\x1b[31mred", r"\x1b[31mred"),
        (os.fsdecode(b"latin\xe9.png"), r"latin\udce9.png"),
    ],
)
def test_a_path_is_one_line_of_text(path: str, line: str):
    assert printable(path) == line
