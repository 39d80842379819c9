"""The search: keras-tuner deals out trials, each is one ordinary training run."""

import contextlib
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError, FatalError
from keras_tuner.src import utils

from inkproof.runtime.errors import Diverged, UserError
from inkproof.runtime.files import write_json
from inkproof.tuning.space import Parameter, configured, value_at

OBJECTIVE = "val_accuracy"
IDLE = 0.5  # seconds between two questions of a worker for which there is no trial yet
Train = Callable[[dict[str, Any], str], dict[str, float]]


def _save_json(path: str, value: Any) -> str:
    write_json(Path(path), value)
    return json.dumps(value)


# keras-tuner writes its state in place: a file cut short by a kill would be the end of a search.
utils.save_json = _save_json


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
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
                super().__init__(oracle, directory=str(folder.parent), project_name=folder.name)
        except (ValueError, KeyError) as error:
            raise UserError(f"{folder}: its state cannot be read ({error}); delete it to begin anew") from error

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Train as the trial says; return what it is judged by."""
        config = self.config_of(trial)
        try:
            metrics = self._train(config, trial.trial_id)
        except Diverged as error:
            self._say(f"trial {trial.trial_id}: {error}")
            raise FailedTrialError(str(error)) from error
        except (UserError, OSError) as error:  # a full disk, say: another trial would end no better
            raise FatalError(str(error)) from error
        chosen = ", ".join(f"{one.key} {_short(value_at(config, one.key))}" for one in self._space)
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
            raise error.__cause__ if isinstance(error.__cause__, UserError | OSError) else error from None
        except RuntimeError as error:
            if "bind" in str(error).lower():
                raise UserError(
                    f"the chief's address cannot be used ({error}); choose another with address="
                ) from error
            if "consecutive failures" in str(error):
                last = str(error).strip().splitlines()[-1]
                raise UserError(f"trial after trial failed, at last with: {last}") from error
            raise
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "grpc":
                raise
            said = error.details() if hasattr(error, "details") else error
            raise UserError(f"the chief does not answer any more ({said}); has it ended?") from error

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


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def hyperparameters(space: Sequence[Parameter]) -> keras_tuner.HyperParameters:
    """Return the space as keras-tuner has it; what it cannot hold, such as a list, it gets as JSON."""
    found = keras_tuner.HyperParameters()
    for one in space:
        if one.choices:
            found.Choice(one.key, [json.dumps(choice) for choice in one.choices], ordered=False)
        elif one.whole:
            found.Int(one.key, int(one.low), int(one.high), **_scale(one))
        else:
            found.Float(one.key, float(one.low), float(one.high), **_scale(one))
    return found


def _scale(one: Parameter) -> dict[str, Any]:
    if one.log:
        return {"sampling": "log"}
    return {} if one.step is None else {"step": one.step}
