"""Search for hyperparameters: python src/tune.py model=cnn tuner=hyperband [tuner=random] [epochs=10] ...

Judged by the validation digits alone. Given again, it goes on where it was killed. On several machines: one command
with service=chief, one for each worker with service=NAME, all with address=HOST:PORT of the chief.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkproof.config import TRAIN_KEYS, check_training, identity, path_of, resolve
from inkproof.entry import entry
from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.provenance import describe_machine, git_commit
from inkproof.quiet import start_tensorflow
from inkproof.resume import adopt
from inkproof.run_record import RunRecord, run_key
from inkproof.sources.absent import prepare_absent
from inkproof.sources.digits import data_sha
from inkproof.tracking import Store, nested
from inkproof.tuning.recipe import FOUND, GROUPS, command_of, recipe_path, write_recipe
from inkproof.tuning.space import read_space
from train import train

CHIEF = "chief"
WHERE = ("service=", "address=", "recipe=")  # what does not decide the result
# Of a training's keys, what a search sets itself.
OWN: dict[str, Any] = {"register": False, "force": False, "out": None, "init": None}


def tune(config: dict[str, Any], command: str, choices: Mapping[str, str], plain: Mapping[str, Any]) -> Path | None:
    """Search as the resolved `config` says; return the recipe, None in a worker, whose chief writes it.

    `command` is what was typed, `choices` are the files chosen from the groups of conf/, and `plain` is the training
    configuration that these alone give.
    """
    experiment = f"tune/{config['name']}"
    training = {key: config[key] for key in TRAIN_KEYS if key in config} | OWN | {"experiment_name": experiment}
    check_training(training)
    if training["data"]["val"] == 0:
        raise UserError("data.val=0: a search needs validation digits to choose by")
    space = read_space(config["tuner"]["space"].get("parameters"), training)
    check_tuner(config["tuner"])
    recipe = recipe_path(config["recipe"])
    enter_service(config["service"], config["address"])
    digits = path_of(config["digits"])
    prepare_absent(config["data"], digits)
    asked = {"training": identity(training, training["precision"]["policy"]), "tuner": config["tuner"]}
    key = run_key(asked, data_sha(digits), "")
    start_tensorflow()
    from inkproof.tuning.search import Search, make_oracle

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


def check_tuner(tuner: Mapping[str, Any]) -> None:
    """Raise UserError where a value of conf/tuner is none that a search can use."""
    least = {"trials": 1, "factor": 2, "iterations": 1, "seed": 1, "retries": 0, "initial": 1}
    for name, bound in least.items():
        value = tuner.get(name, bound)
        if name == "initial" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < bound:
            raise UserError(f"tuner.{name}={value}: expected a whole number, at least {bound}")


def enter_service(service: Any, address: Any) -> None:
    """Tell keras-tuner which part this process has in a search on several machines; nothing where it is alone."""
    if service is None:
        return
    if not isinstance(service, str) or not re.fullmatch(r"[\w-]+", service) or (CHIEF in service and service != CHIEF):
        raise UserError(f"service={service}: expected {CHIEF}, or a worker's own name, such as w1")
    found = re.fullmatch(r"(?P<host>[^:\s]+):(?P<port>\d{1,5})", str(address))
    if found is None:
        raise UserError(f"address={address}: expected the chief's HOST:PORT, such as 192.168.0.10:8999")
    os.environ["KERASTUNER_TUNER_ID"] = service
    os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"] = found["host"], found["port"]


@entry("tune")
def main(cfg: Any) -> None:
    """Compose and search."""
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig

    words = [word for word in HydraConfig.get().overrides.task if not word.startswith(WHERE)]
    choices = {name: str(choice) for name, choice in HydraConfig.get().runtime.choices.items()}
    config = resolve(cfg)
    plain = resolve(compose("config", [f"{group}={choices[group]}" for group in GROUPS]))
    tune(config, " ".join(["python src/tune.py", *words]), choices, plain)


if __name__ == "__main__":
    main()
