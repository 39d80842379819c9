"""What a study downloads before its first grid run."""

from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.data.drawings import FILE_NAME
from inkproof.studies.run_study import absent_drawings


@pytest.mark.parametrize(
    ("sets", "there", "wanted"),
    [
        (["pens"], [], ["pens"]),
        (["pens"], ["pens"], []),
        (["starter", "mine"], [], []),
        (["unipen", "unipen_validation", "usps"], [], ["unipen", "usps"]),
        (["unipen", "unipen_validation"], ["unipen/test"], ["unipen"]),
    ],
)
def test_drawings_are_downloaded_where_they_are_needed_and_missing(
    sets: list[str], there: list[str], wanted: list[str], tmp_path: Path
):
    for name in there:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / FILE_NAME).write_text("")
    with composing() as compose:
        config = compose(PreprocessConfig, ("data=optdigits",))
    assert config.data.evaluation is not None

    def moved(name: str) -> str:
        return str(tmp_path / Path(config.sets[name].folder).relative_to("data/drawn"))

    evaluation = config.data.evaluation.model_copy(update={"drawn_sets": tuple(sets)})
    changed = {
        "sets": {name: one.model_copy(update={"folder": moved(name)}) for name, one in config.sets.items()},
        "data": config.data.model_copy(update={"evaluation": evaluation}),
    }
    assert absent_drawings([config.model_copy(update=changed)]) == wanted
