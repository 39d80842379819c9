"""Train one model: python src/train.py model=cnn aug=on [data=optdigits] [seed=3] [training.epochs=1] ...

A sweep trains one after the other: python src/train.py -m model=dense,cnn seed=0,1.
Run the same command again: a finished run is reused (run.force=true trains again), a killed one resumes.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import entry
from inkproof.config.pipeline import read_pipeline
from inkproof.config.schema import TrainConfig
from inkproof.runtime.startup import start_tensorflow


@entry(TrainConfig)
def main(config: TrainConfig) -> float:
    """Train, and return what a sweeper maximizes."""
    read_pipeline()  # a mistake in params.yaml ends the pipeline before anything is trained
    start_tensorflow()
    from inkproof.stages.train import train

    metrics = train(config)
    return metrics.get("val_acc", metrics["accuracy"])


if __name__ == "__main__":
    main()
