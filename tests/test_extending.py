"""docs/extending.md: what it adds is complete. Its own text is applied to a copy of the repository, which then runs."""

import csv
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from inkproof.config.schema import DataConfig, Evaluation
from inkproof.config.validation import validated
from inkproof.reporting.wording import Method
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support.workspaces import Workspace

TEXT = (ROOT / "docs" / "extending.md").read_text()
BLOCK = re.compile(r"([^\n]*)\n\n```(\w+)\n(.*?)```", re.DOTALL)  # the line above it, its language, its content
QUICK = ("training.epochs=2", "training.train_size=300", "run.register=false")


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """The blocks in one of `languages`, each with the line above it."""
    yield from ((above, content) for above, language, content in BLOCK.findall(TEXT) if language in languages)


def commands() -> list[list[str]]:
    return [shlex.split(line) for _, content in blocks("bash") for line in content.splitlines()]


def apply(root: Path) -> None:
    """Do in `root` what the document says."""
    for above, content in blocks("python", "yaml"):
        found = re.search(r"(Write|Add to the end of|Add to) `([\w./]+)`(?: (below|above) `(\w+)`)?[:.]", above)
        assert found is not None, f"a block without its file: {above}"
        how, name, where, place = found.groups()
        path = root / name
        if how == "Write":
            assert not path.exists(), name
            path.write_text(content)
        elif where == "below":
            text = path.read_text()
            (start,) = (line for line in (f"\n{place}:\n", f"\n{place} = {{\n") if line in text)
            path.write_text(text.replace(start, f"{start}{content}"))
        elif where == "above":
            start = f"@method\ndef {place}("
            path.write_text(path.read_text().replace(start, f"{content}\n\n{start}"))
        else:
            path.write_text(f"{path.read_text()}\n\n{content}")


def template() -> dict[str, Any]:
    (content,) = (content for above, content in blocks("yaml") if "`conf/data/scaled" in above)
    return dict(yaml.safe_load(content))


def test_the_template_of_a_dataset_has_every_key() -> None:
    assert set(template()) == set(DataConfig.model_fields)
    assert set(template()["evaluation"]) == set(Evaluation.model_fields)
    validated(DataConfig, template(), "data")


@pytest.mark.parametrize("key", DataConfig.model_fields)
@pytest.mark.parametrize("script", ["download", "train"])
def test_a_missing_key_of_a_dataset_is_named_in_one_line(composed: Callable[..., Any], script: str, key: str) -> None:
    from inkproof.config.schema import TrainConfig
    from inkproof.config.stages import DownloadConfig

    kind = {"download": DownloadConfig, "train": TrainConfig}[script]
    found = composed(kind.primary, "data=optdigits")
    del found["data"][key]
    with pytest.raises(UserError, match=rf"data\.{key}\b") as raised:
        validated(kind, found)
    assert "\n" not in str(raised.value)


DATA, MODULE = "conf/data/optdigits.yaml", "src/inkproof/data/optdigits.py"
MISTAKES = [  # of somebody who adds a dataset or a model: file, text, what is written instead, words of the line
    (DATA, "val: 240\n", "", "data.val: expected a value; conf/data/optdigits.yaml lacks the key"),
    (DATA, "folder: data/optdigits\n", "", "data.folder: expected a value; conf/data/optdigits.yaml lacks the key"),
    (DATA, "  test: 360\n", "", "error: data.source.test: expected a value; conf/data/optdigits.yaml lacks the key"),
    (DATA, "name: optdigits\n", "", "error: data.name: expected a value; conf/data/optdigits.yaml lacks the key"),
    (DATA, "  test: 360", "\ttest: 360", "conf/data/optdigits.yaml"),
    (DATA, "folder: data/optdigits\n", "folder: data/digits\n", "conf/data/optdigits.yaml has folder=data/digits; exp"),
    (DATA, "eval_data: data/optdigits", "eval_data: data/x", "has eval_data=data/x; expected data/optdigits"),
    (DATA, "_target_: inkproof.data.optdigits", "_target_: inkproof.data.digit", "names no function or class (No mod"),
    (MODULE, "import center_of_mass", "import center_of_mas", "optdigits cannot be imported (cannot import name"),
    (MODULE, "import numpy as np", "import numpi as np", "optdigits cannot be imported (No module named 'numpi'"),
    (MODULE, ", mirror: str | None", "", "is called with (data, out, mirror), but does not fit (too many"),
    (MODULE, "published = load_digits()", 'published = np.load("my.npz")', "my.npz: cannot be read (No such file"),
    (
        "conf/model/dense.yaml",
        "epochs: ",
        "epoch: ",
        "model.epochs: expected a value; conf/model/dense.yaml lacks the key",
    ),
]


def test_a_mistake_in_what_is_added_is_one_line_that_names_its_place(workspace: Workspace) -> None:
    for name, before, after, line in MISTAKES:
        path = workspace.root / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))
        words = ["train.py", "model=dense"] if "model" in name else ["download.py"]
        found = workspace.fails("python", f"src/{words[0]}", "data=optdigits", *words[1:])
        assert line in found, found
        path.write_text(text)


def test_the_words_of_a_preprocessing_method_can_be_read() -> None:
    (content,) = (content for above, content in blocks("python") if "`METHOD_WORDS`" in above)
    (words,) = eval(f"{{{content}}}", {"Method": Method}).values()
    assert words.note and words.brief.count("\n") == 1


def test_every_script_that_is_called_is_there() -> None:
    assert len(commands()) >= 10
    assert all((ROOT / words[1]).is_file() for words in commands() if words[0] == "python")


def sheets(root: Path) -> None:
    """Write five images of each digit as a user's files."""
    drawn = np.random.default_rng(0).integers(0, 256, (10, 6, 28, 28), np.uint8)
    for label, images in enumerate(drawn):
        folder = root / "data" / "raw" / "sheets" / str(label)
        folder.mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{number}.png")


def test_what_is_added_is_composed_and_a_dataset_from_files_is_made(dvc_workspace: Callable[..., Workspace]) -> None:
    workspace = dvc_workspace({})
    apply(workspace.root)
    sheets(workspace.root)
    for words in commands():
        if words[1] == "src/train.py":
            workspace.run(*words, "--cfg", "job")
    workspace.run("dvc", "add", "data/raw/sheets")
    workspace.run("dvc", "repro", "download@sheets")
    with np.load(workspace.root / "data" / "sheets" / "digits.npz") as file:
        assert [len(file[f"{split}_labels"]) for split in ("train", "val", "test")] == [20, 20, 20]
    (workspace.root / "data" / "raw" / "sheets" / "0" / "0.png").unlink()
    assert "data/raw/sheets" in workspace.run("dvc", "status", "download@sheets").stdout


def test_numbers_of_the_document_are_those_of_the_code() -> None:
    code = (ROOT / "src/inkproof/training/augment.py").read_text()
    assert {*re.findall(r"(?:_fold|_uniform)\(seed, (\d)", code)} == {"1", "2", "3"}  # so 4 is the next


def test_git_ignores_reports_with_a_users_drawings_and_files() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    paths = ["reports/scaled/index.html", "data/raw/sheets/0/a.png", "reports/mnist/index.html", "data/raw/sheets.dvc"]
    found = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout.split() == paths[:2]


@pytest.mark.slow
@pytest.mark.xdist_group("chain")
def test_one_of_each_reaches_the_report(dvc_workspace: Callable[..., Workspace]) -> None:
    workspace = dvc_workspace()
    apply(workspace.root)
    path = workspace.root / "conf" / "data" / "scaled.yaml"
    path.write_text(path.read_text().replace("corruption_digits: 10", "corruption_digits: 2"))  # less to wait for
    sheets(workspace.root)
    workspace.run("dvc", "add", "data/raw/sheets")
    repro, again = (words for words in commands() if words[:2] == ["dvc", "repro"])
    assert repro == again
    workspace.run(*repro)
    report = workspace.root / "reports" / "scaled"
    page = (report / "index.html").read_text()
    assert "Scaled digits" in page and "strided" in page and "two_tone" in page
    assert "E. Alpaydin and C. Kaynak" in page and "optimizer=lion training.label_smoothing=0.05" in page
    assert "make each pixel black or white" in page
    with (report / "leaderboard.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], row["data"], row["aug"]) == ("strided", "scaled", "noisy")
    assert float(row["test_acc"]) > 0.8
    assert 0 < float(row["drawn_starter_two_tone_accuracy"]) <= 1
    drawn = json.loads((report / "models" / "strided" / "drawn.json").read_text())["starter"]
    assert [key for key in drawn if isinstance(drawn[key], dict)][-3:] == ["two_tone", "classic", "learned"]
    metadata = json.loads((workspace.root / "models/scaled/strided/run.json").read_text())
    assert metadata["config"]["optimizer"]["_target_"] == "keras.optimizers.Lion"
    assert metadata["config"]["training"]["label_smoothing"] == 0.05
    lion = workspace.root / "conf" / "optimizer" / "lion.yaml"
    lion.write_text(lion.read_text().replace("weight_decay: 0.01", "weight_decay: 0.02"))
    assert "conf/optimizer" in workspace.run("dvc", "status", "train@scaled-strided").stdout
    lion.write_text(lion.read_text().replace("weight_decay: 0.02", "weight_decay: 0.01"))
    assert metadata["config"]["aug"] == {"name": "noisy", "rotation": 7.0, "noise": 10.0}

    # Other commands, in one process. The pipeline has done what is left.
    others = [words for words in commands() if words[0] == "python"]
    short = [[*words, *QUICK] if words[1] == "src/train.py" else words for words in others]
    ended = workspace.together(*short, *(words for words in short if "optimizer=lion" in words))
    assert "reused" in ended[-1].stdout
    assert (workspace.root / "runs" / "log.csv").is_file()
    unknown = [["python", "src/train.py", "data=optdigits", word] for word in ("+aug.noize=1", "aug.rotation=200")]
    for words, line in zip(unknown, ("did you mean noise?", "aug.rotation=200: expected at most 180"), strict=True):
        assert line in workspace.fails(*words)
