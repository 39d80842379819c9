"""Train one model: python src/train.py model=cnn aug=on [data=optdigits] [seed=3] [epochs=1] ...

Started again, a finished run is reused (force=true trains anew) and a killed one goes on where it stopped.
"""

from typing import Any

from inkproof.config.compose import entry
from inkproof.config.schema import check_training
from inkproof.runtime.startup import start_tensorflow


@entry("config")
def main(config: dict[str, Any]) -> float:
    """Train, and return what a sweeper maximises."""
    check_training(config)
    start_tensorflow()
    from inkproof.stages.train import train

    metrics = train(config)
    return metrics.get("val_accuracy", metrics["accuracy"])


if __name__ == "__main__":
    main()
