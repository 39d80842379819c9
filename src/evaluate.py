"""Read the test digits with a trained model: python src/evaluate.py data=mnist model=cnn [run=FOLDER].

Other things to read, each with a configuration of its own:
  drawn      drawn digits, with the exported model
  ensemble   test digits and drawings with the mean answer of runs: ensemble 'runs=[A,B]' tta=true
  finetuned  what fine-tuning on drawings gave, and what it cost
  out_of_fold   the digits that a cross-validated run left out
"""

from typing import Any

from inkproof.config.compose import call_named, entry, path_of
from inkproof.runtime.startup import start_tensorflow
from inkproof.tracking.run_metadata import RunMetadata, trained_run


@entry("evaluate")
def evaluate(config: dict[str, Any]) -> None:
    """Read the test digits and the corruptions."""
    trained_run(config)
    start_tensorflow()
    from inkproof.stages.evaluate import evaluate, line

    print(line(evaluate(config)))


@entry("drawn")
def drawn(config: dict[str, Any]) -> None:
    """Read the drawings."""
    trained_run(config)
    from inkproof.stages.drawn import drawn, lines

    print("\n".join(lines(config, drawn(config))))


@entry("ensemble")
def ensemble(config: dict[str, Any]) -> None:
    """Read with the mean answer of several runs."""
    for folder in config["runs"]:
        RunMetadata.read(path_of(folder))
    start_tensorflow()
    from inkproof.stages.ensemble import ensemble, lines

    print("\n".join(lines(ensemble(config))))


@entry("finetuned")
def finetuned(config: dict[str, Any]) -> None:
    """Compare a fine-tuned network with the one that it began as."""
    RunMetadata.read(path_of(config["run"]))
    start_tensorflow()
    from inkproof.stages.finetuned import finetuned, lines

    print("\n".join(lines(config, finetuned(config))))


@entry("out_of_fold")
def out_of_fold(config: dict[str, Any]) -> None:
    """Read the digits that a fold left out."""
    trained_run(config)
    start_tensorflow()
    from inkproof.stages.out_of_fold import out_of_fold

    for name, value in out_of_fold(config).items():
        print(f"{name} {value:.6g}")


if __name__ == "__main__":
    call_named(evaluate, drawn=drawn, ensemble=ensemble, finetuned=finetuned, out_of_fold=out_of_fold)
