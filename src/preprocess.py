"""Bring drawings and corruptions to 28 x 28, once for all models: python src/preprocess.py data=mnist.

python src/preprocess.py layer writes the normalization that does it as a LiteRT file, once for all exports.
"""

import sys
from typing import Any

from inkproof.config.compose import call_named, entry
from inkproof.config.one_line import run
from inkproof.runtime.startup import start_tensorflow


@entry("drawn")
def frames(config: dict[str, Any]) -> None:
    """Write the frames that models are tried on."""
    start_tensorflow()
    from inkproof.stages.preprocess import frames

    frames(config)


def layer() -> None:
    """Write exports/normalizer.tflite."""
    if sys.argv[1:]:  # it takes no words: --help, or a mistake
        print(__doc__)
        return
    start_tensorflow()
    from inkproof.stages.export import layer

    run("preprocess.py", lambda: print(f"normalizer: {layer()}"))


if __name__ == "__main__":
    call_named(frames, layer=layer)
