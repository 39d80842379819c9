"""What chooses the rejection threshold and what it is reported on share no template, drawing or writer."""

from pathlib import Path

import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.data.archives import PreprocessedSet
from inkproof.data.digits import Digits, write_digits
from inkproof.preprocessing.methods import NORMALIZED_METHOD
from inkproof.stages.corruptions import TEST_SETS, VALIDATION_SETS, ood_makers, threshold_makers
from inkproof.synthetic.ood_samples import LETTERS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreprocessedSet]:
    """The out-of-distribution samples of both parts, as preprocess.py makes them for the digits of scikit-learn."""
    folder = tmp_path_factory.mktemp("digits")
    digits = Digits(np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.uint8))
    write_digits(folder, {"train": digits, "val": digits, "test": digits})
    words = ("data=optdigits", f"digits={folder}/digits.npz", "data.evaluation.ood_samples=300")
    with composing() as compose:
        config = compose(PreprocessConfig, words)
    return {"validation": threshold_makers(config)["ood"](), "test": ood_makers(config)["ood"]()}


def letters(one: PreprocessedSet) -> set[str]:
    return {word for source in one.writers.tolist() for word in source.split("/") if len(word) == 1 and word.isalpha()}


def test_samples_for_reporting_are_not_of_the_part_that_chooses(made: dict[str, PreprocessedSet]) -> None:
    found = {part: letters(one) for part, one in made.items()}
    for part, letter in found.items():
        assert len(letter) > 5 and letter <= set(LETTERS[part]), part
    assert not found["validation"] & found["test"]
    assert not set(made["validation"].ids.tolist()) & set(made["test"].ids.tolist())
    images = {
        part: {image.tobytes() for image in one.methods[NORMALIZED_METHOD] if image.any()} for part, one in made.items()
    }
    assert all(images.values()) and not images["validation"] & images["test"]


def test_the_writers_that_choose_are_not_reported_on() -> None:
    with composing() as compose:
        sets = compose(PreprocessConfig, ("data=mnist",)).sets
    # Of the pens a role chooses the writers. Other datasets have a folder for each role.
    assert all("validation" in (sets[name].role, Path(sets[name].folder).name) for name in VALIDATION_SETS)
    assert not any("validation" in (sets[name].role, Path(sets[name].folder).name) for name in TEST_SETS)
    assert not set(VALIDATION_SETS) & set(TEST_SETS)
