"""Write the normalization that every canvas.tflite begins with as LiteRT files, once for all exports."""

from pathlib import Path

from inkproof.exporting.files import NORMALIZER_FILES
from inkproof.exporting.normalizer_part import normalizer_part
from inkproof.runtime.files import replacing


def write_normalizers() -> Path:
    """Write the folder exports/normalizer, a file for each quantization; return its path."""
    folder = next(iter(NORMALIZER_FILES.values())).parent
    with replacing(folder) as temporary:
        temporary.mkdir()
        for quantization, path in NORMALIZER_FILES.items():
            (temporary / path.name).write_bytes(normalizer_part(quantization))
    return folder
