"""Compare the models of one dataset."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from inkproof.config.compose import path_of
from inkproof.config.pipeline import read_pipeline
from inkproof.config.stages import ReportConfig
from inkproof.reporting.ablation import SCALE, ablation
from inkproof.reporting.page import write_page
from inkproof.reporting.results import ModelResults, load_models
from inkproof.reporting.style import save
from inkproof.reporting.tables import (
    choose_champion,
    choose_deployable,
    leaderboard,
    print_leaderboard,
    write_leaderboard_md,
    write_rows,
)
from inkproof.reporting.wording import report_command
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import has_tracking_store
from inkproof.tracking.mlflow_tracker import Tracker
from inkproof.tracking.registry import CHAMPION, DEPLOY, registered_name, remove_alias, set_alias
from inkproof.tracking.run import ensure_run, log_stage
from inkproof.tracking.run_metadata import RunMetadata

DEMO = "reports/optdigits"


def report(config: ReportConfig) -> Path:
    """Write leaderboard, ablation and page of the models' results, move the aliases; return the page."""
    folder, data = path_of(config.report), config.data
    others = {name: folder.parent / name / "models" for name in data.compare_with}
    made_by = report_command(data.name)
    models = load_models(folder / "models", others, in_pipeline, made_by)
    rows = leaderboard(models)
    champion = choose_champion(rows, data.name)
    # Read before anything is written: a clone has the small results, but not the figures and metadata beside them.
    metadata = None if champion is None else evaluated_run(folder / "models" / champion / "test", made_by)
    pipeline = read_pipeline()
    runs = pipeline.runs if pipeline else {}
    overrides = {model.name: chosen.overrides for model in models if (chosen := runs.get(_key(model, data.name)))}
    page = write_page(folder, data, models, champion, overrides)
    save(ablation(models), folder / "ablation.png", SCALE)
    write_rows(folder / "leaderboard.csv", rows.drop(columns="compare_with"))
    write_leaderboard_md(rows, folder / "leaderboard.md")
    if metadata is not None:
        tracker, run = log_stage("report", metadata, folder / "models" / str(champion) / "test")
        set_alias(tracker, CHAMPION, registered_name(data.name), run)
    # Those that were evaluated here: of the pretrained model a clone has the results, but no run.
    here = {model.name: model.folder / "test" for model in models if (model.folder / "test" / "run.json").is_file()}
    deployable = choose_deployable(rows[rows["model"].isin(here)], data.name) if here else None
    if deployable is not None:
        mark_deployable(here[deployable], [data.name, *data.compare_with])
    return page


def mark_deployable(evaluated: Path, datasets: Sequence[str]) -> None:
    """Point the alias `deploy` at the model that was evaluated into the folder `evaluated`, and at no other one.

    The registered models of `datasets`, which the report shows, lose it.
    """
    metadata, tracker = RunMetadata.read(evaluated), Tracker()
    own = registered_name(metadata.config.data.name)
    set_alias(tracker, DEPLOY, own, ensure_run(tracker, metadata, evaluated))
    for name in {registered_name(dataset) for dataset in datasets} - {own}:
        remove_alias(tracker, DEPLOY, name)


def _key(model: ModelResults, data: str) -> str:
    """The key in params.yaml of a model, whose name has its dataset if that is another one than the report's."""
    return model.name if model.compare_with else f"{data}-{model.name}"


def in_pipeline(folder: Path) -> bool:
    """Return whether a model's folder is that of a run in params.yaml, or of a dataset that has no runs there."""
    pipeline = read_pipeline()
    runs = pipeline.runs.values() if pipeline else []
    own = [path_of(f"reports/{run.data}/models/{run.name}") for run in runs]
    return folder in own or folder.parent not in {one.parent for one in own}


def evaluated_run(folder: Path, made_by: str) -> RunMetadata:
    """Return the metadata of the run whose evaluation is in `folder`; raises UserError if it is missing."""
    if not (folder / "run.json").is_file():
        demo = path_of(DEMO) not in folder.parents and path_of(DEMO).is_dir()
        other = ", or data=optdigits for the report of `make demo`" if demo else ""
        raise UserError(
            f"{folder}: the evaluation's files are not here; run `{made_by}`, or add show=true to only look{other}"
        )
    return RunMetadata.read(folder)


def made_or_shown(config: ReportConfig) -> Path:
    """Make the report, or with `config.show` print the present leaderboard alone; return the page.

    As a stage of DVC it does not print the leaderboard: `make demo` does at its end, also when there was nothing to do.
    """
    folder = path_of(config.report)
    page = folder / "index.html" if config.show else report(config)
    if config.show or "DVC_STAGE" not in os.environ:
        print_leaderboard(folder / "leaderboard.csv", report_command(config.data.name))
    return page


def runs_link(data: str) -> Iterator[str]:
    """Yield the line with the address of a dataset's runs in MLflow, if there are any."""
    if has_tracking_store() and (tracker := Tracker()).client.get_experiment_by_name(data) is not None:
        yield tracker.view(data)
