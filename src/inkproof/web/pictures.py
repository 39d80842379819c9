"""A picture out of a request to a canvas, with its size looked at before anything is decoded."""

import io
import threading
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkproof.errors import UserError
from inkproof.ink.canvas import to_canvas
from inkproof.web.limits import Limits
from inkproof.web.refusal import Refusal

_FORMATS = ("PNG", "JPEG")
# Decoded one at a time: a picture takes some ten bytes a pixel on the way, and the server answers several requests.
_one = threading.Lock()


def canvas_of(content: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Return the canvas uint8 (280, 280) of a PNG or JPEG; raises Refusal where it is too large or cannot be read."""
    if not content:
        raise Refusal(422, "the picture is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                width, height = picture.size
    except Image.DecompressionBombError:
        raise Refusal(413, f"the picture has more than {limits.pixels:,} pixels; send it smaller") from None
    except Exception:
        # Pillow's readers meet broken heads with OSError, SyntaxError, ValueError, struct.error, ...
        raise Refusal(422, "the picture is no PNG or JPEG that can be read") from None
    if width * height > limits.pixels:
        raise Refusal(413, f"{width} x {height} pixels are more than {limits.pixels:,}; send the picture smaller")
    try:
        with _one:
            return to_canvas(content, "the picture")
    except UserError as error:
        raise Refusal(422, str(error)) from None
