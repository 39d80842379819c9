"""Search for hyperparameters: python src/tune.py model=cnn tuner=hyperband [tuner=random] [epochs=10] ...

Judged by the validation digits alone. Given again, it goes on where it was killed. On several machines: one command
with service=chief, one for each worker with service=NAME, all with address=HOST:PORT of the chief.
"""

from typing import Any

from inkproof.config.compose import choices, composing, entry, typed
from inkproof.runtime.startup import start_tensorflow
from inkproof.tuning.recipe import GROUPS
from inkproof.tuning.space import checked

WHERE = ("service=", "address=", "recipe=")  # what does not decide the result


@entry("tune")
def main(config: dict[str, Any]) -> None:
    """Check what is asked for, and search."""
    words = [word for word in typed() if not word.startswith(WHERE)]
    chosen = choices()
    with composing() as compose:
        plain = compose("config", tuple(f"{group}={chosen[group]}" for group in GROUPS))
    asked = checked(config)
    start_tensorflow()
    from inkproof.tuning.search import tune

    tune(config, asked, " ".join(["python src/tune.py", *words]), chosen, plain)


if __name__ == "__main__":
    main()
