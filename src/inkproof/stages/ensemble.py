"""Evaluate the mean probabilities of several runs on test digits and drawings."""

from collections.abc import Iterator, Sequence

import numpy as np

from inkproof.config.compose import path_of
from inkproof.config.one_line import unknown
from inkproof.config.stages import EnsembleConfig
from inkproof.data.archives import PreprocessedSet, read_preprocessed
from inkproof.data.digits import load_test_split, load_test_writers
from inkproof.evaluation.metrics import summarize_drawn, summarize_test
from inkproof.evaluation.results import EnsembleResult, EnsembleSet, write_result
from inkproof.evaluation.statistics import interval_of
from inkproof.evaluation.test_time_augmentation import predict_tta
from inkproof.models.loading import load_trained
from inkproof.runtime.errors import UserError
from inkproof.tracking.run_metadata import RunMetadata


def ensemble(members: Sequence[RunMetadata], config: EnsembleConfig) -> EnsembleResult:
    """Return the results of the mean probabilities of `config.runs`; they are written to `config.out`, if given.

    `members` are the metadata of these runs.
    """
    folders = [path_of(run) for run in config.runs]
    if not folders:
        raise UserError("runs=[]: expected the folders of the runs whose probabilities are averaged")
    sets = {name: one for name, one in read_preprocessed(path_of(config.drawings)) if len(one.labels)}
    for one in sets.values():
        if config.method not in one.methods:
            choices = list(one.methods)
            raise UserError(unknown(f"method={config.method}", "preprocessing method", config.method, choices))
    digits, writers = load_test_split(path_of(config.digits)), load_test_writers(path_of(config.digits))
    images = {"test": digits.images, **{name: one.methods[config.method] for name, one in sets.items()}}
    together = np.concatenate(list(images.values()))
    total = np.zeros((len(together), 10))
    for folder in folders:
        total += predict_tta(load_trained(folder), together, config.tta)
    ends = np.cumsum([len(seen) for seen in images.values()])[:-1]
    mean = dict(zip(images, np.split(total / len(folders), ends), strict=True))
    result = EnsembleResult(
        members=[member.name for member in members],
        tta=config.tta,
        test=summarize_test(mean["test"], digits.labels, writers),
        drawn={name: summarize(one, mean[name]) for name, one in sets.items()},
    )
    if config.out is not None:
        write_result(path_of(config.out), result)
    return result


def summarize(drawn_set: PreprocessedSet, probabilities: np.ndarray) -> EnsembleSet:
    """Return the figures of a set of drawings with these probabilities (N, 10)."""
    found = summarize_drawn(drawn_set.labels, probabilities.argmax(axis=1), drawn_set.writers)
    return EnsembleSet(n=len(drawn_set.labels), interval=interval_of(drawn_set.writers), **dict(found))


def lines(result: EnsembleResult) -> Iterator[str]:
    """Yield the lines of an ensemble for the terminal."""
    test = result.test
    yield f"{', '.join(result.members)}: test accuracy {test.accuracy:.2%} ({test.errors} of {test.n:,} wrong)"
    for name, one in result.drawn.items():
        yield f"{name}: {one.accuracy:.1%} of {one.n:,} drawings"
