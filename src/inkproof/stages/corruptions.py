"""Make corrupted test digits and out-of-distribution samples, once for all models of a dataset."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkproof.config.compose import path_of
from inkproof.config.stages import PreprocessConfig
from inkproof.data import unipen
from inkproof.data.archives import PreprocessedSet, write_corruptions, write_preprocessed
from inkproof.data.digits import load_test_split, load_test_writers
from inkproof.data.drawings import Drawing
from inkproof.data.splits import train_and_val
from inkproof.datasets.preprocessed import (
    drawings_of,
    preprocessed_corruptions,
    preprocessed_digits,
    preprocessed_ood,
)
from inkproof.preprocessing.corruptions import NAMES, corruption_sample
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.stages.preprocess import evaluation_of, make_all, set_maker
from inkproof.synthetic import glyph_templates
from inkproof.synthetic.ood_samples import LIKE_DIGITS, ood_samples

# None of these has your own drawings: a new drawing does not rerun the exports.
VALIDATION_SETS = ("pens_validation", "unipen_validation", "paper_validation")  # they choose what is rejected
TEST_SETS = ("starter", "pens", "unipen")  # rejection is reported on them, and canvas.tflite is compared with Keras
METHODS = (NORMALIZED_METHOD,)  # what an exported model does itself

Labels = NDArray[np.integer]
SetMaker = Callable[[], PreprocessedSet]
CorruptionMaker = Callable[[], dict[str, NDArray[np.uint8]]]


def preprocess_corruptions(config: PreprocessConfig) -> None:
    """Write corruptions.npz, thresholds.npz and ood.npz of a dataset.

    corruptions.npz holds a sample of test digits under each corruption and severity. thresholds.npz holds what the
    rejection threshold is chosen on: the sets `digits` and `ood`, and those of the validation writers if the dataset
    has them. ood.npz holds what rejection is reported on: the set `ood`, and `starter` and `pens` if the dataset has
    them.
    """
    workers = evaluation_of(config).workers
    labels, writers, corruptions = corruption_makers(config)
    corrupted = make_all(f"{config.data.name} corruptions", corruptions, workers)
    thresholds = make_all(f"{config.data.name} thresholds", threshold_makers(config), workers)
    ood = make_all(f"{config.data.name} out-of-distribution", ood_makers(config), workers)
    write_corruptions(path_of(config.corruptions), labels, corrupted.values(), writers)
    write_preprocessed(path_of(config.thresholds), thresholds)
    write_preprocessed(path_of(config.ood), ood)


def corruption_makers(config: PreprocessConfig) -> tuple[Labels, Labels | None, dict[str, CorruptionMaker]]:
    """Return labels and writers (N,) of a sample of test digits, and what makes their images under each corruption."""
    test, writers = load_test_split(path_of(config.digits)), load_test_writers(path_of(config.digits))
    count = min(evaluation_of(config).corruption_digits, len(test.labels))
    sample = corruption_sample(test.labels, count, config.corruption_seed)
    images = test.images[sample]
    seed = config.corruption_seed
    makers: dict[str, CorruptionMaker] = {name: partial(preprocessed_corruptions, images, seed, name) for name in NAMES}
    return test.labels[sample], None if writers is None else writers[sample], makers


def threshold_makers(config: PreprocessConfig) -> dict[str, SetMaker]:
    """Return what makes each set of thresholds.npz."""
    _, val = train_and_val(path_of(config.digits), config.data.split)
    digits = partial(preprocessed_digits, val.images, val.labels, METHODS)
    drawn = {name: set_maker(config, name, METHODS) for name in sets_among(config, VALIDATION_SETS)}
    ood = ood_maker(config, "validation", glyph_templates.draw(100, config.ood_seed))
    return {"digits": digits, **drawn, "ood": ood}


def ood_makers(config: PreprocessConfig) -> dict[str, SetMaker]:
    """Return what makes each set of ood.npz."""
    names = sets_among(config, TEST_SETS)
    sets = [config.sets[name] for name in names]
    digits = [drawing for one in sets for drawing in drawings_of(config.pens, one, path_of(one.folder))]
    return {"ood": ood_maker(config, "test", digits), **{name: set_maker(config, name, METHODS) for name in names}}


def sets_among(config: PreprocessConfig, names: Sequence[str]) -> list[str]:
    """Return those of `names` that the dataset's models are evaluated on."""
    return [name for name in names if name in evaluation_of(config).drawn_sets]


def ood_maker(config: PreprocessConfig, part: str, digits: Sequence[Drawing]) -> SetMaker:
    """Return a function that preprocesses out-of-distribution samples of a part; `digits` are put side by side.

    Where UNIPEN's digits are evaluated on, there are as many letters and symbols by the same writers.
    """
    count = evaluation_of(config).ood_samples
    samples = ood_samples(count, config.ood_seed, digits, part=part)
    if sets_among(config, ("unipen",)):
        samples += unipen_letters(path_of(config.sets["unipen"].folder).parent, part, count, config.ood_seed)
    return partial(preprocessed_ood, samples, METHODS)


def unipen_letters(folder: Path, part: str, most: int, seed: int) -> list[Drawing]:
    """Return at most `most` letters and symbols by UNIPEN's writers of a part, without those that are like digits."""
    samples = unipen.read(folder)
    written = [one for kind in ("letter", "symbol") for one in unipen.chosen(samples, part, kind)]
    usable = [one for one in written if one.label not in LIKE_DIGITS]
    order = np.random.default_rng(seed).permutation(len(usable))[:most]
    return [
        replace(unipen.drawing(usable[index]), source=f"ood_sample/unipen/{usable[index].writer}") for index in order
    ]
