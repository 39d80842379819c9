"""The search: keras-tuner deals out trials, each of which is one training run. The best is written as a recipe."""

import contextlib
import io
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.errors import FailedTrialError, FatalError

from inkproof.config.compose import path_of
from inkproof.config.schema import Bayesian, Hyperband, RandomSearch, TrainConfig, TuneConfig, Tuner
from inkproof.data.digits import data_sha
from inkproof.data.download import prepare_absent
from inkproof.runtime.errors import Diverged, UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import HOME
from inkproof.stages.train import train
from inkproof.tracking.identity import identity, short_hash
from inkproof.tracking.mlflow_tracker import Tracker, nested
from inkproof.tracking.naming import described, overrides_of
from inkproof.tracking.run import attach
from inkproof.tracking.run_metadata import RunMetadata, check_out, copy_artifacts
from inkproof.tuning.recipe import FOUND, command_of, recipe_to_write, write_recipe
from inkproof.tuning.space import CHIEF, Parameter, Request, configured, value_at

OBJECTIVE = "val_accuracy"  # as Keras calls it; a run has it as val_acc
IDLE = 0.5  # seconds between two requests of a worker for which there is no trial yet
Train = Callable[[TrainConfig, str], dict[str, float]]


@dataclass(frozen=True)
class Best:
    """The best finished trial: its number, configuration and validation accuracy, and how many trials there were."""

    number: str
    config: TrainConfig
    accuracy: float
    trials: int


class Search(BaseTuner):
    """A search that resumes after a kill: finished trials stay, the one that was running is run again.

    `train(config, trial)` trains one configuration and returns the metrics of the kept epoch. Every trial of Hyperband
    is trained from the start for the epochs of its round: its learning rate falls to zero within them, so the recipe
    gives what was measured.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        config: TrainConfig,
        space: Sequence[Parameter],
        train: Train,
        folder: Path,
    ) -> None:
        self._config, self._space, self._train = config, space, train
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
                super().__init__(oracle, directory=str(folder.parent), project_name=folder.name)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{folder}: its state cannot be read ({error}); delete it to start again") from error

    def reload(self) -> None:
        """Restore the oracle's state. The tuner itself has no state, and a kill may have damaged its file."""
        if not self._is_worker():
            self.oracle.reload()

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Train the trial's configuration; return the metric that ranks it."""
        config = self.config_of(trial)
        try:
            metrics = self._train(config, trial.trial_id)
        except Diverged as error:
            print(f"trial {trial.trial_id}: {error}")
            raise FailedTrialError(str(error)) from error
        except (UserError, OSError) as error:  # such as a full disk: another trial would fail, too
            raise FatalError(str(error)) from error
        identity = config.identity()
        chosen = ", ".join(f"{one.key} {_short(value_at(identity, one.key))}" for one in self._space)
        print(
            f"trial {trial.trial_id}: {metrics['val_acc']:.2%} of the validation digits after "
            f"{metrics['epochs']:.0f} epochs: {chosen}"
        )
        return {OBJECTIVE: metrics["val_acc"]}

    def config_of(self, trial: Any) -> TrainConfig:
        """Return the training configuration of a trial."""
        values = trial.hyperparameters.values
        config = configured(self._config, self._space, values)
        epochs = int(values.get("tuner/epochs", config.training.epochs))  # of Hyperband's round
        return config.model_copy(update={"training": config.training.model_copy(update={"epochs": epochs})})

    def pre_create_trial(self) -> None:
        """Wait a moment before a worker asks the chief again: keras-tuner asks at once."""
        if self._is_worker():
            time.sleep(IDLE)

    def run(self) -> None:
        """Run trials until the oracle has no more; raises UserError if further trials would fail, too."""
        try:
            self.search(verbose=0)
        except FatalError as error:
            raise error.__cause__ if isinstance(error.__cause__, UserError | OSError) else error from None
        except RuntimeError as error:
            if "bind" in str(error).lower():
                raise UserError(
                    f"the chief's address cannot be used ({error}); choose another with address="
                ) from error
            if "consecutive failures" in str(error):
                last = str(error).strip().splitlines()[-1]
                raise UserError(f"several trials in a row failed, the last one with: {last}") from error
            raise
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "grpc":
                raise
            reason = error.details() if hasattr(error, "details") else error
            raise UserError(f"the chief does not answer ({reason}); start it again if it has stopped") from error

    def best(self) -> Best:
        """Return the best trial; raises UserError if none has finished."""
        done = [trial for trial in self.oracle.trials.values() if trial.status == TrialStatus.COMPLETED]
        if not done:
            raise UserError("the search has no finished trial; the lines above say why trials failed")
        # The first of equal trials: keras-tuner's own order is not stable.
        best = max(done, key=lambda trial: (trial.score, [-ord(letter) for letter in trial.trial_id]))
        return Best(best.trial_id, self.config_of(best), float(best.score), len(done))


class _InOneFile(keras_tuner.Oracle):
    """An oracle whose saved state is complete after a kill at any moment.

    keras-tuner overwrites one file per trial and one for the oracle. A kill could cut one short, or leave files that do
    not match. Here the whole state is in one file, written whole.
    """

    def __init__(self, file: Path, **settings: Any) -> None:
        super().__init__(**settings)
        self.file = file

    def save(self) -> None:
        """Write the state, trials included."""
        trials = [trial.get_state() for trial in self.trials.values()]
        write_json(self.file, {"oracle": self.get_state(), "trials": trials})

    def reload(self) -> None:
        """Restore the state; trials that were running are run again, by any worker."""
        state = json.loads(self.file.read_text(encoding="utf-8"))
        trials = [Trial.from_state(one) for one in state["trials"]]
        self.trials = {trial.trial_id: trial for trial in trials}
        oracle, ongoing = state["oracle"], state["oracle"]["ongoing_trials"].values()
        again = [number for number in ongoing if self.trials[number].status == TrialStatus.RUNNING]
        self.set_state({**oracle, "ongoing_trials": {}, "retry_queue": oracle["retry_queue"] + again})


class _Hyperband(_InOneFile, keras_tuner.oracles.HyperbandOracle): ...


class _Random(_InOneFile, keras_tuner.oracles.RandomSearchOracle): ...


class _Bayesian(_InOneFile, keras_tuner.oracles.BayesianOptimizationOracle): ...


def make_oracle(tuner: Tuner, space: Sequence[Parameter], epochs: int, folder: Path) -> keras_tuner.Oracle:
    """Return the oracle for a file in conf/tuner, its state in `folder`; `epochs` are those of a full training."""
    shared = {
        "file": folder / "search.json",
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": hyperparameters(space),
        "seed": tuner.seed,
        "max_retries_per_trial": tuner.retries,
    }
    match tuner:
        case Hyperband():
            return _Hyperband(max_epochs=epochs, factor=tuner.factor, hyperband_iterations=tuner.iterations, **shared)
        case RandomSearch():
            return _Random(max_trials=tuner.trials, **shared)
        case Bayesian():
            return _Bayesian(max_trials=tuner.trials, num_initial_points=tuner.initial, **shared)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def hyperparameters(space: Sequence[Parameter]) -> keras_tuner.HyperParameters:
    """Return the space as keras-tuner's type; choices are JSON, because keras-tuner allows no lists."""
    found = keras_tuner.HyperParameters()
    for one in space:
        if one.choices is not None:
            found.Choice(one.key, [json.dumps(choice) for choice in one.choices], ordered=False)
            continue
        low, high = one.bounds
        scale = {"sampling": "log" if one.log else "linear", "step": one.step}
        if one.whole:
            found.Int(one.key, int(low), int(high), **scale)
        else:
            found.Float(one.key, float(low), float(high), **scale)
    return found


def tune(
    config: TuneConfig, request: Request, command: str, choices: Mapping[str, str], plain: TrainConfig
) -> Path | None:
    """Search as `config` describes; return the recipe, or None in a worker, whose chief writes it.

    `request` comes from `config`, and `command` is what the user typed. `choices` are the files chosen from the groups
    of conf/, and `plain` is the training configuration of these files. With `run.force` the search starts again.
    """
    check_out(config.run.out)
    training, space = request.training, request.space
    digits = path_of(config.run.digits)
    prepare_absent(config.data, digits)
    searched = [identity(training, training.precision.policy), config.tuner]
    key = short_hash([one.model_dump(mode="json", by_alias=True) for one in searched], data_sha(digits))
    folder = HOME / "runs" / "tune" / f"{config.name}-{key}"
    chief = config.service in (None, CHIEF)
    if chief and config.run.force:
        shutil.rmtree(folder, ignore_errors=True)
    oracle = make_oracle(config.tuner, space, training.training.epochs, folder)
    tracker, experiment = Tracker(), config.run.experiment
    with tracker.lock:  # two workers that start at once must find the same parent
        parent = tracker.start_again(experiment, config.name, f"search {key}")

    def train_trial(chosen: TrainConfig, trial: str) -> dict[str, float]:
        artifacts = folder / f"trial_{trial}"
        with nested(parent, f"trial {trial} {described(overrides_of(chosen))}".rstrip()):
            metrics = train(chosen.with_run(out=str(artifacts)), say=lambda line: None).metrics
            attach(tracker, RunMetadata.read(artifacts), artifacts, experiment, parent)
        return metrics

    if not chief:
        print(f"{config.service}: waits for trials of the chief at {config.address}", flush=True)
    try:
        search = Search(oracle, training, space, train_trial, folder)
        search.run()
        if not chief:
            return None
        best = search.best()
    except BaseException:
        if chief:  # the search does not end with a worker
            tracker.give_up(parent, "KILLED")
        raise
    this = f"{FOUND} ({key})"
    recipe = recipe_to_write(request.recipe, this, choices["data"], best.accuracy)
    head = (
        f"{this} over {best.trials} trials; trial {best.number} was the best:",
        "",
        f"  {command}",
        "",
        f"  {command_of(recipe)}",
        "",
        f"Reached:   {best.accuracy:.2%} of the validation digits (seed {training.seed}), by which it was chosen.",
    )
    write_recipe(recipe, choices, best.config, plain, [one.key for one in space], head)
    if config.run.out:
        copy_artifacts(folder / f"trial_{best.number}", path_of(config.run.out))
    tracker.metrics(parent, {"val_acc": best.accuracy, "trials": best.trials})
    tracker.file(parent, recipe)
    tracker.finish(parent)
    print(f"best of {best.trials} trials: trial {best.number}, {best.accuracy:.2%} of the validation digits")
    if recipe != request.recipe:
        print(f"{request.recipe}: stays, because it is as good or cannot be compared")
    print(f"{recipe}: train it with `{command_of(recipe)}`")
    return recipe
