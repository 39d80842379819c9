"""Evaluate a trained model on test digits and corruptions: python src/evaluate.py data=mnist model=cnn [run=FOLDER].

Other evaluations, each with a configuration of its own:
  drawn        the exported model on drawn digits
  numbers      the exported model on numbers of several digits
  ensemble     the mean probabilities of runs on test digits and drawings: ensemble 'runs=[A,B]' tta=true
  finetuned    compare a fine-tuned network with its initial weights
  out_of_fold  predictions for the digits that a cross-validated run left out
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import call_named, entry, path_of
from inkproof.config.stages import (
    DrawnConfig,
    EnsembleConfig,
    EvaluateConfig,
    FinetunedConfig,
    NumbersConfig,
    OutOfFoldConfig,
)
from inkproof.runtime.startup import start_tensorflow
from inkproof.tracking.run_metadata import RunMetadata, trained_run


@entry(EvaluateConfig)
def evaluate(config: EvaluateConfig) -> None:
    """Evaluate on test digits and corruptions."""
    run = trained_run(config)
    start_tensorflow()
    from inkproof.stages.evaluate import evaluate, line

    print(line(evaluate(*run)))


@entry(DrawnConfig)
def drawn(config: DrawnConfig) -> None:
    """Evaluate on drawings."""
    run = trained_run(config)
    from inkproof.stages.drawn import drawn, lines

    print("\n".join(lines(config, drawn(*run))))


@entry(NumbersConfig)
def numbers(config: NumbersConfig) -> None:
    """Evaluate on numbers of several digits."""
    run = trained_run(config)
    from inkproof.stages.numbers import lines, numbers

    print("\n".join(lines(numbers(*run))))


@entry(EnsembleConfig)
def ensemble(config: EnsembleConfig) -> None:
    """Evaluate the mean probabilities of several runs."""
    members = [RunMetadata.read_finished(path_of(run)) for run in config.runs]
    start_tensorflow()
    from inkproof.stages.ensemble import ensemble, lines

    print("\n".join(lines(ensemble(members, config))))


@entry(FinetunedConfig)
def finetuned(config: FinetunedConfig) -> None:
    """Compare a fine-tuned network with its initial weights."""
    metadata = RunMetadata.read_finished(path_of(config.run))
    start_tensorflow()
    from inkproof.stages.finetuned import finetuned, lines

    print("\n".join(lines(config, finetuned(metadata, config))))


@entry(OutOfFoldConfig)
def out_of_fold(config: OutOfFoldConfig) -> None:
    """Predict the digits that a run left out."""
    run = trained_run(config)
    start_tensorflow()
    from inkproof.stages.out_of_fold import out_of_fold

    for name, value in out_of_fold(*run).items():
        print(f"{name} {value:.6g}")


if __name__ == "__main__":
    call_named(evaluate, drawn=drawn, numbers=numbers, ensemble=ensemble, finetuned=finetuned, out_of_fold=out_of_fold)
