"""A canvas.tflite as MLflow loads it from its registry: images of any size to digits.

MLflow stores this file with the model and runs it there ("models from code"). So it imports nothing of this package,
and needs ai-edge-litert, NumPy and Pillow alone.
"""

import io
import os
from pathlib import Path
from threading import Lock
from typing import Any

import mlflow
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from mlflow.pyfunc import PythonModel
from PIL import Image, ImageOps

SIDE = 280
VISIBLE = 48  # where a transparent image on white spans fewer gray levels, its ink was white


def to_canvas(image: Any) -> np.ndarray:
    """Return an image as uint8 (280, 280): gray, and padded to a square in the color of its border.

    `image` is a path, the bytes of an image file, a Pillow image, or an array (H, W) or (H, W, C). Booleans and floats
    from 0 to 1 are spread over 0 to 255. Raises ValueError for an array of another shape, and what Pillow and NumPy
    raise on anything else.
    """
    if isinstance(image, str | os.PathLike | bytes):
        image = Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    elif not isinstance(image, Image.Image):
        levels = np.asarray(image)
        if levels.ndim not in (2, 3) or not levels.size:  # a row of 784 numbers would be taken for a line
            raise ValueError(f"an image is an array (H, W) or (H, W, C), not {levels.shape}")
        image = Image.fromarray(_eight_bits(levels[:, :, 0] if levels.shape[2:] == (1,) else levels))
    gray = _gray(ImageOps.exif_transpose(image))
    width, height = (max(1, round(side * SIDE / max(gray.size))) for side in gray.size)
    pixels = np.asarray(gray)
    ring = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    canvas = np.full((SIDE, SIDE), np.sort(ring)[len(ring) // 2], np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(gray.resize((width, height), Image.Resampling.BOX))
    return canvas


def _gray(image: Image.Image) -> Image.Image:
    if image.mode[0] in "IF":
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if not image.has_transparency_data:
        return image.convert("L")
    layers = image.convert("RGBA")
    grounds = (Image.new("RGBA", layers.size, level) for level in ("white", "black"))
    white, black = (Image.alpha_composite(ground, layers).convert("L") for ground in grounds)
    return black if np.ptp(np.asarray(white)) < min(VISIBLE, np.ptp(np.asarray(black))) else white


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    if levels.dtype == np.uint8:
        return levels
    values = levels.astype(np.float64)
    if levels.dtype.kind in "bf" and values.min() >= 0 and values.max() <= 1:
        values = values * 255
    elif values.max() > 255:
        values = values * (255 / max(values.max(), 65535))
    return np.rint(values.clip(0, 255)).astype(np.uint8)


class CanvasModel(PythonModel):
    """The model: loaded once, and used by one thread at a time."""

    def load_context(self, context: Any) -> None:
        """Load the file that MLflow stored as `canvas`, and the rule's threshold."""
        content = Path(context.artifacts["canvas"]).read_bytes()  # LiteRT opens only names in UTF-8
        self.run = Interpreter(model_content=content, num_threads=1).get_signature_runner()
        self.threshold = np.float32(context.model_config["threshold"])
        self.lock = Lock()

    def predict(self, context: Any, model_input: list[Any], params: Any = None) -> list[dict[str, Any]]:
        """Classify images, each as `to_canvas` takes it; a list of numbers is an array.

        Each result has the most likely `digit` with its `probability`, whether it is `accepted` as a digit, the
        `score` that decides it, and the `probabilities` of 0 to 9. Without ink `digit` is None.
        """
        return [self._predict(to_canvas(image)) for image in model_input]

    def _predict(self, canvas: np.ndarray) -> dict[str, Any]:
        with self.lock:
            found = self.run(canvas=canvas[np.newaxis])
        probabilities, score, ink = found["probabilities"][0], found["score"][0], bool(found["seen"].any())
        return {
            "digit": int(probabilities.argmax()) if ink else None,
            "probability": float(probabilities.max()),
            "accepted": ink and bool(score >= self.threshold),
            "score": float(score),
            "probabilities": probabilities.tolist(),
        }


mlflow.models.set_model(CanvasModel())
