"""Export a trained model and verify the files: python src/export.py data=mnist model=cnn [run=FOLDER].

python src/export.py formats data=mnist model=cnn run=FOLDER compares the quantizations by size and accuracy alone.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import call_named, entry
from inkproof.config.stages import ExportConfig, FormatsConfig
from inkproof.runtime.startup import start_tensorflow
from inkproof.tracking.run_metadata import trained_run


@entry(ExportConfig)
def export(config: ExportConfig) -> None:
    """Write the exported files, and print how each agrees with Keras."""
    run = trained_run(config)
    start_tensorflow()
    from inkproof.stages.export import export, lines

    for line in lines(f"{config.data.name}-{config.name}", export(*run)):
        print(line)


@entry(FormatsConfig)
def formats(config: FormatsConfig) -> None:
    """Compare the quantizations."""
    run = trained_run(config)
    start_tensorflow()
    from inkproof.stages.formats import formats

    for quantization, result in formats(*run).items():
        print(f"{quantization}: {result['kb']:,.1f} KB, {result['accuracy']:.2%} of the test digits")


if __name__ == "__main__":
    call_named(export, formats=formats)
