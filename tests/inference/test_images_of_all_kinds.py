"""Every kind of image that Pillow can write here is classified as the digit it shows."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from inkproof.exporting.predictors import CanvasPredictor
from inkproof.inference.predict import Prediction, predict_image
from inkproof.preprocessing.canvas import to_canvas
from support.segments import DIGITS, image

DIGIT = 7  # looks like another digit when rotated or mirrored
FORMATS = {"PNG": "png", "JPEG": "jpg", "BMP": "bmp", "GIF": "gif", "TIFF": "tif"}
FORMATS |= {"WEBP": "webp", "AVIF": "avif", "HEIF": "heic"}
MODES = ("1", "L", "P", "PA", "LA", "RGB", "RGBA", "RGBX", "I;16", "I;16B", "I", "F", "CMYK", "YCbCr", "LAB", "HSV")
# How files of one kind differ: each is given to Pillow's save().
OPTIONS = {
    "PNG": [{"compress_level": 0}, {"optimize": True}, {"dpi": (300, 300)}],
    "JPEG": [{"quality": 20}, {"progressive": True}, {"subsampling": 2}, {"optimize": True}],
    "BMP": [{}],
    "WEBP": [{"lossless": True}, {"quality": 20}],
    "AVIF": [{"quality": 30}],
    "HEIF": [{"quality": 30}, {"chroma": 444}],
    "GIF": [{"interlace": 0}, {"interlace": 1}],
    "TIFF": [{"compression": kind} for kind in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg")],
}
MULTIPLE = [("GIF", {}), ("TIFF", {}), ("PNG", {"default_image": False}), ("HEIF", {})]


def in_mode(shown: Image.Image, mode: str) -> Image.Image:
    """The gray image `shown` in another mode of Pillow."""
    if mode == "LAB":
        from PIL import ImageCms

        return ImageCms.profileToProfile(
            shown.convert("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    if mode == "I;16B":
        return Image.frombytes(mode, shown.size, b"".join(bytes((level, level)) for level in shown.tobytes()))
    if mode.startswith("I"):
        wide = Image.frombytes("I;16", shown.size, b"".join(bytes((level, level)) for level in shown.tobytes()))
        return wide if mode == "I;16" else wide.convert("I")
    if mode == "PA":
        return shown.convert("P").convert("PA")
    if mode in ("RGBX", "CMYK", "YCbCr", "HSV"):
        return shown.convert("RGB").convert(mode)
    return shown.convert(mode)


def savable(mode: str, form: str) -> bool:
    try:
        in_mode(image(DIGIT), mode).save(io.BytesIO(), form)
    except (OSError, ValueError, KeyError):
        return False
    return True


PAIRS = [(mode, form) for mode in MODES for form in FORMATS if savable(mode, form)]


@pytest.fixture(scope="module")
def predictor(stand_in: Path) -> CanvasPredictor:
    return CanvasPredictor(stand_in / "canvas.tflite")


@pytest.fixture
def classifies(predictor: CanvasPredictor, tmp_path: Path):
    """A function: an image is saved as a file and must be classified as the digit it shows."""

    def check(shown: Image.Image, form: str, digit: int = DIGIT, name: str = "", **options) -> Prediction:
        path = tmp_path / (name or f"digit.{FORMATS.get(form, form.lower())}")
        shown.save(path, form, **options)
        found = predict_image(str(path), predictor)
        assert isinstance(found, Prediction), found
        assert (found.digit, found.accepted) == (digit, True)
        assert found.probability > 0.9
        return found

    return check


def test_pillow_still_writes_what_is_tested_here():
    assert {form for _, form in PAIRS} == set(FORMATS)
    assert {mode for mode, _ in PAIRS} >= {"1", "L", "P", "LA", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"}
    assert len(PAIRS) >= 35


@pytest.mark.parametrize(("mode", "form"), PAIRS)
@pytest.mark.parametrize("ink", ["black", "white"])
def test_each_mode_in_each_format(mode: str, form: str, ink: str, classifies):
    shown = image(DIGIT) if ink == "black" else ImageOps.invert(image(DIGIT))
    classifies(in_mode(shown, mode), form)


@pytest.mark.parametrize(("form", "options"), [(form, one) for form, all_ in OPTIONS.items() for one in all_])
def test_each_way_to_pack_a_format(form: str, options: dict, classifies):
    classifies(image(DIGIT).convert("L"), form, **options)
    if form != "GIF":
        classifies(image(DIGIT).convert("RGB"), form, **options)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits"])
def test_a_fax_is_read(compression: str, classifies):
    classifies(image(DIGIT).convert("1"), "TIFF", compression=compression)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_palettes_of_few_colors(bits: int, form: str, classifies):
    shown = image(DIGIT).quantize(2**bits)
    classifies(shown, form, **({"bits": bits} if form == "PNG" else {}))


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("size", [(28, 28), (56, 56), (280, 280), (281, 281), (1000, 1000), (1400, 1400)])
def test_each_digit_at_each_size(digit: int, size: tuple[int, int], classifies):
    classifies(image(digit).resize(size, Image.Resampling.BOX), "PNG", digit)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize(("left", "top"), [(40, 0), (0, 40)])
def test_an_image_that_is_no_square_is_on_paper_of_its_own_color(form: str, ink: int, left: int, top: int, classifies):
    whole = image(DIGIT) if ink == 0 else ImageOps.invert(image(DIGIT))
    classifies(whole.crop((left, top, 280 - left, 280 - top)), form)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_photograph_is_rotated_upright(orientation: int, form: str, classifies, predictor: CanvasPredictor):
    turned = {  # how the pixels lie in the file, that the tag tells the viewer to turn back
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    shown = image(DIGIT).convert("RGB")
    if orientation > 1:
        shown = shown.transpose(turned[orientation])
        unturned = predictor.predict(to_canvas(shown)[np.newaxis])
        assert unturned.probabilities[0, DIGIT] < 0.1, "this tests nothing"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    classifies(shown, form, exif=exif)


@pytest.mark.parametrize(("form", "options"), MULTIPLE)
def test_the_first_frame_of_several_counts(form: str, options: dict, classifies):
    classifies(image(DIGIT), form, save_all=True, append_images=[image(1), image(8)], **options)


@pytest.mark.parametrize("paper", [(0, 0, 0, 0), (255, 255, 255, 0), (90, 30, 200, 0)])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF"])
def test_ink_on_a_transparent_background(paper: tuple[int, ...], form: str, classifies):
    layers = Image.new("RGBA", (280, 280), paper)
    layers.paste((0, 0, 0, 255), mask=ImageOps.invert(image(DIGIT)).point(lambda level: 255 * (level > 127)))
    classifies(layers, form)


@pytest.mark.parametrize("name", ["digit", "digit.PNG", "digit.txt", "digit.jpg"])
def test_the_content_decides_not_the_name(name: str, classifies):
    classifies(image(DIGIT), "PNG", name=name)
