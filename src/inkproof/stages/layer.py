"""Convert the normalisation to a LiteRT file, once for all models."""

from pathlib import Path

from inkproof.exporting.canvas_model import layer_part
from inkproof.exporting.files import LAYER_FILE
from inkproof.runtime.files import replacing


def layer() -> Path:
    """Write the normalisation as a LiteRT file, once for all models; return the file."""
    with replacing(LAYER_FILE) as temporary:
        temporary.write_bytes(layer_part())
    return LAYER_FILE
