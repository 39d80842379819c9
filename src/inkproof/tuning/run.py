"""A search from its checks to its recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.config.compose import path_of
from inkproof.data.digits import data_sha
from inkproof.data.prepare import prepare_absent
from inkproof.runtime.paths import ROOT
from inkproof.stages.train import train
from inkproof.tracking.provenance import describe_machine, git_commit
from inkproof.tracking.record import RunRecord, identity, run_key
from inkproof.tracking.run import adopt
from inkproof.tracking.store import Store, nested
from inkproof.tuning.recipe import FOUND, command_of, write_recipe
from inkproof.tuning.request import CHIEF, Request
from inkproof.tuning.search import Search, make_oracle


def tune(
    config: dict[str, Any], asked: Request, command: str, choices: Mapping[str, str], plain: Mapping[str, Any]
) -> Path | None:
    """Search as the resolved `config` says; return the recipe, None in a worker, whose chief writes it.

    `asked` is what was `checked` of it, `command` what was typed, `choices` are the files chosen from the groups of
    conf/, and `plain` is the training configuration that these alone give.
    """
    experiment, training, space, recipe = asked.experiment, asked.training, asked.space, asked.recipe
    digits = path_of(config["digits"])
    prepare_absent(config["data"], digits)
    searched = {"training": identity(training, training["precision"]["policy"]), "tuner": config["tuner"]}
    key = run_key(searched, data_sha(digits), "")
    oracle = make_oracle(config["tuner"], space, training["epochs"])
    store = Store()
    chief = config["service"] in (None, CHIEF)
    folder = ROOT / "runs" / "tune" / f"{config['name']}-{key}"
    tags = {"key": f"search {key}", "git_commit": git_commit(), "machine": describe_machine()}
    with store.lock:  # two workers that begin at once are to have one parent
        parent = store.start_again(experiment, config["name"], tags)

    def train_trial(chosen: dict[str, Any], trial: str) -> dict[str, float]:
        products = folder / f"trial_{trial}"
        with nested(parent, f"trial {trial}"):
            metrics = train({**chosen, "out": str(products)}, say=lambda line: None)
            adopt(store, RunRecord.read(products), products, experiment, parent)
        return metrics

    if not chief:
        print(f"{config['service']}: asks the chief at {config['address']} for trials, and waits for it", flush=True)
    try:
        search = Search(oracle, training, space, train_trial, folder)
        search.run()
        if not chief:
            return None
        best = search.best()
    except BaseException:
        if chief:  # a worker's end is not that of the search
            store.finish(parent, "KILLED")
        raise
    head = (
        f"{FOUND} over {best.trials} trials; trial {best.number} was the best:",
        "",
        f"  {command}",
        "",
        f"  {command_of(recipe)}",
        "",
        f"Reached:   {best.accuracy:.2%} of the validation digits (seed {training['seed']}), by which it was chosen.",
    )
    write_recipe(recipe, choices, best.config, plain, [one.key for one in space], head)
    store.metrics(parent, {"val_accuracy": best.accuracy, "trials": best.trials})
    store.file(parent, recipe)
    store.finish(parent)
    print(f"best of {best.trials} trials: trial {best.number}, {best.accuracy:.2%} of the validation digits")
    print(f"{recipe}: train it with `{command_of(recipe)}`")
    return recipe
