"""Bring the drawings that models are evaluated on to 28 x 28, once for all models."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from inkproof.config.compose import path_of
from inkproof.config.schema import Evaluation
from inkproof.config.stages import PreprocessConfig
from inkproof.data.archives import PreprocessedSet, write_preprocessed
from inkproof.datasets.preprocessed import drawings_of, preprocessed_drawings
from inkproof.preprocessing.methods import METHODS
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import HOME, ROOT
from inkproof.runtime.processes import in_order
from inkproof.runtime.progress import say, tally

Made = TypeVar("Made")


def preprocess_drawings(config: PreprocessConfig) -> None:
    """Write drawings.npz: each set of `data.evaluation.drawn_sets`, by every preprocessing method."""
    evaluation = evaluation_of(config)
    warn_of_missing(config, evaluation.drawn_sets)
    work = {name: set_maker(config, name, list(METHODS)) for name in evaluation.drawn_sets}
    sets = make_all(f"{config.data.name} drawings", work, evaluation.workers)
    write_preprocessed(path_of(config.drawings), sets)
    for name, one in sets.items():
        print(f"{config.data.name} {name}: {len(one.labels):,} drawings")


def warn_of_missing(config: PreprocessConfig, names: Sequence[str]) -> None:
    """Print a line for each set that is not whole in DVC's temporary copy of the repository: git ignores drawings."""
    for folder in (config.sets[name].folder for name in names if ROOT != HOME):
        lost = [file.name for file in (HOME / folder).glob("*") if not (path_of(folder) / file.name).exists()]
        if lost:
            say(
                f"{folder}: {len(lost)} files are missing in DVC's copy of the repository, such as {lost[0]}; "
                "run `dvc exp run` without --temp and --queue to evaluate on them, or add the set to DVC"
            )


def evaluation_of(config: PreprocessConfig) -> Evaluation:
    """Return what is made for a dataset; raises UserError if its models are evaluated on another dataset's."""
    data = config.data
    if data.evaluation is None or data.eval_data != data.folder:
        shared = f"on {data.eval_data}" if data.eval_data else "on nothing"
        raise UserError(f"data={data.name}: its models are evaluated {shared}; choose data=mnist or optdigits")
    return data.evaluation


def set_maker(config: PreprocessConfig, name: str, methods: Sequence[str]) -> Callable[[], PreprocessedSet]:
    """Return a function that preprocesses the drawings of the set `name` by each of `methods`."""
    rendering = config.sets[name]
    folder = path_of(rendering.folder)
    return partial(preprocessed_drawings, folder, drawings_of(config.pens, rendering, folder), rendering, methods)


def make_all(label: str, work: Mapping[str, Callable[[], Made]], workers: int) -> dict[str, Made]:
    """Return what each function of `work` returns, by its name; progress is shown as `label`."""
    made: dict[str, Made] = {}
    with tally(label, len(work)) as done:
        for name, result in zip(work, in_order(list(work.values()), workers), strict=True):
            made[name] = result
            done(1)
    return made
