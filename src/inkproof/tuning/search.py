"""The search: keras-tuner deals out trials, each is one ordinary training run."""

import contextlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FatalError

from inkproof.errors import UserError
from inkproof.tuning.space import Parameter, configured, hyperparameters

OBJECTIVE = "val_accuracy"
IDLE = 0.5  # seconds between two questions of a worker for which there is no trial yet
Train = Callable[[dict[str, Any], str], dict[str, float]]


@dataclass(frozen=True)
class Best:
    """The best finished trial: its number, configuration and validation accuracy, and how many trials there were."""

    number: str
    config: dict[str, Any]
    accuracy: float
    trials: int


class Search(keras_tuner.engine.base_tuner.BaseTuner):
    """A search that goes on where it was killed: finished trials stay, the one that was running is run again.

    `train(config, trial)` trains as `config` says, whatever process it is called in, and returns the metrics of the
    kept epoch; `trial` is its number. Every trial of Hyperband is trained from its beginning for the epochs of its
    round: its learning rate falls to zero within them, and the recipe says what was measured.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        config: Mapping[str, Any],
        space: Sequence[Parameter],
        train: Train,
        folder: Path,
        say: Callable[[str], None] = print,
    ) -> None:
        self._config, self._space, self._train, self._say = config, space, train, say
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
            super().__init__(oracle, directory=str(folder.parent), project_name=folder.name)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Train as the trial says; return what it is judged by."""
        config = self.config_of(trial)
        try:
            metrics = self._train(config, trial.trial_id)
        except UserError as error:  # a full disk, say: another trial would end no better
            raise FatalError(str(error)) from error
        chosen = ", ".join(f"{one.key} {_short(config, one.key)}" for one in self._space)
        self._say(
            f"trial {trial.trial_id}: {metrics[OBJECTIVE]:.2%} of the validation digits after "
            f"{metrics['epochs']:.0f} epochs: {chosen}"
        )
        return {OBJECTIVE: metrics[OBJECTIVE]}

    def config_of(self, trial: Any) -> dict[str, Any]:
        """Return the training configuration of a trial."""
        values = trial.hyperparameters.values
        config = configured(self._config, self._space, values)
        if "tuner/epochs" in values:  # Hyperband's round
            config["epochs"] = int(values["tuner/epochs"])
        return config

    def pre_create_trial(self) -> None:
        """Leave the chief some rest: keras-tuner asks again at once."""
        if self._is_worker():
            time.sleep(IDLE)

    def run(self) -> None:
        """Run trials until the oracle has no more; raises UserError where a trial cannot be mended by another."""
        try:
            self.search(verbose=0)
        except FatalError as error:
            raise error.__cause__ if isinstance(error.__cause__, UserError) else error from None
        except RuntimeError as error:
            if "bind" in str(error).lower():
                raise UserError(
                    f"the chief's address cannot be used ({error}); choose another with address="
                ) from error
            if "consecutive failures" in str(error):
                last = str(error).strip().splitlines()[-1]
                raise UserError(f"trial after trial failed, at last with: {last}") from error
            raise

    def best(self) -> Best:
        """Return the best trial; raises UserError where none has finished."""
        done = [trial for trial in self.oracle.trials.values() if trial.status == TrialStatus.COMPLETED]
        if not done:
            raise UserError("the search has no finished trial")
        # Of equal ones the first: keras-tuner's own order is not stable.
        best = max(done, key=lambda trial: (trial.score, [-ord(letter) for letter in trial.trial_id]))
        return Best(best.trial_id, self.config_of(best), float(best.score), len(done))


def make_oracle(tuner: Mapping[str, Any], space: Sequence[Parameter], epochs: int) -> keras_tuner.Oracle:
    """Return keras-tuner's oracle for a file in conf/tuner; `epochs` are those of a whole training."""
    shared = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": hyperparameters(space),
        "seed": tuner["seed"],
        "max_retries_per_trial": tuner["retries"],
    }
    name = tuner["name"]
    if name == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(
            max_epochs=epochs, factor=tuner["factor"], hyperband_iterations=tuner["iterations"], **shared
        )
    if name == "random":
        return keras_tuner.oracles.RandomSearchOracle(max_trials=tuner["trials"], **shared)
    return keras_tuner.oracles.BayesianOptimizationOracle(
        max_trials=tuner["trials"], num_initial_points=tuner["initial"], **shared
    )


def _short(config: Mapping[str, Any], key: str) -> str:
    found: Any = config
    for part in key.split("."):
        found = found[part]
    return f"{found:g}" if isinstance(found, float) else str(found)
