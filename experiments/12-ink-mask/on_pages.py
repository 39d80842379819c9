"""Compare the networks of this study, and one trained end to end, on generated pages, open cases and drawings.

    python experiments/12-ink-mask/on_pages.py    # after study.py run experiments/12-ink-mask

The end-to-end network is shown the canvases of the setting `learned` at 70 x 70, with nothing normalized. Each network
of the study is shown images by its own method. Writes on_pages.csv and the table in README.md.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "src"))  # where the package is

import keras
import numpy as np
import pandas as pd
from keras import layers
from numpy.typing import NDArray
from PIL import Image

from inkproof.config.compose import composing
from inkproof.config.one_line import run
from inkproof.config.schema import DataConfig
from inkproof.config.stages import DownloadConfig, DrawnConfig
from inkproof.config.validation import validated
from inkproof.data import unipen
from inkproof.data.digits import NOT_A_DIGIT, Digits
from inkproof.data.drawings import CANVAS_SIDE, Drawing
from inkproof.datasets.mixture import MixtureSource, made, parts
from inkproof.datasets.preprocessed import draw, drawings_of
from inkproof.evaluation.coverage import auroc
from inkproof.models.loading import load_trained, predict
from inkproof.preprocessing.canvas import load_canvases, to_canvas
from inkproof.preprocessing.ink_mask import standardized
from inkproof.preprocessing.methods import apply_method
from inkproof.reporting.tables import markdown_table
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.progress import say
from inkproof.studies.definition import Study, read_study
from inkproof.studies.grid import plan
from inkproof.studies.readme import filled
from inkproof.studies.results import read_results
from inkproof.synthetic.deform import paths_of
from inkproof.synthetic.inking import inked
from inkproof.synthetic.ood_samples import LIKE_DIGITS
from inkproof.synthetic.paper import page

FOLDER = Path(__file__).resolve().parent
MARKERS = "<!-- pages: written by on_pages.py -->", "<!-- end of pages -->"
SIDE = 70  # pixels a side of what the end-to-end network is shown
SEEDS, EPOCHS, BATCH = (0, 1, 2), 4, 128
PAGES = 2000
SETS = ("pens_validation", "unipen_validation", "paper_validation", "usps", "semeion")
Canvases = NDArray[np.uint8]
END_TO_END, LETTERS = "end to end", "letters"


def shrunk(canvases: Canvases) -> NDArray[np.uint8]:
    """Return canvases (N, 280, 280) as means over blocks, uint8 (N, 70, 70)."""
    block = CANVAS_SIDE // SIDE
    blocks = canvases.reshape(-1, SIDE, block, SIDE, block)
    return np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)


def end_to_end() -> keras.Model:
    """Return an untrained network from (B, 70, 70, 1) to logits (B, 10)."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = inputs
    for filters, kernel, strides in ((16, 5, 2), (16, 3, 1), (32, 3, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1)):
        x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.4)(layers.Flatten()(layers.MaxPooling2D(3)(x)))
    return keras.Model(inputs, layers.Dense(10)(layers.Dropout(0.4)(layers.Dense(128, "relu")(x))))


def shown(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images (N, 70, 70) as the network takes them, each of mean 0 and deviation 1."""
    pieces = [images[first : first + 2000] for first in range(0, len(images), 2000)]
    return np.concatenate([np.asarray(standardized(piece.astype(np.float32))) for piece in pieces])


def trained(digits: Digits, seed: int) -> keras.Model:
    """Train the end-to-end network on `digits`; what is no digit has a tenth of each as its target."""
    keras.utils.set_random_seed(seed)
    network = end_to_end()
    targets = np.full((len(digits.labels), 10), 0.1, np.float32)
    is_digit = digits.labels != NOT_A_DIGIT
    targets[is_digit] = np.eye(10, dtype=np.float32)[digits.labels[is_digit]]
    steps = EPOCHS * (len(targets) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.002, steps)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    order = np.random.default_rng(seed)
    for epoch in range(EPOCHS):
        losses = []
        shuffled = order.permutation(len(targets))
        for first in range(0, len(shuffled) - BATCH + 1, BATCH):
            batch = shuffled[first : first + BATCH]
            losses.append(network.train_on_batch(shown(digits.images[batch]), targets[batch]))
        say(f"end to end, seed {seed}, epoch {epoch + 1}: loss {float(losses[-1]):.4f}")
    return network


def digits_shown(data: DataConfig) -> Digits:
    """Return the training digits of the setting `learned`, as the end-to-end network sees them; kept in its folder."""
    path = ROOT / data.folder / "end_to_end.npz"
    if not path.is_file():
        source = validated(MixtureSource, data.source.arguments, "data.source")
        splits = {name: own if name == "train" else own[:1] for name, own in parts(source, None).items()}
        digits = made(splits, shrunk, END_TO_END, source.workers)["train"]
        np.savez(path, images=digits.images, labels=digits.labels)
    with np.load(path) as arrays:
        return Digits(arrays["images"], arrays["labels"])


def on_pages(drawings: list[Drawing]) -> tuple[Canvases, NDArray[np.int64]]:
    """Return pages with drawings of the validation writers, uint8 (N, 280, 280), and their labels."""
    canvases, labels = np.empty((PAGES, CANVAS_SIDE, CANVAS_SIDE), np.uint8), np.empty(PAGES, np.int64)
    for number in range(PAGES):
        rng = np.random.default_rng([12, number])
        one = drawings[rng.integers(len(drawings))]
        made_page = page(inked(paths_of(one.strokes or []), rng), rng)
        canvases[number] = np.asarray(Image.fromarray(made_page.image).resize((CANVAS_SIDE, CANVAS_SIDE)))
        labels[number] = one.label or 0
    return canvases, labels


def cases() -> tuple[Canvases, NDArray[np.int64]]:
    """Return the open cases that have ink, and their labels."""
    folder = ROOT / "tests" / "data" / "cases"
    rows = pd.read_csv(folder / "expected.csv", dtype=str).dropna()
    rows = rows[rows["label"].str.isdigit()]
    return np.stack([to_canvas(folder / name) for name in rows["path"]]), rows["label"].to_numpy(np.int64)


def evaluated() -> dict[str, tuple[Canvases, NDArray[np.int64]]]:
    """Return canvases and labels by set; -1 is the label of a letter."""
    with composing() as compose:
        config = compose(DrawnConfig, ("data=mnist", "model=cnn"))
        pens = compose(DownloadConfig, ("data=pens",)).data
    sets, strokes = {}, []
    for name in SETS:
        rendering = config.sets[name]
        folder = ROOT / rendering.folder
        drawings = drawings_of(pens, rendering, folder)
        sets[name] = draw(folder, drawings, rendering), np.array([one.label for one in drawings])
        strokes += [one for one in drawings if one.strokes]
    sets["pages"], sets["cases"] = on_pages(strokes), cases()
    letters = unipen.chosen(unipen.read(ROOT / "data" / "drawn" / "unipen"), "validation", "letter")
    others = [unipen.drawing(one) for one in letters if one.label not in LIKE_DIGITS]
    sets[LETTERS] = load_canvases(Path(), others), np.full(len(others), -1)
    return sets


def networks(study: Study) -> Iterable[tuple[str, int, str, keras.Model]]:
    """Yield setting, seed, method and network of each grid run of the study."""
    for one in plan(study, read_results(study.results)):
        if not (one.folder / "run.json").is_file():
            raise UserError(
                f"{one.name}: not trained here; run `python src/study.py run experiments/{FOLDER.name}` first"
            )
        yield one.labels["digits"], one.seed, str(one.config.data.source.arguments["method"]), load_trained(one.folder)


def figures(
    sets: dict[str, tuple[Canvases, NDArray[np.int64]]], logits: dict[str, NDArray[np.float32]]
) -> dict[str, float]:
    """Return the accuracy on each set, and the AUROC of the largest logit, letters against UNIPEN's digits."""
    found = {
        name: float((logits[name].argmax(axis=1) == labels).mean())
        for name, (_, labels) in sets.items()
        if name != LETTERS
    }
    greatest = {name: logits[name].max(axis=1) for name in ("unipen_validation", LETTERS)}
    return found | {LETTERS: auroc(greatest["unipen_validation"], greatest[LETTERS])}


def main() -> None:
    """Train, evaluate, and write on_pages.csv and the table in README.md."""
    readme = FOLDER / "README.md"
    filled(readme, readme.read_text(encoding="utf-8"), MARKERS, "")  # a mistake ends here, not after the training
    study, sets = read_study(FOLDER), evaluated()
    images: dict[str, dict[str, NDArray[np.uint8]]] = {}
    rows = []
    for setting, seed, method, network in networks(study):
        own = images.setdefault(method, {name: apply_method(method, canvases) for name, (canvases, _) in sets.items()})
        found = figures(sets, {name: predict(network, one) for name, one in own.items()})
        rows.append({"setting": setting, "seed": seed} | found)
    with composing() as compose:
        learned = study.grids[0].fixed | study.grids[0].axes["digits"]["learned"]
        words = [f"{key}={value}" for key, value in learned.items() if key.startswith("data")]
        data = compose(DownloadConfig, tuple(words)).data
    digits = digits_shown(data)
    seen = {name: shown(shrunk(canvases)) for name, (canvases, _) in sets.items()}
    for seed in SEEDS:
        network = trained(digits, seed)
        found = figures(sets, {name: network.predict(one, batch_size=500, verbose=0) for name, one in seen.items()})
        rows.append({"setting": END_TO_END, "seed": seed} | found)
    table = pd.DataFrame(rows)
    table.to_csv(FOLDER / "on_pages.csv", index=False, float_format="%.5f")
    text = filled(readme, readme.read_text(encoding="utf-8"), MARKERS, in_markdown(table))
    readme.write_text(text, encoding="utf-8")


def in_markdown(table: pd.DataFrame) -> str:
    """Return a table of mean and standard deviation over seeds, in percent, a row for each setting."""
    names = list(table.columns[2:])
    rows = []
    for setting in [*read_study(FOLDER).labels("digits"), END_TO_END]:
        own = 100 * table.loc[table["setting"] == setting, names]
        rows.append([setting, *(f"{own[name].mean():.2f} \N{PLUS-MINUS SIGN} {own[name].std():.2f}" for name in names)])
    return markdown_table(["setting", *names], "l" + "r" * len(names), rows) + "\n"


if __name__ == "__main__":
    run("on_pages.py", main)
