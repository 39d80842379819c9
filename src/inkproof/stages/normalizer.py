"""Write the normalization that every canvas.tflite begins with as a LiteRT file, once for all exports."""

from pathlib import Path

from inkproof.exporting.files import NORMALIZER_FILE
from inkproof.exporting.normalizer_part import normalizer_part
from inkproof.runtime.files import replacing


def write_normalizer() -> Path:
    """Write exports/normalizer.tflite; return its path."""
    with replacing(NORMALIZER_FILE) as temporary:
        temporary.write_bytes(normalizer_part())
    return NORMALIZER_FILE
