"""Set up MLflow's store: made whole or not at all, asked with patience or without, with a view for its UI."""

import json
import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.progress import say
from inkproof.runtime.startup import large_libraries

with large_libraries():
    import mlflow

VIEW = "inkproof"  # the name of the view that shows these columns and charts
COLUMNS = ("val_acc", "test_acc", "drawn_acc", "corr_acc", "canvas_kb")  # metrics; on a small screen they fit
TAGS = ("differs", "aug", "model")  # the last is cut off beside an open sidebar, but every name begins with it
AXES = ("model.name", "aug.name", "optimizer.learning_rate")  # of the parallel coordinates, parameters
CURVES = ("epoch/val_accuracy", "epoch/val_loss")
REMINDER = 60.0  # seconds between two lines about a server that does not answer


def check_database(database: Path | None) -> None:
    """Create a local database that does not exist; raise UserError or sqlite3's error for one that cannot be opened.

    It is created whole or not at all, because one killed during MLflow's migrations cannot be opened again. MLflow
    would try for minutes to open a damaged one.
    """
    if database is None or not database.parent.is_dir():
        return
    if database.is_dir():
        raise UserError(f"{database}: a folder is where MLflow's database should be; move it away")
    if database.exists():
        with closing(sqlite3.connect(database)) as opened:
            opened.execute("PRAGMA schema_version")
        return
    with replacing(database) as scratch:
        uri = f"sqlite:///{scratch}"
        mlflow.MlflowClient(uri, uri).search_experiments(max_results=1)


def view_tags() -> dict[str, str]:
    """Return the tags of an experiment whose shared view chooses the columns and the charts.

    MLflow's UI shows no metrics and no parameters until a user chooses columns, or a shared view, which is a tag. This
    is what the UI itself writes when a view is shared; it draws every other metric below these charts.
    """
    columns = [f"metrics.`{name}`" for name in COLUMNS] + [f"tags.`{name}`" for name in TAGS]
    chart = {"metricSectionId": VIEW, "deleted": False, "isGenerated": False, "runsCountToCompare": 100}
    line = {"type": "LINE", "xAxisKey": "step", "lineSmoothness": 0}  # without it the UI smooths the curves
    charts = [{**line, "metricKey": name, "selectedMetricKeys": [name]} for name in CURVES]
    charts.append({"type": "PARALLEL", "selectedParams": list(AXES), "selectedMetrics": ["val_acc"]})
    section = {"uuid": VIEW, "name": "Learning curves and choices", "display": True, "isReordered": False}
    state = {
        "selectedColumns": columns,
        "orderByKey": "metrics.`val_acc`",
        "orderByAsc": False,
        "compareRunCharts": [{**chart, **own, "uuid": f"{VIEW}-{own['type']}-{n}"} for n, own in enumerate(charts)],
        "compareRunSections": [section],
        "isAccordionReordered": True,
    }
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{VIEW}": json.dumps(state),
    }


@contextmanager
def asked_briefly() -> Iterator[None]:
    """Retry a silent server three times instead of for four minutes, so that a wrong address is reported soon."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    given = os.environ.get(name)
    os.environ.setdefault(name, "2")
    try:
        yield
    finally:
        if given is None:
            del os.environ[name]  # a server that restarts during a long training gets more time


def say_when_waiting(uri: str) -> None:
    """Print a line while the server at `uri` does not answer: at the first retry, then once a minute."""
    said = -math.inf

    def say_once(record: logging.LogRecord) -> bool:  # MLflow itself waits in silence
        nonlocal said
        if record.msg.startswith("Retry") and time.monotonic() - said > REMINDER:
            said = time.monotonic()
            say(f"MLflow store {uri}: no answer; MLflow tries again, for some minutes (Ctrl-C stops it)")
        return False

    logger = logging.getLogger("urllib3.connectionpool")  # the library that tries again, for MLflow
    logger.disabled, logger.filters = False, [say_once]
    logger.setLevel(logging.DEBUG)  # it takes a refusal for a warning, and a busy server for a detail
