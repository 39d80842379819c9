"""Image files become the pixels that they show: every mode by pixel, large ones in little memory."""

import io
import json
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from inkproof.data import images
from inkproof.data.images import FORMATS, OTHER_SUFFIXES, SUFFIXES, open_image
from inkproof.runtime.errors import UserError

GRAY = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
GRAY[0, :2] = 0, 255
ALPHA = np.random.default_rng(1).integers(0, 256, GRAY.shape, np.uint8)
ALPHA[0, :2] = 255
ON_WHITE = np.rint(255 - ALPHA / 255 * (255.0 - GRAY)).astype(np.uint8)
KEYED = np.where(GRAY == 100, 255, GRAY)
WIDE = GRAY.astype(np.uint16) * 257


def gray(levels: np.ndarray = GRAY) -> Image.Image:
    return Image.fromarray(levels)


def with_palette() -> Image.Image:
    """Entry 100 of the palette is transparent, and shows another gray than its number."""
    image = gray().copy()
    image.putpalette([255 - level for level in range(256) for _ in range(3)])
    return image


LAYERS = Image.merge("LA", (gray(), gray(ALPHA)))
# (image, format, options of save(), the pixels that are shown, how far a pixel may be off)
MODES = {
    "1": (gray().point(lambda level: 255 * (level > 99)).convert("1"), "PNG", {}, np.where(GRAY > 99, 255, 0), 0),
    "L": (gray(), "PNG", {}, GRAY, 0),
    "16-bit PNG": (Image.fromarray(WIDE), "PNG", {}, GRAY, 0),
    "16-bit TIFF": (Image.fromarray(WIDE), "TIFF", {}, GRAY, 0),
    "32-bit TIFF": (Image.fromarray(WIDE.astype(np.int32)), "TIFF", {}, GRAY, 0),
    "float TIFF": (Image.fromarray(GRAY.astype(np.float32) / 255), "TIFF", {}, GRAY, 0),
    "CMYK TIFF": (gray().convert("RGB").convert("CMYK"), "TIFF", {}, GRAY, 0),
    "LA": (LAYERS, "PNG", {}, ON_WHITE, 1),
    "RGBA": (LAYERS.convert("RGBA"), "PNG", {}, ON_WHITE, 1),
    "RGBA WebP": (LAYERS.convert("RGBA"), "WEBP", {"lossless": True, "exact": True}, ON_WHITE, 1),
    "P": (with_palette(), "PNG", {}, 255 - GRAY, 0),
    "P transparent": (with_palette(), "PNG", {"transparency": 100}, np.where(GRAY == 100, 255, 255 - GRAY), 0),
    "GIF transparent": (with_palette(), "GIF", {"transparency": 100}, np.where(GRAY == 100, 255, 255 - GRAY), 0),
    "L color key": (gray(), "PNG", {"transparency": 100}, KEYED, 0),
    "RGB color key": (gray().convert("RGB"), "PNG", {"transparency": (100, 100, 100)}, KEYED, 0),
    "PGM": (gray(), "PPM", {}, GRAY, 0),
}


def file_of(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def shown(content: bytes) -> np.ndarray:
    return np.asarray(open_image(content).convert("L")).astype(int)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_is_read_pixel_by_pixel(mode: str):
    image, form, options, expected, off = MODES[mode]
    assert np.abs(shown(file_of(image, form, **options)) - expected).max() <= off


@pytest.mark.parametrize("mode", MODES)
def test_a_large_image_is_the_same_image_smaller(mode: str, monkeypatch: pytest.MonkeyPatch):
    image, form, options, expected, off = MODES[mode]
    large = image.resize((3 * image.width, 3 * image.height), Image.Resampling.NEAREST)
    content = file_of(large, form, **options)
    assert shown(content).shape == (90, 120)
    monkeypatch.setattr(images, "_LARGE", GRAY.size)
    monkeypatch.setattr(images, "_BAND", 7)
    # The mean of transparent pixels is taken of their colors times their alpha, and is off by one more.
    assert np.abs(shown(content) - expected).max() <= 3 * off


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("large", [False, True])
def test_orientation_is_honored(orientation: int, form: str, large: bool, monkeypatch: pytest.MonkeyPatch):
    quarters = np.zeros((80, 120), np.uint8)
    quarters[:40, 60:], quarters[40:, :60], quarters[40:, 60:] = 80, 160, 240
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = gray(quarters).convert("RGB")
    stored.getexif()[ExifTags.Base.Orientation] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored).convert("L")).astype(int)
    content = file_of(gray(quarters).convert("RGB"), form, exif=exif)
    if large:
        monkeypatch.setattr(images, "_LARGE", quarters.size // 4)
        upright = upright[::2, ::2]
    assert np.abs(shown(content) - upright).mean() < 3


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_of_a_phone_is_turned_once(orientation: int):
    """A phone says it twice: by the box irot, which decoders apply, and by EXIF."""
    image = gray().resize((120, 80)).convert("RGB")
    image.getexif()[ExifTags.Base.Orientation] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image).convert("L")).astype(int)
    image.info["exif"] = image.getexif().tobytes()
    content = file_of(image, "HEIF")
    assert (b"irot" in content) == (orientation != 1) and b"Exif" in content
    assert shown(content).shape == upright.shape
    assert np.abs(shown(content) - upright).mean() < 20


@pytest.mark.parametrize("form", ["GIF", "TIFF", "PNG", "WEBP", "AVIF", "HEIF"])
def test_the_first_frame_counts(form: str):
    frames = [gray(np.full((64, 64), level, np.uint8)).convert("RGB") for level in (40, 200, 120)]
    content = file_of(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(shown(content) - 40).max() < 3


def test_every_suffix_is_that_of_a_format_that_is_read(tmp_path: Path):
    for form, suffixes in FORMATS.items():
        pillow = {"WebP": "WEBP", "HEIC": "HEIF", "PNM": "PPM"}.get(form, form)
        for suffix in suffixes:
            (tmp_path / f"image{suffix}").write_bytes(file_of(gray(), pillow))
            assert open_image(tmp_path / f"image{suffix}").size == (40, 30)
    assert not set(SUFFIXES) & set(OTHER_SUFFIXES)


def test_a_raw_file_is_not_read_as_the_thumbnail_in_it(tmp_path: Path):
    (tmp_path / "photo.DNG").write_bytes(file_of(gray(), "TIFF"))
    with pytest.raises(UserError, match=r"photo\.DNG cannot be read: it is a raw file of a camera; save as PNG or J"):
        open_image(tmp_path / "photo.DNG")


@pytest.mark.parametrize("name", ["drawing.svg", "scan.pdf"])
def test_a_file_of_another_kind_is_one_line_with_what_to_do(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"%PDF-1.7" if name.endswith("pdf") else b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(UserError, match=r"no image of a known format \(PNG, .*, HEIC, PNM\); save as PNG or JPEG$"):
        open_image(tmp_path / name)


def test_a_socket_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("image.png")
        with pytest.raises(UserError, match=r"image\.png cannot be read: it is a folder, a pipe, a socket or a device"):
            open_image("image.png")


MAKE = """\
import json, sys
from PIL import Image
mode, color, path, options = json.loads(sys.argv[1])
Image.new(mode, (9380, 9380), tuple(color) if isinstance(color, list) else color).save(path, **options)
"""
PEAK = """\
import re, sys
from pathlib import Path
from inkproof.preprocessing.canvas import to_canvas
from inkproof.data.images import open_image
from inkproof.runtime.errors import UserError
try:
    (to_canvas if sys.argv[2] == "predict" else open_image)(sys.argv[1])
except UserError as error:
    print(error, file=sys.stderr)
# The peak since this program began. That of getrusage counts the process that started it, too.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""
LARGE = {
    "16-bit.png": ("I;16", 0, {"compress_level": 1}),
    "rgba.png": ("RGBA", [9, 9, 9, 200], {"compress_level": 1}),
    "cmyk.tif": ("CMYK", [9, 9, 9, 200], {"compression": "tiff_lzw"}),
    "float.tif": ("F", 0, {"compression": "tiff_lzw"}),
    "progressive.jpg": ("RGB", [9, 9, 9], {"progressive": True, "subsampling": 0}),
    "photo.webp": ("RGBA", [9, 9, 9, 200], {"method": 0, "quality": 10}),
}


@pytest.mark.parametrize("name", ["16-bit.png", *(pytest.param(one, marks=pytest.mark.slow) for one in [*LARGE][1:])])
def test_an_image_of_88_megapixels_takes_less_than_a_gigabyte(name: str, tmp_path: Path):
    mode, color, options = LARGE[name]
    # In a process of its own, since Linux counts the peak of a parent as that of its child.
    made = json.dumps([mode, color, str(tmp_path / name), options])
    subprocess.run([sys.executable, "-c", MAKE, made], check=True, timeout=120)
    for how in ("predict", "import"):
        command = [sys.executable, "-c", PEAK, str(tmp_path / name), how]
        environment = {"PYTHONPATH": str(Path(images.__file__).parents[2])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        assert int(done.stdout) < 1000, f"{how}: {done.stdout} MB"
        assert ("50,000,000; save it smaller" in done.stderr) == (name == "photo.webp"), done.stderr


def test_an_image_of_far_too_many_pixels_is_named_with_the_limit(tmp_path: Path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        file += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    (tmp_path / "large.png").write_bytes(file)
    with pytest.raises(UserError, match=r"large\.png cannot be read: it has more than 89,478,485 pixels; save it"):
        open_image(tmp_path / "large.png")
