"""Image files to plain 8-bit images: whatever a phone, a scanner or a paint program saves."""

import contextlib
import io
import os
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from inkproof.runtime.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")

# Named, because Pillow would otherwise also try formats that start other programs (EPS calls Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM")
# Where a transparent image composited on white spans fewer gray levels than this, its ink was white.
_VISIBLE = 48


def open_image(source: str | os.PathLike[str] | bytes, name: str = "", draft: int | None = None) -> Image.Image:
    """Decode an image file into an upright 8-bit image without transparency.

    The first frame counts, and EXIF orientation is applied. 16- and 32-bit levels are brought to 0 to 255.
    Transparency is composited on white, or on black if white would leave nothing to see.

    Args:
        source: path, or the bytes of a file.
        name: what an error calls the image; the path if not given.
        draft: a JPEG may be decoded at a fraction of its size, and in gray, as long as its shorter side keeps
            this many pixels: several times faster for photographs.

    Returns:
        A Pillow image of mode "L" or "RGB".

    Raises:
        UserError: the file is missing, no image, broken, or larger than Pillow's limit against
            decompression bombs; names the image and the reason.
    """
    file: io.BytesIO | Path = io.BytesIO(source) if isinstance(source, bytes) else Path(source)
    name = name or ("the image" if isinstance(source, bytes) else os.fspath(source))
    try:
        with warnings.catch_warnings():
            # The check of the size below raises an error; a warning alone would let the bomb through.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=_FORMATS)
        with image:
            limit = Image.MAX_IMAGE_PIXELS
            if limit is not None and image.width * image.height > limit:
                raise UserError(f"{image.width} x {image.height} pixels are more than {limit:,}; save it smaller")
            if draft is not None:
                image.draft("L", (draft, draft))
            return plain(image)
    except Exception as error:
        # Pillow's decoders meet broken files with SyntaxError, ValueError, struct.error, zlib.error, ...
        raise UserError(f"{name} cannot be read: {_reason(error)}") from None


def image_size(content: bytes, name: str) -> tuple[int, int]:
    """Return (width, height) of the bytes of an image file, from its header; raises errors as `open_image` does.

    Pillow's own Image.DecompressionBombError is raised for more than twice its limit.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                return image.size
    except Image.DecompressionBombError:
        raise
    except Exception as error:
        raise UserError(f"{name} cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a known format (PNG, JPEG, BMP, GIF, TIFF)"
    reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return " ".join(reason.split())


def plain(image: Image.Image) -> Image.Image:
    """Bring a Pillow image of any mode to an upright "L" or "RGB" without alpha; see `open_image`."""
    image.load()
    # Broken EXIF is common, has nothing to do with the pixels and fails in as many ways as it can be broken.
    with contextlib.suppress(Exception):
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":
        return Image.fromarray(to_8_bit(np.asarray(image)))
    if image.has_transparency_data:
        return _without_alpha(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def to_8_bit(levels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring gray or color levels of any type to uint8 of the same shape.

    Booleans and floats from 0 to 1 are spread over 0 to 255. Levels that fit 8 bits are kept: a 16-bit image of such
    levels would be black otherwise. Those that fit 16 are divided by 257, any others stretched between their extremes.

    Raises:
        ValueError: the levels are not numbers.
    """
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8)
    if levels.dtype == np.bool_:
        return levels.astype(np.uint8) * np.uint8(255)
    if levels.dtype.kind not in "iuf":
        raise ValueError(f"an image is an array of numbers, not of {levels.dtype}")
    fractional = levels.dtype.kind == "f"
    values = np.nan_to_num(levels.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if fractional and low >= 0 and high <= 1:
        values = values * 255
    elif low < 0 or high > 65535:
        values = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    elif high > 255:
        values = values / 257
    return np.rint(values).astype(np.uint8)


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    layers = image.convert("RGBA")
    on_white = _on(255, layers)
    contrast = _contrast(on_white)
    if contrast < _VISIBLE:
        # White ink on a transparent ground, as many drawing pages save it, would vanish.
        on_black = _on(0, layers)
        if _contrast(on_black) > contrast:
            return on_black
    return on_white


def _contrast(image: Image.Image) -> int:
    levels = np.asarray(image.convert("L"))
    return int(levels.max()) - int(levels.min())


def _on(level: int, layers: Image.Image) -> Image.Image:
    ground = Image.new("RGB", layers.size, (level, level, level))
    ground.paste(layers, mask=layers)
    return ground


def numeric(name: str) -> list[str | int]:
    """A sort key that puts digit2.png before digit10.png."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
