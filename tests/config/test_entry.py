"""A mistake on a command line: one line on stderr, exit code 2, at once."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkproof.config.one_line import explain, fail, run
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

SECONDS = 4.0  # of processor time, which depends little on what else the machine does; 0.6 on a quiet one
SCRIPTS = [  # with the command that some take first
    *("train", "preprocess", "evaluate", "evaluate drawn", "evaluate ensemble", "evaluate finetuned"),
    *(
        "evaluate numbers",
        "evaluate out_of_fold",
        "export",
        "export formats",
        "report",
        "report pretrained",
        "download",
        "tune",
    ),
]
SLOW_TO_IMPORT = ("tensorflow", "keras", "mlflow")

# What is typed after `python src/train.py`, and words of the line.
MISTAKES = {
    "model=cnnn": [
        "model=cnnn",
        "did you mean cnn?",
        *sorted(path.stem for path in (ROOT / "conf" / "model").glob("*.yaml")),
    ],
    "aug=yes": ["aug=yes", "off, on"],
    "model=1": ["model=1: expected the name of a file of conf/model: cnn, compact, dense"],
    "callbacks=nan": ["callbacks=nan: expected the name of a file of conf/callbacks: default, last"],
    "optimizer=null": ["optimizer=null: expected the name of a file of conf/optimizer: adam, adam_cosine, sgd"],
    "hydra/launcher=1": ["the name of a file"],
    "experiment=digiter": ["did you mean digitre?"],
    "modle=cnn": ["modle", "did you mean model?", "aug, callbacks, data"],
    "epochs=3": ["epochs: unknown key; did you mean model.epochs or training.epochs?"],
    "init=x": ["init: unknown key; did you mean training.init?"],
    "init=ckpt/epoch=03.keras": ["a value with = needs quotes within quotes: 'init=\"ckpt/epoch=03.keras\"'"],
    "model=dense, cnn": ["model=dense,cnn: several values; add -m for a run with each"],
    "model=[dense,cnn]": ["model=[dense,cnn]: a list is not a choice", "for a sweep train.py -m model=dense,cnn"],
    "model=dense,": ["model=dense, a space ends the value; write the values without spaces: -m model=dense,..."],
    "+experiment=digitre": ["experiment is chosen already; write experiment=digitre without the +"],
    "optimizer.rho=7": ["optimizer.rho: unknown key", "choose one of: clip_norm, ema, learning_rate, name, schedule"],
    "--config-name=foo": ["--config-name=foo", "its own file of conf/", "key=value"],
    "--resolve": ["--resolve: it needs --cfg job"],
    "training.epoch=3": ["training.epoch:", "did you mean epochs?"],
    "optimizer.lr=1": ["optimizer.lr", "learning_rate"],
    "model.build.hiden=3": ["model.build.hiden", "did you mean hidden?"],
    "training.epochs=0": ["training.epochs=0", "at least 1"],
    "training.epochs=many": ["training.epochs=many", "a whole number"],
    "training.epochs=true": ["training.epochs=True", "a whole number"],
    "training.batch_size=-1": ["training.batch_size=-1", "at least 1"],
    "seed=1.5": ["seed=1.5", "a whole number"],
    "seed=4294967296": ["seed=4294967296", "at most 4,294,967,295"],
    "data.name=../x": ["data.name: ../x: expected a name of letters"],
    "training.train_size=3": ["training.train_size=3", "at least 10"],
    "training.folds=5": ["training.folds=5", "data.val=0"],
    "training.label_smoothing=1": ["training.label_smoothing=1", "below 1"],
    "training.label_smoothing=abc": ["training.label_smoothing=abc", "expected a number"],
    "callbacks.early_stopping.patience=x": ["callbacks.early_stopping.patience=x", "expected a number"],
    "training.teacher.weight=2": ["training.teacher.weight=2", "at most 1"],
    "run.register=maybe": ["run.register=maybe", "true or false"],
    "training.epochs=${nothing}": ["nothing"],
    "+foo=1": ["foo: unknown key"],
    "~callbacks": ["callbacks: expected a value"],
    "~training.teacher.weight": ["training.teacher.weight: expected a value"],
    "data=pens": ["data=pens", "choose mnist or optdigits"],
    "callbacks.keep_best.monitor=nope": ["callbacks.keep_best.monitor=nope: choose one of accuracy, loss, val_"],
    "data.val=0": ["callbacks.keep_best.monitor=val_accuracy: there are no validation digits with data.val=0"],
    "precision.policy=float16": ["precision.policy=float16: expected 'auto', 'float32' or 'mixed_bfloat16'"],
    "model=[": ["model=[", "key=value"],
    "cnn": ["cnn", "key=value"],
    f"training.init={'[' * 3000}{']' * 3000}": ["training.init=[[[", "...: nested too deeply"],
}


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules that end the process when they are imported."""
    folder = tmp_path_factory.mktemp("forbidden")
    for name in SLOW_TO_IMPORT:
        (folder / f"{name}.py").write_text("import os\nos._exit(77)\n")
    return folder


@pytest.fixture(scope="module")
def bare(new_workspace: Callable[[], Any], forbidden: Path) -> Any:
    """A workspace that no command of this module may change."""
    return new_workspace()


@pytest.fixture
def at_once(bare: Any, forbidden: Path) -> Any:
    """A function that runs a command which must start nothing slow, be quick and write nothing."""

    def call(*command: str, code: int, cwd: Path | None = None) -> Any:
        before = files(bare.root)
        start = cpu_seconds()
        done = bare.run("python", *command, code=code, cwd=cwd, PYTHONPATH=str(forbidden))
        assert cpu_seconds() - start < SECONDS
        assert files(bare.root) == before
        return done

    return call


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if "__pycache__" not in path.parts}


def one_line(stderr: str, script: str, words: list[str]) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith(f"{script}: error: "), stderr
    assert all(word in lines[0] for word in words), stderr


def words_of(script: str) -> list[str]:
    """What is typed after `python src/` to run a script, with its command if there is one."""
    name, *command = script.split()
    return [f"{name}.py", *command]


# Whatever is rejected without starting anything can be typed in one process; a process of its own takes half a second.
REFUSED = {  # by what is typed after `python src/`: words of the line
    **{("train.py", typed): words for typed, words in MISTAKES.items()},
    ("train.py", "-m", "model=dense,cnnn"): ["model=cnnn", "did you mean cnn?"],
    ("train.py", "model=dense,", "cnn"): ["without spaces: -m model=dense,..."],
    ("train.py", "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"): ["n_jobs=0: expected the number of proc"],
    ("train.py", "--model", "cnn"): ["--model: write model=cnn"],
    ("train.py", "--optimizer.learning_rate=0.1"): ["write optimizer.learning_rate=0.1"],
    ("train.py", "model", "=", "cnn"): ["model: write key=value, without spaces around ="],
    ("train.py", "lr=0.1"): ["lr: unknown key; did you mean optimizer.learning_rate?"],
    ("train.py", "--config-name", "foo"): ["--config-name", "its own file of conf/"],
    (
        "train.py",
        "~optimizer",
        "+optimizer={_target_: keras.optimizers.RMSprop, learning_rate: 1}",
        "optimizer.rho=7",
    ): [
        "optimizer.rho: unknown key",
        "for another argument of keras.optimizers.RMSprop write +optimizer.rho=...",
    ],
    ("evaluate.py", "ensemble", "runs=a,b"): ["runs=a,b: several values", "'runs=[a,b]' for a list"],
    ("evaluate.py", "--resolve"): ["--resolve: it needs --cfg job"],
    ("preprocess.py", "normalizer", "foo=1"): ["foo=1: unknown; `normalizer` takes no keys"],
    ("preprocess.py", "mask", "page=5"): ["page: unknown key", "did you mean pages?"],
    ("preprocess.py", "mask", "pages=0"): ["pages=0: expected at least 1"],
    ("preprocess.py", "mask", "-m", "pages=5,6"): ["-m", "only train.py"],
    ("preprocess.py", "drawings", "data=optdigits", "data.evaluation.drawn_sets=[starter,mien]"): [
        "data.evaluation.drawn_sets: mien: unknown set; did you mean mine? choose one of:",
    ],
    ("evaluate.py", "drawnn"): ["drawnn", "drawn, ensemble, finetuned, numbers"],
    ("evaluate.py", "model.epochs=3"): ["model.epochs=3: has no effect here", "model.name"],
    ("export.py", "~data.source.offline"): [
        "data.source.offline",
        "data.name, data.folder, data.split, data.eval_data",
    ],
    ("preprocess.py", "pens.val=3", "--cfg", "job"): ["pens.val=3", "pens.name, pens.folder, pens.source"],
}
for _script in SCRIPTS:
    _typed = words_of(_script)
    REFUSED[*_typed, "daat=mnist"] = ["daat", "did you mean data?"]
    REFUSED[*_typed, "data=mnits"] = [
        "data=mnits",
        "did you mean mnist?",
        "mnist, mnist_normalized, mnist_plus_strokes",
    ]
    if _script != "train":
        REFUSED[*_typed, "-m", "data=mnist"] = ["-m", "only train.py"]
        REFUSED[*_typed, "+foo=1"] = ["+foo=1", "no effect"]
    if _script in ("evaluate", "evaluate drawn", "export", "export formats"):
        REFUSED[*_typed, "data=optdigits", "model=cnn"] = ["models/optdigits/cnn", "train one first"]


@pytest.fixture(scope="module")
def rejected(new_workspace: Callable[[], Any], forbidden: Path) -> dict[tuple[str, ...], Any]:
    """How each of REFUSED ends where nothing slow may be imported; they leave no file but Hydra's of sweeps."""
    made = new_workspace()
    before = files(made.root)
    commands = [("python", f"src/{script}", *words) for script, *words in REFUSED]
    ended = made.together(*commands, codes=[2] * len(commands), PYTHONPATH=str(forbidden))
    sweeps = made.root / "runs" / "sweeps"
    assert {path for path in files(made.root) - before if sweeps not in path.parents} == {sweeps.parent, sweeps}
    return dict(zip(REFUSED, ended, strict=True))


@pytest.mark.xdist_group("rejected")
@pytest.mark.parametrize("typed", REFUSED, ids=lambda typed: " ".join(typed)[:80])
def test_what_cannot_be_meant_is_one_line(typed: tuple[str, ...], rejected: dict[tuple[str, ...], Any]):
    assert rejected[typed].stdout == ""
    one_line(rejected[typed].stderr, typed[0], REFUSED[typed])


@pytest.mark.parametrize("typed", ["modle=cnn", "training.epochs=0"])
def test_a_mistake_in_an_override_is_named_at_once(typed: str, at_once: Any):
    one_line(at_once("src/train.py", typed, code=2).stderr, "train.py", MISTAKES[typed])


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_comes_at_once_from_any_folder(script: str, at_once: Any, bare: Any, tmp_path: Path):
    path, *command = words_of(script)
    done = at_once(str(bare.root / "src" / path), *command, "--help", code=0, cwd=tmp_path)
    assert (
        "data: finetune, mnist, mnist_normalized, mnist_plus_strokes, optdigits, paper, pens, semeion, unipen"
        in done.stdout
    )
    assert f"python src/{path}" in done.stdout.splitlines()[0]
    file = re.search(r"from conf/(\w+\.yaml):", done.stdout)
    assert file is not None and (ROOT / "conf" / file[1]).read_text() in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_training_of_the_mask_network_has_a_file_and_help_of_its_own(at_once: Any, bare: Any, tmp_path: Path):
    typed = str(bare.root / "src" / "preprocess.py"), "mask"
    done = at_once(*typed, "--help", code=0, cwd=tmp_path)
    assert (ROOT / "conf" / "mask.yaml").read_text() in done.stdout and "from conf/mask.yaml:" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_name_is_another_one_is_refused(workspace: Any):
    conf = workspace.root / "conf" / "model"
    (conf / "small.yaml").write_text((conf / "dense.yaml").read_text())
    line = workspace.fails("python", "src/train.py", "model=small")
    assert line == "train.py: error: conf/model/small.yaml: name: dense: expected small, as the file is called"


def test_the_configuration_is_printed_not_run(at_once: Any):
    done = at_once("src/train.py", "model=cnn", "aug=on", "seed=3", "--cfg", "job", code=0)
    config = yaml.safe_load(done.stdout)
    assert (config["model"]["name"], config["aug"]["name"], config["seed"]) == ("cnn", "on", 3)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("script", "useful"),
    {
        "download": {"data": {"name", "folder", "val", "source"}},
        "evaluate": {"data": {"name", "folder", "eval_data"}, "model": {"name"}},
        "evaluate drawn": {"data": {"name", "eval_data"}, "model": {"name"}},
        "evaluate ensemble": {"data": {"folder", "eval_data"}},
        "report": {"data": {"name", "title", "compare_with", "credit"}},
    }.items(),
)
def test_only_keys_that_do_something_are_printed(script: str, useful: dict[str, set[str]], at_once: Any):
    path, *command = words_of(script)
    done = at_once(f"src/{path}", *command, "data=optdigits", "--cfg", "job", "--resolve", code=0)
    config = yaml.safe_load(done.stdout)
    assert {group: set(keys) for group, keys in config.items() if group in ("data", "model")} == useful
    assert "optdigits" in done.stdout and done.stderr == ""


@pytest.mark.xdist_group("one_process")
def test_an_argument_the_builder_does_not_have_is_one_line(one_process: dict[str, Any]):
    one_line(
        one_process["unknown_argument"].stderr,
        "train.py",
        ["model.build.foo: unknown argument of inkproof.models.dense.build", "hidden"],
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_one_line_and_keeps_the_run(new_workspace: Callable[[], Any], sent: signal.Signals):
    workspace = new_workspace()
    words = ("data=optdigits", "model=dense", "training.epochs=5000", "callbacks.early_stopping.patience=5000")
    process = workspace.start("python", "src/train.py", *words, PYTHONUNBUFFERED="1")
    for line in process.stdout:
        if line.startswith("Epoch 3/"):
            break
    _, stderr = workspace.stop(process, sent)
    assert process.returncode == 130
    assert stderr.splitlines() == ["train.py: interrupted; run the same command again to resume"]
    assert [run.info.status for run in workspace.runs("optdigits")] == ["KILLED"]
    assert len(list(workspace.root.glob("runs/*/backup.npz"))) == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "a file is where a folder should be"),
        (errno.EEXIST, "a file is where a folder should be"),
    ],
)
def test_what_the_machine_denies_is_one_line_with_the_place(number: int, words: str):
    line = explain(OSError(number, os.strerror(number), "/somewhere/model.keras"))
    assert line is not None and len(line.splitlines()) == 1
    assert words in line and "/somewhere/model.keras" in line and "again" in line


def test_a_folder_that_takes_no_files_is_one_line():
    line = explain(FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/x.csv"))
    assert line == "/proc/x.csv: the system allows no new files there; choose another folder"


def test_a_name_with_a_line_break_stays_in_one_line(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        fail("train.py", UserError("a\nb.npz: no such file"))
    assert capsys.readouterr().err == "train.py: error: a\\nb.npz: no such file\n"


@pytest.mark.parametrize("script", ["train", "tune", "evaluate", "export", "report", "download", "preprocess", "app"])
def test_an_interrupt_during_the_imports_is_one_line(script: str, bare: Any, tmp_path: Path):
    (tmp_path / "omegaconf.py").write_text("raise KeyboardInterrupt")
    done = bare.run("python", f"src/{script}.py", code=-signal.SIGINT, PYTHONPATH=str(tmp_path))
    assert (done.stdout, done.stderr) == ("", f"{script}.py: interrupted\n")


@pytest.mark.parametrize("script", sorted(path.stem for path in (ROOT / "src").glob("*.py")))
def test_an_interrupt_during_the_first_import_is_one_line(script: str, bare: Any, tmp_path: Path):
    """What is before it is Python's own start, some hundredths of a second, which ends in Python's own lines."""
    for module in ("argparse", "tempfile"):  # which a script and the start of this package import
        (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt")
    done = bare.run("python", f"src/{script}.py", code=-signal.SIGINT, PYTHONPATH=str(tmp_path))
    assert (done.stdout, done.stderr) == ("", f"{script}.py: interrupted\n")


def test_a_mistake_in_the_code_is_not_explained():
    assert explain(ValueError("a bug")) is None
    assert explain(OSError(errno.EBADF, "a bug")) is None


def test_a_users_mistake_ends_with_its_line_and_code_2(capsys: pytest.CaptureFixture[str]):
    def work() -> None:
        raise UserError("digits.npz: cut short; fetch it again")

    with pytest.raises(SystemExit) as end:
        run("train.py", work)
    assert end.value.code == 2
    assert capsys.readouterr().err == "train.py: error: digits.npz: cut short; fetch it again\n"


def test_after_the_traceback_of_a_bug_the_last_line_says_what_to_do(capsys: pytest.CaptureFixture[str]):
    def broken() -> None:
        raise ZeroDivisionError("a bug\nin two lines")

    with pytest.raises(SystemExit) as ended:
        run("train.py", broken)
    assert ended.value.code == 1
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert last == (
        "train.py: unexpected error: ZeroDivisionError: a bug in two lines; please report it with the lines above"
    )


@pytest.mark.parametrize(
    "words", ["drawings.py import x --write anna", "predict.py x --sho a.png", "study.py leaderboard --seed 3"]
)
def test_options_are_not_abbreviated(words: str):
    script, *rest = words.split()
    command = [sys.executable, str(ROOT / "src" / script), *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and rest[-2] in done.stderr.splitlines()[-1]
