"""Classify images of handwritten digits with canvas.tflite: python read_digits.py digit.png [more.png ...].

It needs ai-edge-litert, Pillow and NumPy. Of Inkproof it needs only the model: copy this file and canvas.tflite into
your program. `python read_digits.py --check` compares the outputs on this machine with those of vectors.json.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

SIDE = 280  # pixels of the model's input
HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "models" / "pretrained" / "canvas.tflite"


@dataclass(frozen=True)
class Reading:
    """The prediction for one canvas.

    `digit` is the most probable digit, or None if no ink was found. `accepted` says whether the model accepts the
    canvas as a digit. `probabilities` are those of 0 to 9, float32 (10,). `score` is compared with the threshold.
    `seen` is what the network saw, uint8 (28, 28), white on black.
    """

    digit: int | None
    accepted: bool
    probabilities: np.ndarray
    score: float
    seen: np.ndarray


class Reader:
    """A canvas.tflite, opened once. It has one set of tensors, so use one reader for each thread."""

    def __init__(self, path: Path = MODEL) -> None:
        content = path.read_bytes()
        interpreter = Interpreter(model_content=content)
        self._run = interpreter.get_signature_runner()
        self._interpreter = interpreter  # keeps what the runner uses
        self.threshold = np.float32(metadata(content)["threshold"])

    def read(self, canvas: np.ndarray) -> Reading:
        """Classify gray levels uint8 (280, 280), dark ink on light or light ink on dark."""
        found = self._run(canvas=canvas[np.newaxis])
        probabilities, seen, score = found["probabilities"][0], found["seen"][0], found["score"][0]
        ink = bool(seen.any())
        digit = int(probabilities.argmax()) if ink else None
        return Reading(digit, ink and bool(score >= self.threshold), probabilities, float(score), seen)


def metadata(content: bytes) -> dict:
    """The entry "inkproof" of the metadata in the bytes of a .tflite file; it has the threshold."""
    model = schema.Model.GetRootAs(content, 0)
    entries = {(one := model.Metadata(number)).Name(): one.Buffer() for number in range(model.MetadataLength())}
    return json.loads(model.Buffers(entries[b"inkproof"]).DataAsNumpy().tobytes())


def canvas_of(path: Path) -> np.ndarray:
    """An image file as gray levels uint8 (280, 280), padded to a square with the median level of its border."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)  # phones store how a photograph must be turned, in its EXIF data
        if image.mode.startswith("I"):  # 16 bits
            image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
        paper = Image.new("RGBA", image.size, "white")
        gray = Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
    levels = np.asarray(gray)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    square = Image.new("L", (max(gray.size), max(gray.size)), int(np.median(border)))
    square.paste(gray, ((square.width - gray.width) // 2, (square.height - gray.height) // 2))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX))


def unpacked(runs: list[int]) -> np.ndarray:
    """Decode runs [level, count, level, count, ...] to gray levels uint8 (N,)."""
    return np.repeat(np.array(runs[::2], np.uint8), runs[1::2])


def check(reader: Reader, path: Path) -> list[str]:
    """Compare with the vectors in the file `path`: a line for each difference above the tolerance."""
    content = json.loads(path.read_text(encoding="utf-8"))
    limits, wrong = content["tolerance"], []
    for vector in content["vectors"]:
        found = reader.read(unpacked(vector["canvas"]).reshape(SIDE, SIDE))
        differences = {
            "probabilities": np.abs(found.probabilities - vector["probabilities"]).max(),
            "score": abs(found.score - vector["score"]),
            "seen": np.abs(found.seen.ravel().astype(int) - unpacked(vector["seen"])).max(),
        }
        wrong += [f"{vector['name']}: {name} off by {by:.3g}" for name, by in differences.items() if by > limits[name]]
        if (found.digit, found.accepted) != (vector["digit"], vector["accepted"]):
            wrong.append(f"{vector['name']}: digit {found.digit}, accepted {found.accepted}")
    print(f"{path.name}: {len(content['vectors'])} vectors, {len(wrong)} differences")
    return wrong


def main() -> int:
    top = argparse.ArgumentParser(description="Classify images of single handwritten digits.")
    top.add_argument("images", nargs="*", type=Path, metavar="IMAGE")
    top.add_argument("--model", type=Path, default=MODEL, help="canvas.tflite (default: models/pretrained)")
    top.add_argument("--check", action="store_true", help="compare with the vectors of --vectors")
    top.add_argument("--vectors", type=Path, default=HERE / "vectors.json")
    options = top.parse_args()
    if not options.images and not options.check:
        top.error("name an image, or give --check")
    path = options.model
    try:
        reader = Reader(path)
        for path in options.images:
            found = reader.read(canvas_of(path))
            if found.digit is None:
                print(f"{path}  no ink found")
            else:
                verdict = "accepted" if found.accepted else "not a digit"
                print(f"{path}  {found.digit}  {found.probabilities[found.digit]:.1%}  {verdict}")
        path = options.vectors
        wrong = check(reader, path) if options.check else []
    except (OSError, ValueError, KeyError) as error:
        print(f"read_digits.py: {path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
