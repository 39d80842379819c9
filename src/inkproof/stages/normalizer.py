"""Write the normalizer as LiteRT files: for every canvas.tflite, and in parts for the preprocessing methods."""

from pathlib import Path

from inkproof.exporting.files import NORMALIZER_FILE
from inkproof.exporting.normalizer_part import normalizer_part
from inkproof.preprocessing.litert import CODE, PARTS, converted_part, current_code
from inkproof.runtime.files import replacing


def write_normalizer(folder: Path = NORMALIZER_FILE.parent) -> Path:
    """Write `folder`, by default exports/normalizer; return it."""
    with replacing(folder) as temporary:
        temporary.mkdir()
        (temporary / NORMALIZER_FILE.name).write_bytes(normalizer_part())
        for name in PARTS:
            (temporary / f"{name}.tflite").write_bytes(converted_part(name))
        (temporary / CODE.name).write_text(f"{current_code()}\n", encoding="utf-8")
    return folder
