"""Convert the ink normalisation to a LiteRT file, once for all models: python src/layer.py."""

from inkproof.atomic import replacing
from inkproof.entry import run
from inkproof.exporting.files import LAYER_FILE, kilobytes
from inkproof.quiet import start_tensorflow


def main() -> None:
    """Write exports/layer.tflite."""
    start_tensorflow()
    from inkproof.exporting.canvas_model import layer_part

    with replacing(LAYER_FILE) as temporary:
        temporary.write_bytes(layer_part())
    print(f"normalisation layer: {kilobytes(LAYER_FILE):,.0f} KB in {LAYER_FILE}")


if __name__ == "__main__":
    run("layer.py", main)
