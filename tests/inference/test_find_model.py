"""Which exported file a word means."""

import os
from pathlib import Path

import pytest

from inkproof.inference.find_model import find_model
from inkproof.runtime.errors import UserError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a pretrained model and three exported ones; the command is typed elsewhere."""
    for name in (
        *("models/pretrained/canvas.tflite", "exports/mnist/cnn/canvas.tflite", "exports/mnist/cnn/model.tflite"),
        *(
            "exports/mnist/dense_2x128/model.tflite",
            "exports/mnist_plus_strokes/cnn/canvas.tflite",
            "models/mnist/cnn/model.keras",
        ),
    ):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("word", "file"),
    [
        ("pretrained", "models/pretrained/canvas.tflite"),
        ("mnist-cnn", "exports/mnist/cnn/canvas.tflite"),
        ("mnist-dense_2x128", "exports/mnist/dense_2x128/model.tflite"),
        ("mnist_plus_strokes-cnn", "exports/mnist_plus_strokes/cnn/canvas.tflite"),
    ],
)
def test_a_name_means_a_file_of_the_repository_from_any_folder(root: Path, word: str, file: str):
    assert find_model(word, root) == root / file


def test_the_default_is_the_pretrained_file(root: Path):
    assert find_model(root=root) == root / "models/pretrained/canvas.tflite"


def test_a_folder_means_the_canvas_file_in_it_else_the_other(root: Path):
    assert find_model(f"{root}/exports/mnist/cnn") == root / "exports/mnist/cnn/canvas.tflite"
    assert find_model(f"{root}/exports/mnist/dense_2x128/") == root / "exports/mnist/dense_2x128/model.tflite"
    assert find_model("../root/models/pretrained", root) == Path("../root/models/pretrained/canvas.tflite")


@pytest.mark.parametrize("word", ["some.tflite", "../root/exports/mnist/cnn/model.tflite", "absent/canvas.tflite"])
def test_a_path_is_taken_as_it_is(root: Path, word: str):
    assert find_model(word, root) == Path(word)


def test_a_pipe_is_no_model_and_is_not_waited_for(root: Path):
    os.mkfifo("model.tflite")
    with pytest.raises(UserError, match=r"--model model\.tflite: is not a file"):
        find_model("model.tflite", root)


def test_a_folder_here_goes_before_a_name(root: Path):
    Path("pretrained").mkdir()
    Path("pretrained/model.tflite").touch()
    assert find_model("pretrained", root) == Path("pretrained/model.tflite")


@pytest.mark.parametrize(
    ("word", "line"),
    [
        (
            "mnist-cnnn",
            "did you mean mnist-cnn? choose one of: pretrained, mnist-cnn, mnist-dense_2x128",
        ),
        ("nonsense", "unknown model; choose one of: pretrained, mnist-cnn, mnist-dense_2x128"),
        ("", "unknown model; choose"),
        ("mnist/cnn", "did you mean mnist-cnn?"),
        ("/nowhere/folder", "or a .tflite file, a folder with one, models:/NAME@ALIAS or models:/NAME/VERSION"),
    ],
)
def test_an_unknown_word_is_one_line_with_the_choices(root: Path, word: str, line: str):
    with pytest.raises(UserError) as caught:
        find_model(word, root)
    assert line in str(caught.value) and str(caught.value).startswith(f"--model {word}: ")
    assert "\n" not in str(caught.value)


def test_a_folder_of_a_run_means_its_exports(root: Path):
    run = root / "runs" / "cnn-on-s0-1"
    (run / "exports").mkdir(parents=True)
    (run / "exports" / "model.tflite").write_bytes(b"x")
    assert find_model(str(run), root) == run / "exports" / "model.tflite"


def test_a_run_that_is_not_exported_yet_is_distinguished_from_a_wrong_name(root: Path):
    for name in ("data/optdigits", "model/cnn"):
        (root / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "conf" / f"{name}.yaml").write_text("")
    with pytest.raises(UserError, match="optdigits-cnn: not exported yet; run `dvc repro export@optdigits-cnn` first"):
        find_model("optdigits-cnn", root)
    with pytest.raises(UserError, match="optdigits-cmm: unknown model"):
        find_model("optdigits-cmm", root)
    with pytest.raises(UserError, match=r"--model cnn: a run's name .*; did you mean mnist-cnn\?$"):
        find_model("cnn", root)


def test_a_folder_without_an_export_is_named(root: Path):
    with pytest.raises(UserError, match=r"mnist/cnn has no canvas\.tflite or model\.tflite; src/export\.py makes"):
        find_model(f"{root}/models/mnist/cnn", root)
    (root / "models/pretrained/canvas.tflite").unlink()
    for word in ("pretrained", f"{root}/models/pretrained", "../root/models/pretrained"):
        with pytest.raises(UserError, match=r"models/pretrained has no .*; .* `make pretrained` makes"):
            find_model(word, root)
    (root / "models/pretrained").rmdir()
    with pytest.raises(UserError, match=r"--model pretrained: .*`make pretrained` makes it again$"):
        find_model(root=root)
