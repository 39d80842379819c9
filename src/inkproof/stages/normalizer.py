"""Write the normalizer as LiteRT files: for every canvas.tflite, and for the preprocessing methods."""

from pathlib import Path

from inkproof.preprocessing.litert import CODE, FILES, NORMALIZER_FOLDER, converted_file, current_code
from inkproof.runtime.files import replacing


def write_normalizer(folder: Path = NORMALIZER_FOLDER) -> Path:
    """Write `folder`, by default exports/normalizer; return it."""
    with replacing(folder) as temporary:
        temporary.mkdir()
        for method, name in FILES.items():
            (temporary / name).write_bytes(converted_file(method))
        (temporary / CODE.name).write_text(f"{current_code()}\n", encoding="utf-8")
    return folder
