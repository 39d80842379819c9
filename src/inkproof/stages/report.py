"""Compare the models of one dataset."""

from pathlib import Path
from typing import Any

from inkproof.config.compose import path_of
from inkproof.reporting.ablation import write_ablation
from inkproof.reporting.page import write_page
from inkproof.reporting.results import load_models
from inkproof.reporting.tables import (
    choose_champion,
    leaderboard,
    print_leaderboard,
    write_leaderboard_csv,
    write_leaderboard_md,
)
from inkproof.runtime.errors import UserError
from inkproof.tracking.registry import registered_name, set_champion
from inkproof.tracking.run import log_stage
from inkproof.tracking.run_metadata import RunMetadata


def report(config: dict[str, Any]) -> Path:
    """Write leaderboard, ablation and page from the models' results, move the alias `champion`; return the page."""
    folder = path_of(config["report"])
    beside = folders_compared(config["data"].get("compare_with", []), folder)
    models = load_models(folder / "models", beside)
    rows = leaderboard(models)
    champion = choose_champion(rows, config["data"]["name"])
    # Read before anything is written: a clone holds the small results, not the figures and records beside them.
    record = None if champion is None else read_record(folder / "models" / champion / "test")
    page = write_page(folder, config["data"], models, champion)
    write_ablation(models, folder / "ablation.png")
    write_leaderboard_csv(rows, folder / "leaderboard.csv")
    write_leaderboard_md(rows, folder / "leaderboard.md")
    if record is not None:
        tracker, run = log_stage("report", record, folder / "models" / str(champion) / "test")
        set_champion(tracker, registered_name(config["data"]["name"]), run)
        print(f"Compare the runs: `make ui`, then http://127.0.0.1:5000/{tracker.view(record.experiment)}")
    return page


def folders_compared(names: Any, folder: Path) -> dict[str, Path]:
    """Return where the results of the models of other datasets lie, beside the report in `folder`."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"data.compare_with={names}: expected a list of datasets, such as [mnist_plus_strokes]")
    return {name: folder.parent / name / "models" for name in names}


def read_record(folder: Path) -> RunMetadata:
    """Return the record of the run whose evaluation lies in `folder`; raises UserError where it is not there."""
    if not (folder / "run.json").is_file():
        raise UserError(
            f"{folder}: the evaluation's files are not here; run `dvc repro`, or add show=true to only look"
        )
    return RunMetadata.read(folder)


def made_or_shown(config: dict[str, Any]) -> Path:
    """Make the report, or show the one there is where `config["show"]` says so; return the page."""
    if not isinstance(config["show"], bool):
        raise UserError(f"show={config['show']}: expected true or false")
    folder = path_of(config["report"])
    page = folder / "index.html" if config["show"] else report(config)
    print_leaderboard(folder / "leaderboard.csv")
    return page
