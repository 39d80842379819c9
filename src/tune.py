"""Search for hyperparameters: python src/tune.py model=cnn tuner=hyperband [tuner=random] [training.epochs=10] ...

Only validation digits decide. Run the same command again to resume a killed search. On several machines, run one
command with service=chief and one per worker with service=NAME. All have address=HOST:PORT of the chief.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import choices, composing, entry, typed
from inkproof.config.schema import TrainConfig, TuneConfig
from inkproof.runtime.startup import start_tensorflow
from inkproof.tuning.recipe import GROUPS
from inkproof.tuning.space import request_of

WHERE = ("service=", "address=", "recipe=")  # overrides that do not change the result


@entry(TuneConfig)
def main(config: TuneConfig) -> None:
    """Check the request, then search."""
    words = [word for word in typed() if not word.startswith(WHERE)]
    chosen = choices()
    with composing() as compose:
        plain = compose(TrainConfig, tuple(f"{group}={chosen[group]}" for group in GROUPS))
    request = request_of(config)
    start_tensorflow()
    from inkproof.tuning.search import tune

    tune(config, request, " ".join(["python src/tune.py", *words]), chosen, plain)


if __name__ == "__main__":
    main()
