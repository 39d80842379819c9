"""Image files to plain 8-bit images: whatever a phone, a scanner or a paint program saves."""

import contextlib
import io
import math
import os
import re
import stat
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from inkproof.runtime.errors import UserError

FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WebP": (".webp",),
    "AVIF": (".avif",),
    "HEIC": (".heic", ".heif"),
    "PNM": (".pbm", ".pgm", ".ppm", ".pnm"),
}
"""The formats that are read, with the suffixes of their files."""

SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
# Cameras' raw files. Pillow takes some for TIFF, and returns their thumbnail.
_RAW = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")
_OTHERS = (".svg", ".pdf", ".eps", ".psd", ".xcf", ".jxl", ".jp2", ".tga", ".ico", ".icns", ".pcx", ".dds", ".exr")
OTHER_SUFFIXES = (*_RAW, *_OTHERS)
"""The suffixes of images that are not read."""

ADVICE = "save as PNG or JPEG"

# Pillow's names. They are given, because Pillow would otherwise try formats that start programs (EPS: Ghostscript).
_DECODERS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "HEIF", "PPM")
register_heif_opener()
# Their decoders hold the image four times, up to 16 bytes a pixel. With Pillow's limit it would be 1.4 GB.
_MOST_PIXELS = dict.fromkeys(("WEBP", "AVIF", "HEIF"), 50_000_000)
# Images of more pixels are shrunk before their levels are converted, which takes up to 40 bytes a pixel.
_LARGE = 16_000_000
_BAND = 256  # about so many rows are shrunk at a time
# Where a transparent image composited on white spans fewer gray levels than this, its ink was white.
_VISIBLE = 48


def open_image(source: str | os.PathLike[str] | bytes, name: str = "", draft: int | None = None) -> Image.Image:
    """Decode an image file into an upright 8-bit image without transparency.

    The first frame counts, and EXIF orientation is applied. 16- and 32-bit levels are brought to 0 to 255. An image of
    more than 16 million pixels is shrunk by a whole factor, so that no image takes a gigabyte of memory.
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
            decompression bombs (50 million pixels in WebP, AVIF and HEIC); names the image and the reason.
    """
    name = name or ("the image" if isinstance(source, bytes) else os.fspath(source))
    try:
        file: io.BytesIO | Path = io.BytesIO(source) if isinstance(source, bytes) else _image_file(Path(source))
        with _opened(file) as image:
            pixels = image.width * image.height
            limit = _MOST_PIXELS.get(str(image.format), Image.MAX_IMAGE_PIXELS)
            if limit is not None and pixels > limit:
                raise UserError(f"{image.width} x {image.height} pixels are more than {limit:,}; save it smaller")
            if draft is not None:
                image.draft("L", (draft, draft))
            elif pixels > _LARGE:
                image.draft(image.mode, (image.width // 2, image.height // 2))
            if image.format == "HEIF":
                image.getexif()[ExifTags.Base.Orientation] = _heif_orientation(image, file)
            return plain(image)
    except Exception as error:
        # Pillow's decoders meet broken files with SyntaxError, ValueError, struct.error, zlib.error, ...
        raise UserError(f"{name} cannot be read: {_reason(error, name)}") from None


def image_size(content: bytes, name: str) -> tuple[int, int]:
    """Return (width, height) of the bytes of an image file, from its header; raises errors as `open_image` does.

    Pillow's own Image.DecompressionBombError is raised for more than twice its limit.
    """
    try:
        with _opened(io.BytesIO(content)) as image:
            return image.size
    except Image.DecompressionBombError:
        raise
    except Exception as error:
        raise UserError(f"{name} cannot be read: {_reason(error, name)}") from None


def _opened(file: io.BytesIO | Path) -> Image.Image:
    with warnings.catch_warnings():
        # `open_image` compares the size with a limit and raises an error; a warning would let the bomb through.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file, formats=_DECODERS)


def _image_file(path: Path) -> Path:
    """Return `path`; raise UserError for what would give a thumbnail, or would wait for a writer without end."""
    if path.suffix.lower() in _RAW:
        raise UserError(f"it is a raw file of a camera; {ADVICE}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise UserError("it is a folder, a pipe, a socket or a device; save the image as a file")
    return path


def _heif_orientation(image: Image.Image, file: io.BytesIO | Path) -> int:
    """Return the EXIF orientation of an image in HEIC that is still to be applied.

    A decoder applies the boxes irot and imir, which are before the pixels, and EXIF says the same again. Where a file
    has neither box, as some converters write it, EXIF alone says it.
    """
    head = file.getvalue() if isinstance(file, io.BytesIO) else file.read_bytes()
    head = head[: head.find(b"mdat")]
    return 1 if b"irot" in head or b"imir" in head else image.info.get("original_orientation") or 1


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, Image.DecompressionBombError):  # Pillow's own, for more than twice its limit
        return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels; save it smaller"
    if isinstance(error, UnidentifiedImageError):
        if name.lower().endswith(OTHER_SUFFIXES):
            return f"it is no image of a known format ({', '.join(FORMATS)}); {ADVICE}"
        return f"it is damaged, or not an image of a known format ({', '.join(FORMATS)})"
    reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return " ".join(reason.split())


def plain(image: Image.Image) -> Image.Image:
    """Bring a Pillow image of any mode to an upright "L" or "RGB" without alpha; see `open_image`."""
    image.load()
    orientation = 1
    # Broken EXIF is common, has nothing to do with the pixels and fails in as many ways as it can be broken.
    with contextlib.suppress(Exception):
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    image = _shrunk(image)
    if orientation != 1:
        image.getexif()[ExifTags.Base.Orientation] = orientation
        with contextlib.suppress(Exception):
            image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":
        return Image.fromarray(to_8_bit(np.asarray(image)))
    if image.has_transparency_data:
        return _without_alpha(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _shrunk(image: Image.Image) -> Image.Image:
    """Return `image` as it is, or block means of it if it has more than `_LARGE` pixels."""
    block = math.ceil(math.sqrt(image.width * image.height / _LARGE))
    if block <= 1:
        return image
    step = -(-_BAND // block) * block
    bands = [
        _with_levels(image.crop((0, top, image.width, min(top + step, image.height)))).reduce(block)
        for top in range(0, image.height, step)
    ]
    small = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    for number, band in enumerate(bands):
        small.paste(band, (0, number * step // block))
    return small


def _with_levels(image: Image.Image) -> Image.Image:
    """Return `image` in a mode in which the mean of two pixels has a meaning: no palette, no bits, no color key."""
    if image.has_transparency_data and image.mode not in ("La", "RGBa"):
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "I", "F", "La", "RGBa"):
        return image
    return image.convert("I" if image.mode[0] == "I" else "L" if image.mode == "1" else "RGB")


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
