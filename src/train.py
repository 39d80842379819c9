"""Train one model: python src/train.py model=cnn aug=on [data=optdigits] [seed=3] [training.epochs=1] ...

A sweep trains one after the other and ends with a table: python src/train.py -m model=dense,cnn seed=0,1.
Run the same command again: a finished run is reused (run.force=true trains again), a killed one resumes.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import entry
from inkproof.config.pipeline import read_pipeline
from inkproof.config.schema import TrainConfig
from inkproof.config.sweep import Trained
from inkproof.runtime.paths import HOME
from inkproof.runtime.startup import start_tensorflow


@entry(TrainConfig)
def main(config: TrainConfig) -> Trained:
    """Train, and return what the table of a sweep has of the run."""
    read_pipeline()  # a mistake in params.yaml ends the pipeline before anything is trained
    start_tensorflow()
    from inkproof.stages.train import train
    from inkproof.tracking.mlflow_tracker import Tracker
    from inkproof.tracking.run_metadata import check_out

    check_out(config.run.out)
    run = train(config)
    digits, accuracy = run.accuracy
    folder = str(run.folder.relative_to(HOME))
    return Trained(accuracy, digits, run.seconds, folder, link=lambda: Tracker().view(run.experiment))


if __name__ == "__main__":
    main()
