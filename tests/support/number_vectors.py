"""Test vectors of numbers for Python and JavaScript: PYTHONPATH=src python tests/support/number_vectors.py writes them.

They are in tests/data/numbers.json, in four lists:

- `images`: a PNG, the place of its line, the mask of the line and its ink (`cuts.shrunk`) as base64 of uint8 (H, W),
  the box of the mask's ink, the cuts of the ink in this box, the labels, the number, and the boxes of its digits.
- `strokes`: strokes, their groups as indices, the number, and the boxes of its digits.
- `costs`: a run, and its cost as a digit.
- `paths`: costs of runs, and the runs that cost least together.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkproof.data.drawings import read_drawings
from inkproof.exporting.predictors import CanvasPredictor
from inkproof.inference import cuts, number
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.digit_strings import GAPS, DigitString, digit_string, on_white

FILE = ROOT / "tests" / "data" / "numbers.json"
SIDE = 64  # pixels of the height of an image


def strings() -> list[DigitString]:
    """Return a string of three digits of the starter set for each kind of gap."""
    digits = [one for one in read_drawings(ROOT / "data" / "drawn" / "starter") if one.label is not None]
    return [digit_string(digits, 3, gap, np.random.default_rng([28, place])) for place, gap in enumerate(GAPS)]


def vectors() -> dict[str, Any]:
    """Return the content of the file, with the pretrained model."""
    predictor = CanvasPredictor(ROOT / "models" / "pretrained" / "canvas.tflite")
    made: dict[str, Any] = {"images": [], "strokes": [], "costs": [], "paths": []}
    for string in strings():
        image = on_white(string, SIDE)
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", optimize=True)
        line = number.line_of(image, number.mask_by(predictor))
        assert line is not None
        left, top, right, bottom = cuts.box_of(line.mask)
        ink = cuts.shrunk(cuts.ink_of(line))
        found = number.read_image(image, predictor)
        made["images"].append(
            {
                "png": base64.b64encode(file.getvalue()).decode(),
                "line": {"left": line.left, "top": line.top, "scale": line.scale},
                "shape": line.mask.shape,
                "mask": base64.b64encode(line.mask.tobytes()).decode(),
                "ink": base64.b64encode(ink.tobytes()).decode(),
                "box": [left, top, right, bottom],
                "cuts": [[one.cost, *one.columns] for one in cuts.cuts_of(ink[top:bottom, left:right])],
                "labels": string.labels,
                "number": found.text,
                "boxes": [[round(edge, 1) for edge in one.box] for one in found.digits],
            }
        )
        strokes = [np.round(path, 1).tolist() for digit in string.strokes for path in digit]
        late = [strokes[0], *strokes[2:], strokes[1]]  # the second stroke is drawn last, as the bar of a 5
        groups = [[late.index(one) for one in group] for group in number.groups_of(late)]
        read = number.read_strokes(late, predictor)
        boxes = [[round(edge, 1) for edge in one.box] for one in read.digits]
        made["strokes"].append({"strokes": late, "groups": groups, "number": read.text, "boxes": boxes})
    for width, height, score, p in ((0.6, 1.0, 10.0, 0.99), (1.3, 0.5, 1.0, 0.3), (0.1, 0.9, 4.0, 1.0)):
        digit = number.Digit((0, 0, 1, 1), 1, (0.0, p, *[(1 - p) / 8] * 8), score, True)
        cost = number.cost_of(number.Run(width, height, digit, 0.2), 3.5)
        made["costs"].append(
            {
                "width": width,
                "height": height,
                "cut": 0.2,
                "score": score,
                "probability": p,
                "threshold": 3.5,
                "cost": cost,
            }
        )
    costs = {(0, 1): 2.0, (1, 2): 2.0, (2, 3): 1.0, (0, 2): 3.5, (1, 3): 3.0, (0, 3): 9.0}
    made["paths"].append(
        {"pieces": 3, "costs": [[*run, cost] for run, cost in costs.items()], "runs": number.cheapest(3, costs)}
    )
    return made


if __name__ == "__main__":
    Path(FILE).write_text(json.dumps(vectors(), separators=(",", ":")) + "\n", encoding="ascii")
