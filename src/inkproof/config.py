"""Checks on a composed configuration that Hydra does not make: values, ranges, keys that do nothing."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, errors

from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.training.precision import POLICIES

# Keys that say where and how a run is done, not what is computed: they do not change its identity.
NOT_IDENTITY = ("force", "out", "register", "digits", "experiment_name")
TRAIN_KEYS: dict[str, Any] = {
    "data": dict,
    "model": dict,
    "aug": dict,
    "optimizer": dict,
    "callbacks": dict,
    "precision": dict,
    "seed": int,
    "epochs": int,
    "batch_size": int,
    "train_size": (int, type(None)),
    "subset_seed": int,
    "folds": (int, type(None)),
    "fold": int,
    "label_smoothing": (int, float),
    "teacher": dict,
    "deterministic": bool,
    "init": (str, type(None)),
    "register": bool,
    "force": bool,
    "out": (str, type(None)),
    "digits": str,
    "experiment_name": str,
}
AT_LEAST = {"seed": 0, "epochs": 1, "batch_size": 1, "train_size": 10, "subset_seed": 0, "folds": 2, "fold": 0}
MONITORS = ("accuracy", "loss", "val_accuracy", "val_loss")  # what the training loop measures each epoch


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """Return `cfg` as a plain dictionary with interpolations resolved; raises UserError where one cannot be."""
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except errors.OmegaConfBaseException as error:
        raise UserError(f"the configuration cannot be resolved: {str(error).splitlines()[0]}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def check_training(config: dict[str, Any]) -> None:
    """Raise UserError when a resolved training configuration holds a value that training cannot use."""
    for key in config:
        if key not in TRAIN_KEYS:
            raise UserError(f"{key}: an option that does nothing; the keys are {', '.join(sorted(TRAIN_KEYS))}")
    for key, kind in TRAIN_KEYS.items():
        value = config[key]
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise UserError(f"{key}={value}: expected {_word(kind)}")
        if key in AT_LEAST and value is not None and value < AT_LEAST[key]:
            raise UserError(f"{key}={value}: expected at least {AT_LEAST[key]}")
    if config["data"].get("val") is None:
        name = config["data"]["name"]
        raise UserError(f"data={name}: drawings, not digits to train on; choose mnist, optdigits or ink")
    if config["precision"]["policy"] not in POLICIES:
        raise UserError(f"precision.policy={config['precision']['policy']}: choose one of {', '.join(POLICIES)}")
    if config["folds"] is not None and config["data"]["val"] != 0:
        raise UserError(f"folds={config['folds']}: the folds are cut from all training digits; add data.val=0")
    if not 0 <= config["label_smoothing"] < 1:
        raise UserError(f"label_smoothing={config['label_smoothing']}: expected a probability below 1")
    _check_teacher(config["teacher"])
    for name, callback in config["callbacks"].items():
        for key in ("patience", "threshold", "min_delta"):
            if not is_number(value := callback.get(key, 0)):
                raise UserError(f"callbacks.{name}.{key}={value}: expected a number")
        monitor = callback.get("monitor", "loss")
        if monitor not in MONITORS:
            raise UserError(f"callbacks.{name}.monitor={monitor}: choose one of {', '.join(MONITORS)}")
        if monitor.startswith("val_") and config["data"]["val"] == 0:
            raise UserError(
                f"callbacks.{name}.monitor={monitor}: there are no validation digits with data.val=0; "
                "choose callbacks=last, none or stop_at_99"
            )


def _check_teacher(teacher: dict[str, Any]) -> None:
    """Raise UserError where the teacher's keys hold what distillation cannot use."""
    if not isinstance(teacher["runs"], list) or not all(isinstance(run, str) for run in teacher["runs"]):
        raise UserError(f"teacher.runs={teacher['runs']}: expected a list of run folders")
    for key, high in (("temperature", float("inf")), ("weight", 1)):
        value = teacher[key]
        if not is_number(value) or not 0 < value <= high:
            raise UserError(f"teacher.{key}={value}: expected a number above 0{' and at most 1' * (high == 1)}")


def is_number(value: Any) -> bool:
    """Return whether `value` is a number; true and false are none here, though Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def identity(config: dict[str, Any], policy: str) -> dict[str, Any]:
    """Return the part of a training configuration that decides the result; `policy` is the number format used.

    Weights to begin with are known by their SHA-256, wherever they lie; raises UserError where there are none.
    """
    chosen = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    if config["init"] is None:
        del chosen["init"]  # as runs were known before there was a choice
    else:
        from inkproof.initial_weights import weights_sha  # brings NumPy, which --help need not wait for

        chosen["init"] = weights_sha(config["init"])
    if config["train_size"] is None:
        del chosen["subset_seed"]  # all digits are no choice
    # What is switched off is left out: runs are told apart as they were before there was such a switch.
    if config["folds"] is None:
        del chosen["folds"], chosen["fold"]
    if not config["label_smoothing"]:
        del chosen["label_smoothing"]
    if not config["teacher"]["runs"]:
        del chosen["teacher"]
    data = {key: config["data"][key] for key in ("name", "val", "repeat")}
    return {**chosen, "data": data, "precision": {"policy": policy}}


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one, with dotted keys: {"model": {"name": 1}} becomes {"model.name": 1}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def for_run(config: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Return a later stage's `config` fit for the run in `config["run"]`, whose training configuration is `trained`.

    What is made of another run than the pipeline's own stays in that run's folder, away from the pipeline's
    results. Raises UserError where the run was trained on other data or is another model than the stage is told.
    """
    data, model = config["data"]["name"], config["model"]["name"]
    theirs = trained["data"]["name"], trained["model"]["name"]
    if theirs != (data, model):
        raise UserError(
            f"{config['run']}: a {theirs[1]} trained on {theirs[0]}; add data={theirs[0]} model={theirs[1]}"
        )
    run = path_of(config["run"])
    if run == path_of(f"models/{data}/{model}"):
        return config
    own = {
        "report": (f"reports/{data}/models/{model}", run / "report"),
        "out": (f"exports/{data}/{model}", run / "exports"),
        "exported": (f"exports/{data}/{model}/model.tflite", run / "exports" / "model.tflite"),
    }
    moved = {key: str(there) for key, (default, there) in own.items() if config.get(key) == default}
    return {**config, **moved}


def path_of(value: str) -> Path:
    """Return a configured path; a relative one counts from the repository's root, wherever the command is typed."""
    return ROOT / value


def _word(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "a group"}
    kinds = kind if isinstance(kind, tuple) else (kind,)
    kinds = tuple(one for one in kinds if not (one is int and float in kinds))
    return " or ".join(words.get(one, "null") for one in kinds)
