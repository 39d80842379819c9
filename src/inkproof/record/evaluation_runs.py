"""What a choice reads of the test digits, in MLflow: one run for each network or ensemble that was evaluated."""

from collections.abc import Mapping
from typing import Any

from inkproof.provenance import describe_machine, git_commit
from inkproof.tracking import Store


def log_evaluation(
    store: Store, experiment: str, about: Mapping[str, Any], rung: str, result: Mapping[str, Any]
) -> str:
    """Return the id of the run that holds `result`, which src/ensemble.py found; a run of an earlier attempt is reused.

    `about` says which `choice` and `kind` it is, and the `number` of the evaluation of that kind.
    """
    name = f"choice {about['choice']}, {about['kind']} {about['number']}"
    tags = {"key": f"evaluation: {name}", "git_commit": git_commit(), "machine": describe_machine()}
    run = store.start_again(experiment, name, tags)
    store.params(run, {**about, "views": result["views"], "members": ", ".join(result["members"])})
    test = {f"test_{metric}": result["test"][metric] for metric in ("accuracy", "errors", "nll", "ece")}
    drawn = {f"drawn_{name}_{rung}_accuracy": one["accuracy"] for name, one in result["drawn"].items()}
    store.metrics(run, {**test, **drawn})
    store.finish(run)
    return run
