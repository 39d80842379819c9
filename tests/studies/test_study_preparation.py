"""What a study downloads before its first grid run."""

from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PreprocessConfig
from inkproof.data import download as absent
from inkproof.data.drawings import FILE_NAME
from inkproof.studies import run_study as preparation


@pytest.mark.parametrize(
    ("sets", "there", "asked"), [(["pens"], False, 1), (["pens"], True, 0), (["starter"], False, 0)]
)
def test_the_pen_digits_are_downloaded_where_they_are_needed_and_missing(
    sets: list[str], there: bool, asked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fetched: list[tuple[str, Path]] = []
    monkeypatch.setattr(absent, "prepare", lambda data, out, mirror: fetched.append((data.folder, out)))
    folders = {name: str(tmp_path / name) for name in ("pens", "starter")}
    (tmp_path / "pens").mkdir()
    if there:
        (tmp_path / "pens" / FILE_NAME).write_text("")
    with composing() as compose:
        config = compose(PreprocessConfig, ("data=optdigits",))
    assert config.data.evaluation is not None
    evaluation = config.data.evaluation.model_copy(update={"drawn_sets": tuple(sets)})
    changed = {
        "pens": config.pens.model_copy(update={"folder": folders["pens"]}),
        "sets": {name: config.sets[name].model_copy(update={"folder": folder}) for name, folder in folders.items()},
        "data": config.data.model_copy(update={"evaluation": evaluation}),
    }
    preparation.make_drawings(config.model_copy(update=changed))
    assert fetched == [(folders["pens"], tmp_path / "pens")] * asked
