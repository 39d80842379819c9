"""The training of the mask network, on few pages: its loss, what it writes, and `src/preprocess.py mask`."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from inkproof.config.compose import composing
from inkproof.config.stages import MaskConfig
from inkproof.data import unipen
from inkproof.data.digits import SPLITS, Digits, write_digits
from inkproof.data.drawings import write_drawings
from inkproof.data.pens import PensSource
from inkproof.models.loading import load_network
from inkproof.preprocessing.canvas import MASK_SIDE
from inkproof.runtime.errors import UserError
from inkproof.stages import ink_mask as module
from inkproof.stages.ink_mask import mask_loss, overlap, train_mask
from inkproof.synthetic import glyph_templates
from support.workspaces import Workspace

pytestmark = pytest.mark.xdist_group("tensorflow")
MASK = np.zeros((1, MASK_SIDE, MASK_SIDE, 1), np.float32)
MASK[:, 10:30, 20:60] = 1
SOURCES = ("mnist", "pens", "unipen")
FEW = ("pages=24", "validation_pages=8", "epochs=2", "batch_size=8", "workers=1")


def config(folder: Path, *overrides: str) -> MaskConfig:
    """conf/mask.yaml for few pages, over small datasets that `write_sources` wrote to `folder`."""
    with composing() as compose:
        made = compose(MaskConfig, (*FEW, *overrides))
    places = {name: getattr(made, name).model_copy(update={"folder": str(folder / name)}) for name in SOURCES}
    return made.model_copy(update=places)


def write_sources(folder: Path, *places: str) -> None:
    """Write ten digits a split, a drawing by each writer of conf/data/pens.yaml and another one, and three letters."""
    mnist, drawn, characters = (folder / place for place in places)
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, 4:24, 10:14] = 200
    digits = Digits(images, np.arange(10, dtype=np.uint8))
    writers = {f"{split}_writers": np.full(10, number, np.int32) for number, split in enumerate(SPLITS)}
    write_digits(mnist, dict.fromkeys(SPLITS, digits), extra=writers)
    with composing() as compose:
        source = compose(MaskConfig, ()).pens.source.arguments
    people = PensSource.model_validate(source).writers
    drawings = [
        replace(glyph_templates.drawing(number, 0), id=f"own-{number}", writer=writer)
        for number, writer in enumerate([*people.test, *people.validation, "somebody"])
    ]
    write_drawings(drawn, drawings)
    characters.mkdir(parents=True)
    stroke = np.array([(50, 40), (140, 240), (230, 40)], np.float32)
    letters = [
        unipen.Sample(f"1c/a/{part}", "a", f"a-{part}", "letter", "V", part, [stroke])
        for part in ("training", "validation", "test")
    ]
    unipen.write_samples(characters / unipen.FILE_NAME, letters)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_sources(folder, *SOURCES)
    return folder


def test_the_loss_is_least_for_the_mask_itself_and_counts_thin_ink() -> None:
    thin = np.zeros_like(MASK)
    thin[:, 5:60, 30] = 1
    for mask in (MASK, thin):
        losses = [float(mask_loss(mask, guess)[0]) for guess in (mask, 0.8 * mask + 0.1, 0 * mask + 0.5, 1 - mask)]
        assert losses == sorted(losses) and losses[0] < 1e-3
    nothing = float(mask_loss(thin, np.full_like(thin, 1e-4))[0])
    crossentropy = -thin.mean() * np.log(1e-4) - (1 - thin.mean()) * np.log(1 - 1e-4)
    dice = 1 / (thin.sum() + 1e-4 * thin.size + 1)
    assert nothing == pytest.approx(crossentropy + 0.1 * (1 - dice), rel=0.02)


def test_the_loss_is_a_number_for_each_page() -> None:
    both = np.concatenate([MASK, 0 * MASK])
    assert mask_loss(both, both).shape == overlap(both, both).shape == (2,)
    assert np.isfinite(mask_loss(both, 1 - both)).all()


@pytest.mark.parametrize(
    ("guess", "shared"),
    [
        (MASK, 1),
        (0.51 * MASK, 1),
        (0.5 * MASK, 0),
        (np.roll(MASK, 20, 1), 0),
        (np.roll(MASK, 10, 1), 1 / 3),
        (np.ones_like(MASK), 800 / 4900),
    ],
)
def test_the_overlap_is_intersection_over_union(guess: np.ndarray, shared: float) -> None:
    assert float(overlap(MASK, guess)[0]) == pytest.approx(shared, abs=1e-4)


def test_two_empty_masks_are_equal() -> None:
    assert float(overlap(0 * MASK, 0.4 * MASK)[0]) == pytest.approx(1)
    assert float(overlap(0 * MASK, MASK)[0]) == pytest.approx(0, abs=1e-6)


def test_few_pages_are_trained_on_and_the_file_can_be_read(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    for name in ("first", "second"):
        file = tmp_path / name / "ink_mask.keras"
        monkeypatch.setattr(module, "MASK_FILE", file)
        measured = train_mask(config(sources))
        assert {"loss", "overlap", "val_loss", "val_overlap"} <= set(measured)
        assert np.isfinite(list(measured.values())).all() and 0 <= measured["val_overlap"] <= 1
        assert {path.name for path in file.parent.iterdir()} == {file.name, "ink_mask.json"}
        origin = json.loads(file.with_suffix(".json").read_text())
        assert origin.items() >= measured.items() and origin["commit"] and origin["machine"] and origin["seconds"] >= 0
        network = load_network(file)
        assert (network.input_shape, network.output_shape) == ((None, 140, 140, 1), (None, MASK_SIDE, MASK_SIDE, 1))
        assert network.count_params() == 198_529
        weights.append(network.get_weights())
        marks = np.asarray(network(tf.zeros((1, 140, 140, 1))))
        assert marks.min() >= 0 and marks.max() <= 1
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_validation_pages_have_other_digits_and_writers(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, val = module._sources(config(sources))
    writers = PensSource.model_validate(config(sources).pens.source.arguments).writers
    assert len(train.strokes) == 2 and len(val.strokes) == len(writers.validation) + 1  # one is a letter
    assert len(train.digits) == len(val.digits) == 10


def test_a_training_that_fails_leaves_the_file_as_it_was(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ink_mask.keras"
    file.write_bytes(b"before")
    monkeypatch.setattr(module, "MASK_FILE", file)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.keras.Model, "save", full)
    with pytest.raises(OSError, match="No space"):
        train_mask(config(sources, "epochs=1"))
    assert file.read_bytes() == b"before" and os.listdir(tmp_path) == [file.name]  # noqa: PTH208


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("pages=0", r"pages=0: expected at least 1"),
        ("learning_rate=0", r"learning_rate=0: expected a number above 0"),
    ],
)
def test_a_wrong_value_is_one_line(override: str, words: str) -> None:
    with composing() as compose, pytest.raises(UserError, match=words):
        compose(MaskConfig, (override,))


def test_pages_that_fill_no_batch_are_one_line_before_any_is_drawn(sources: Path) -> None:
    with pytest.raises(UserError, match=r"^pages=7: expected at least one batch, batch_size=8$"):
        train_mask(config(sources, "pages=7"))


@pytest.mark.slow
@pytest.mark.xdist_group("stages")
def test_the_command_prints_loss_and_overlap(new_workspace: Callable[[], Workspace]) -> None:
    workspace = new_workspace()
    write_sources(workspace.root / "data", "mnist", "drawn/pens", "drawn/unipen")
    file = workspace.root / "models/pretrained/ink_mask.keras"
    before = file.read_bytes()
    done = workspace.run("python", "src/preprocess.py", "mask", *FEW)
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr
    figures = dict(part.split() for part in done.stdout.strip().splitlines()[-1].split(", "))
    assert {"loss", "overlap", "val_loss", "val_overlap"} <= set(figures)
    assert all(re.fullmatch(r"\d\.\d{4}", value) for value in figures.values())
    assert file.read_bytes() != before
