"""Export a trained model and prove the files: python src/export.py data=mnist model=cnn [run=FOLDER].

python src/export.py formats data=mnist model=cnn run=FOLDER compares the forms of the file by size and accuracy alone.
"""

from typing import Any

from inkproof.config.compose import call_named, entry
from inkproof.runtime.startup import start_tensorflow
from inkproof.tracking.run_metadata import trained_run


@entry("export")
def export(config: dict[str, Any]) -> None:
    """Write the exported files, and say how each agrees with Keras."""
    trained_run(config)
    start_tensorflow()
    from inkproof.stages.export import export, lines

    for line in lines(f"{config['data']['name']}-{config['model']['name']}", export(config)):
        print(line)


@entry("export")
def formats(config: dict[str, Any]) -> None:
    """Compare the forms."""
    trained_run(config)
    start_tensorflow()
    from inkproof.stages.formats import formats

    for form, result in formats(config).items():
        print(f"{form}: {result['kb']:,.1f} KB, {result['accuracy']:.2%} of the test digits")


if __name__ == "__main__":
    call_named(export, formats=formats)
