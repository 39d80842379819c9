"""results.csv: whole at every moment, read back as written, and rejected in one line where it is broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.studies import results
from inkproof.studies.results import read_results, write_row
from support.made_up import grid_run, row
from support.workspaces import clean_environment

FIRST, SECOND = grid_run({"model": "a"}, 0), grid_run({"model": "b"}, 1)
WRITER = """
import sys
from pathlib import Path
from support.made_up import grid_run, row
from inkproof.studies import results
results.ROOT = Path(sys.argv[2])
for number in range(20):
    results.write_row(Path(sys.argv[1]), row(grid_run({"model": sys.argv[3]}, number), val_acc=number / 20))
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    (tmp_path / "study").mkdir()
    return tmp_path / "study" / "results.csv"


def test_what_is_written_is_read_back(path: Path):
    rows = [row(FIRST, 12.5, val_acc=1 / 3), row(SECOND, 7.0, val_acc=0.5, tflite_kb=39.1)]
    for one in rows:
        write_row(path, one)
    read = read_results(path)
    assert list(read) == [FIRST.key, SECOND.key]
    assert read[SECOND.key] == rows[1]
    assert read[FIRST.key].metrics == {"val_acc": pytest.approx(1 / 3, abs=1e-9)}
    assert read_results(path.with_name("absent.csv")) == {}


def test_a_grid_run_that_is_run_again_has_one_row(path: Path):
    for seconds in (1.0, 2.0):
        write_row(path, row(FIRST, seconds, val_acc=0.5))
    assert read_results(path)[FIRST.key].seconds == 2.0
    assert len(path.read_text().splitlines()) == 2


def test_of_two_rows_that_a_merge_left_the_later_counts(path: Path):
    write_row(path, row(FIRST, 1.0, val_acc=0.5))
    lines = path.read_text()
    path.write_text(lines + lines.splitlines()[1].replace("0.5", "0.75") + "\n")
    assert read_results(path)[FIRST.key].metrics == {"val_acc": 0.75}


def test_several_processes_write_at_once(path: Path):
    environment = {**clean_environment(), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    command = [sys.executable, "-c", WRITER, str(path), str(path.parents[1])]
    writers = [subprocess.Popen([*command, name], env=environment) for name in "abc"]
    while any(writer.poll() is None for writer in writers):
        read_results(path)  # at no moment half a file
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert set(read_results(path)) == {f"model{name}{number}" for name in "abc" for number in range(20)}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda text: text.replace("seconds", "minutes", 1), "line 1: .*no column seconds"),
        (lambda text: text.replace("format,", "", 1).replace("\n2,", "\n"), "line 1: .*no column format"),
        (lambda text: text.replace("\n2,", "\n3,"), "line 2: .*format '3', this version reads 2"),
        (lambda text: text[: len(text) // 2], "line 1|line 2"),
        (lambda text: text.replace("10.0", "soon"), "line 2: .*seconds is 'soon', not a number"),
        (lambda text: text.replace("0.5", "nan"), "line 2: .*val_acc is 'nan', not a number"),
        (lambda text: text.replace("modela0", ""), "line 2: .*without key"),
        (lambda text: text + "<<<<<<< HEAD\n", "line 3: .*1 values in"),
        (lambda text: text + '"', "unexpected end of data"),
    ],
)
def test_a_broken_results_table_is_named_with_the_line(broken, message: str, path: Path):
    write_row(path, row(FIRST, val_acc=0.5))
    path.write_text(broken(path.read_text()))
    with pytest.raises(UserError, match=message) as raised:
        read_results(path)
    assert str(path) in str(raised.value)
    assert "git checkout" in str(raised.value)


def test_a_column_in_twice_is_named(path: Path):
    write_row(path, row(FIRST, val_acc=0.5))
    path.write_text(path.read_text().replace("val_acc", "seconds"))
    with pytest.raises(UserError, match=r"line 1: .*two columns of one name"):
        read_results(path)


def test_every_row_has_the_format(path: Path):
    for one in (FIRST, SECOND):
        write_row(path, row(one, val_acc=0.5))
    header, *lines = path.read_text().splitlines()
    assert header.startswith("format,key,grid_run,seed,stages,")
    assert [line.split(",")[0] for line in lines] == ["2", "2"]


def test_a_results_table_of_0_1_is_one_line(path: Path):
    path.write_text("key,cell,seed\nabc,model=a seed=0,0\n")
    with pytest.raises(UserError, match=r"results\.csv: made by 0\.1: delete it and run the study again"):
        read_results(path)


def test_bytes_that_are_no_text_are_refused(path: Path):
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        read_results(path)
