"""Bring drawings and corrupted digits to 28 x 28, once for all models: python src/preprocess.py data=mnist.

One of the files alone, or what every export needs:
  drawings     drawings.npz, the drawings that models are evaluated on
  corruptions  corruptions.npz, ood.npz and thresholds.npz: corrupted digits, and drawings that are not digits
  normalizer   exports/normalizer, the normalization that does it as LiteRT files
  mask         models/pretrained/ink_mask.keras, the network that tells ink from ground; it is trained
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)

# isort: split
import sys

from inkproof.config.compose import call_named, entry
from inkproof.config.one_line import run
from inkproof.config.stages import MaskConfig, PreprocessConfig
from inkproof.runtime.errors import UserError
from inkproof.runtime.startup import start_tensorflow


@entry(PreprocessConfig)
def everything(config: PreprocessConfig) -> None:
    """Write all files of a dataset."""
    start_tensorflow()
    from inkproof.stages.corruptions import preprocess_corruptions
    from inkproof.stages.preprocess import preprocess_drawings

    preprocess_drawings(config)
    preprocess_corruptions(config)


@entry(PreprocessConfig)
def drawings(config: PreprocessConfig) -> None:
    """Write the drawings."""
    start_tensorflow()
    from inkproof.stages.preprocess import preprocess_drawings

    preprocess_drawings(config)


@entry(PreprocessConfig)
def corruptions(config: PreprocessConfig) -> None:
    """Write the corrupted digits and the drawings that are not digits."""
    start_tensorflow()
    from inkproof.stages.corruptions import preprocess_corruptions

    preprocess_corruptions(config)


@entry(MaskConfig)
def mask(config: MaskConfig) -> None:
    """Train the mask network."""
    start_tensorflow()
    from inkproof.stages.ink_mask import train_mask

    print(", ".join(f"{name} {value:.4f}" for name, value in train_mask(config).items()))


def normalizer() -> None:
    """Write the normalizer."""

    def write() -> None:
        words = sys.argv[1:]
        if {"--help", "-h"} & {*words}:
            return print(__doc__)
        if words:
            raise UserError(
                f"{words[0]}: unknown; `normalizer` takes no keys, as the files are the same for all datasets"
            )
        start_tensorflow()
        from inkproof.stages.normalizer import write_normalizer

        print(f"normalizer: {write_normalizer()}")

    run("preprocess.py", write)


if __name__ == "__main__":
    call_named(everything, drawings=drawings, corruptions=corruptions, normalizer=normalizer, mask=mask)
