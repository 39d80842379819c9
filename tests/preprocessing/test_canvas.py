"""to_canvas: every format, depth and orientation an image comes in, and the message for a broken one."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkproof.data.drawings import Drawing
from inkproof.preprocessing.canvas import load_canvases, to_canvas
from inkproof.preprocessing.methods import apply_method
from inkproof.preprocessing.strokes import render
from inkproof.runtime.errors import UserError

TWO = render([[(80, 90), (140, 60), (190, 110), (80, 220), (200, 220)]])


def close(canvas, expected=TWO, mean=1.0):
    assert canvas.shape == (280, 280)
    assert canvas.dtype == np.uint8
    assert np.abs(canvas.astype(int) - expected).mean() <= mean


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_each_format_is_loaded(tmp_path, suffix, mode):
    path = tmp_path / f"two.{suffix}"
    Image.fromarray(TWO).convert(mode).save(path)
    close(to_canvas(path))
    close(to_canvas(str(path)))
    close(to_canvas(path.read_bytes()))


def test_a_lossless_canvas_comes_back_exactly(tmp_path):
    Image.fromarray(TWO).save(tmp_path / "two.png")
    assert np.array_equal(to_canvas(tmp_path / "two.png"), TWO)
    assert np.array_equal(to_canvas(TWO), TWO)
    assert np.array_equal(to_canvas(Image.fromarray(TWO)), TWO)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    turned = {
        1: TWO, 2: TWO[:, ::-1], 3: TWO[::-1, ::-1], 4: TWO[::-1],
        5: TWO.T, 6: np.rot90(TWO), 7: TWO[::-1, ::-1].T, 8: np.rot90(TWO, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "two.jpg", exif=exif, quality=95)
    close(to_canvas(tmp_path / "two.jpg"))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_brought_to_eight(tmp_path, suffix):
    Image.fromarray(TWO.astype(np.uint16) * 257).save(tmp_path / f"two.{suffix}")
    assert Image.open(tmp_path / f"two.{suffix}").mode.startswith("I")
    assert np.array_equal(to_canvas(tmp_path / f"two.{suffix}"), TWO)


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param(TWO.astype(np.uint16) * 257, id="uint16"),
        pytest.param(TWO.astype(np.int32), id="int32 of 8 bits"),
        pytest.param(TWO.astype(np.int32) * 257, id="int32 of 16 bits"),
        pytest.param(TWO.astype(np.int32) * 1_000_000, id="int32"),
        pytest.param(TWO / 255, id="float 0 to 1"),
        pytest.param(TWO / 127.5 - 1, id="float -1 to 1"),
        pytest.param(TWO.astype(np.float32), id="float 0 to 255"),
        pytest.param(TWO[:, :, None], id="one channel"),
        pytest.param(np.dstack([TWO, TWO, TWO]), id="RGB"),
        pytest.param(np.dstack([TWO, np.full_like(TWO, 255)]), id="LA"),
        pytest.param(np.dstack([0 * TWO, 0 * TWO, 0 * TWO, 255 - TWO]), id="black under alpha"),
        pytest.param(TWO[::-1][::-1], id="not contiguous"),
    ],
)
def test_arrays_of_any_type_are_converted(levels):
    close(to_canvas(levels), mean=0.01)


def test_an_array_of_booleans_is_black_and_white():
    assert np.array_equal(to_canvas(TWO > 127), np.where(TWO > 127, 255, 0))


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((0, 5)), np.zeros(5), np.zeros((5, 5, 5)), np.zeros((2, 5, 5, 3)), np.full((5, 5), "x")],
)
def test_what_is_no_image_array_is_rejected(wrong):
    with pytest.raises(ValueError, match="image"):
        to_canvas(wrong)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_each_pillow_mode_is_converted(mode):
    image = Image.fromarray(np.where(TWO > 127, 255, 0).astype(np.uint8))
    image = image.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr") else image.convert(mode)
    close(to_canvas(image), np.where(TWO > 127, 255, 0))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_paper(tmp_path, mode):
    image = Image.merge("LA", (Image.new("L", (280, 280), 0), Image.fromarray(255 - TWO)))
    image.convert(mode).save(tmp_path / "two.png")
    close(to_canvas(tmp_path / "two.png"), mean=0.01)


def test_white_ink_on_a_transparent_ground_is_seen(tmp_path):
    image = Image.merge("LA", (Image.new("L", (280, 280), 255), Image.fromarray(255 - TWO)))
    image.save(tmp_path / "two.png")
    close(to_canvas(tmp_path / "two.png"), 255 - TWO, mean=0.01)


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_a_transparent_palette_color_is_paper(tmp_path, suffix):
    indices = np.where(TWO > 127, 0, 1).astype(np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putpalette([200, 0, 0, 0, 0, 0])
    image.save(tmp_path / f"two.{suffix}", transparency=0)
    close(to_canvas(tmp_path / f"two.{suffix}"), np.where(TWO > 127, 255, 0))


@pytest.mark.parametrize("suffix", ["gif", "tif"])
def test_the_first_frame_counts(tmp_path, suffix):
    frames = [Image.fromarray(TWO), Image.new("L", (280, 280), 0)]
    frames[0].save(tmp_path / f"two.{suffix}", save_all=True, append_images=frames[1:])
    close(to_canvas(tmp_path / f"two.{suffix}"))


@pytest.mark.parametrize("ground", [255, 240, 0])
@pytest.mark.parametrize("shape", [(400, 200), (200, 400), (60, 90), (3000, 1), (1, 7)])
def test_padding_takes_the_color_of_the_border(ground, shape):
    canvas = to_canvas(np.full(shape, ground, np.uint8))
    assert (canvas == ground).all()


def test_an_image_that_is_no_square_is_centered_with_its_aspect():
    wide = np.full((100, 400), 255, np.uint8)
    wide[40:60, 100:300] = 0
    canvas = to_canvas(wide)
    rows, columns = np.flatnonzero((canvas < 128).any(axis=1)), np.flatnonzero((canvas < 128).any(axis=0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (133, 147, 70, 210)


@settings(max_examples=25)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 255))
def test_every_size_gives_a_canvas_without_new_levels(height, width, level):
    image = np.full((height, width), 255, np.uint8)
    image[height // 3 : height // 2, width // 3 : width // 2] = level
    canvas = to_canvas(image)
    assert canvas.shape == (280, 280)
    assert canvas.min() >= level  # a filter that overshoots would draw darker or lighter outlines


def test_shrinking_averages_what_a_hairline_leaves():
    large = np.full((1400, 1400), 255, np.uint8)
    large[:, 700] = 0
    ink = (255 - to_canvas(large).astype(float)).sum(axis=1) / 255
    assert ink == pytest.approx(np.full(280, 1 / 5), abs=0.02)


def test_a_drawing_of_28_by_28_becomes_blocks_and_shrinks_back_to_itself():
    small = np.random.default_rng(5).integers(0, 256, (28, 28), dtype=np.uint8)
    canvas = to_canvas(small)
    assert np.array_equal(canvas, np.kron(small, np.ones((10, 10), np.uint8)))
    assert np.array_equal(apply_method("tutorial", canvas[None])[0], 255 - small)


def png(width, height, rows=b""):
    """A PNG of any claimed size, whatever its data hold."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [10_000, 60_000])  # beyond Pillow's limit, and beyond twice that
def test_a_decompression_bomb_is_rejected_before_it_is_unpacked(tmp_path, side, recwarn):
    (tmp_path / "bomb.png").write_bytes(png(side, side))
    with pytest.raises(UserError, match=r"bomb\.png cannot be read: .*pixels") as error:
        to_canvas(tmp_path / "bomb.png")
    assert "\n" not in str(error.value)
    assert not recwarn.list


def encoded(form):
    buffer = io.BytesIO()
    Image.fromarray(TWO).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an image"),
        (b"hello", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
        (encoded("PNG")[:400], "."),
        (encoded("JPEG")[:600], "truncated"),
        (encoded("TIFF")[:900], "."),
        (encoded("GIF")[:300], "."),
        (encoded("BMP")[:300], "."),
        (png(280, 280, b"\x00" * 99), "."),
    ],
)
def test_a_broken_file_is_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"broken\.png cannot be read: .*{reason}") as error:
        to_canvas(path)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="upload 3 cannot be read"):
        to_canvas(content, name="upload 3")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.png cannot be read: no such file"):
        to_canvas(tmp_path / "absent.png")
    with pytest.raises(UserError, match="cannot be read: it is a folder"):
        to_canvas(tmp_path)


def test_drawings_become_canvases_in_their_order(tmp_path):
    Image.fromarray(TWO).save(tmp_path / "two.png")
    strokes = [[[10.0, 20.0], [200.0, 100.0]]]
    drawn = Drawing("s", 1, "w", "test", (500, 500), strokes, None, "2026-11-21")
    shown = Drawing("p", 2, "w", "test", (280, 280), None, "two.png", "2026-11-21")
    canvases = load_canvases(tmp_path, [drawn, shown, drawn], brush=8)
    assert np.array_equal(canvases[0], render(strokes, (500, 500), 8))
    assert np.array_equal(canvases[1], TWO)
    assert np.array_equal(canvases[2], canvases[0])
    assert load_canvases(tmp_path, []).shape == (0, 280, 280)
