"""Normalizer as a layer: what goes in and out, its switches, and where it is the method `mnist_style`."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import inkproof
from inkproof.preprocessing.canvas import to_canvas
from inkproof.preprocessing.convert import foreign_operators, merge
from inkproof.preprocessing.methods import apply_method
from inkproof.preprocessing.normalizer import THINNEST, WIDEST, Normalizer
from inkproof.preprocessing.normalizer_part import marking_part, shrinking_part
from inkproof.preprocessing.outline import stroke_width
from inkproof.preprocessing.strokes import render, render_in_pixels
from support.ink_drawings import BY_DIGIT, center_of_mass, drawn, nearest_shift, normalized

pytestmark = pytest.mark.xdist_group("tensorflow")

STEPS = ("polarity", "contrast", "specks", "box", "stroke_width", "center")
AS_MNIST = {"contrast": False, "specks": False, "stroke_width": False}


def width_of(output):
    """Mean stroke width of an output in its pixels."""
    fine = np.kron(output / 255, np.ones((3, 3))).astype(np.float32)
    return float(stroke_width(fine[None])[0, 0]) / 3


@pytest.mark.parametrize("shape", [(28, 28), (280, 280), (57, 91), (300, 40), (1, 1), (2, 5), (3, 400)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_size_and_type_gives_outputs_of_whole_levels(shape, dtype):
    images = np.full((3, *shape), 255, dtype)
    images[1, shape[0] // 3 : shape[0] // 2 + 1, shape[1] // 3 : shape[1] // 2 + 1] = 0
    outputs = Normalizer()(images).numpy()
    assert outputs.shape == (3, 28, 28, 1)
    assert outputs.dtype == np.float32
    assert outputs.min() >= 0 and outputs.max() <= 255
    assert np.array_equal(outputs, np.rint(outputs))
    assert np.array_equal(outputs, Normalizer()(images[..., None]).numpy())
    assert not outputs[0].any() and not outputs[2].any()


@pytest.mark.parametrize("shape", [(None, None, 28), (None, 28, None, 1), (None, 28, 28, 3), (28, 28), (None, 0, 28)])
def test_other_shapes_are_rejected(shape):
    with pytest.raises(ValueError, match="images are"):
        Normalizer().build(shape)


def test_an_image_does_not_depend_on_its_batch():
    canvases = np.stack([drawn(digit, brush) for digit in BY_DIGIT for brush in (8, 20, 32)])
    together = normalized(canvases)
    for index in (0, 7, 29):
        assert np.array_equal(together[index], normalized(canvases[index : index + 1])[0])


def test_it_is_saved_with_its_switches(tmp_path):
    switches = {name: index % 2 == 0 for index, name in enumerate(STEPS)}
    inputs = keras.Input((280, 280), dtype="uint8")
    model = keras.Model(inputs, Normalizer(**switches)(inputs))
    model.save(tmp_path / "ink.keras")
    loaded = keras.saving.load_model(tmp_path / "ink.keras")
    config = loaded.layers[-1].get_config()
    assert {name: config[name] for name in STEPS} == switches
    canvas = drawn(4)[None]
    assert np.array_equal(loaded(canvas), model(canvas))
    assert loaded.output_shape == (None, 28, 28, 1)


def test_it_stays_in_float32_under_every_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        outputs = Normalizer()(drawn(5)[None]).numpy()
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs.dtype == np.float32
    assert np.array_equal(outputs[0, :, :, 0], normalized(drawn(5)[None])[0])


@pytest.mark.parametrize("brush", [8, 20, 32])
@pytest.mark.parametrize("ink", [0, 90])
def test_without_contrast_specks_and_stroke_width_it_is_the_method_mnist(brush, ink):
    canvases = np.stack([drawn(digit, brush, ink=ink) for digit in BY_DIGIT])
    for images in (canvases, 255 - canvases):
        difference = normalized(images, **AS_MNIST).astype(int) - apply_method("mnist_style", images)
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("brush", [8, 20, 32])
def test_contrast_and_specks_leave_clean_ink_alone(brush):
    canvases = np.stack([drawn(digit, brush) for digit in BY_DIGIT])
    difference = normalized(canvases, stroke_width=False).astype(int) - apply_method("mnist_style", canvases)
    assert np.abs(difference).max() <= 1


def test_an_image_as_mnist_is_comes_back_as_it_is():
    outputs = apply_method("mnist_style", np.stack([drawn(digit, 18) for digit in BY_DIGIT]))
    inside = [THINNEST + 0.1 < width_of(output) < WIDEST - 0.1 for output in outputs]
    assert sum(inside) >= 5
    again = normalized(outputs)
    assert sum(np.array_equal(one, before) for one, before in zip(again[inside], outputs[inside], strict=True)) >= 4
    assert max(nearest_shift(output, before) for output, before in zip(again[inside], outputs[inside], strict=True)) < 1


@pytest.mark.parametrize("digit", BY_DIGIT)
@pytest.mark.parametrize("brush", [3, 8, 14, 20, 26, 32])
def test_strokes_come_to_mnists_width(digit, brush):
    output = normalized(drawn(digit, brush)[None])[0]
    assert THINNEST - 0.3 < width_of(output) < WIDEST + 0.5
    rows, columns = np.flatnonzero((output > 64).any(axis=1)), np.flatnonzero((output > 64).any(axis=0))
    assert 19 <= max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 <= 21
    assert all(abs(place - 14) < 0.8 for place in center_of_mass(output))


def test_a_switch_switches_its_step_off():
    slanted = drawn(7, 30) * 0.6 + np.linspace(0, 90, 280)
    slanted[5:12, 200:207] = 0
    canvas = slanted.astype(np.uint8)[None]
    everything = normalized(canvas)
    for name in STEPS:
        assert not np.array_equal(normalized(canvas, **{name: False}), everything), name
    assert not normalized(drawn(6)[None], polarity=False).any()  # there, ink is light
    assert np.array_equal(normalized(255 - drawn(6)[None], polarity=False), normalized(drawn(6)[None]))


def test_without_the_box_the_whole_image_is_the_output():
    canvas = drawn(7, 20)
    whole = normalized(canvas[None], box=False, center=False, **AS_MNIST)[0]
    assert np.abs(whole.astype(int) - apply_method("polarity", canvas[None])[0]).max() <= 1
    moved = normalized(np.roll(canvas, (40, -30), (0, 1))[None], box=False, **AS_MNIST)[0]
    assert all(abs(place - 14) <= 0.51 for place in center_of_mass(moved))


def test_without_the_center_the_box_is_in_the_middle():
    output = normalized(drawn(7, 14)[None], center=False)[0]
    rows = np.flatnonzero((output > 64).any(axis=1))
    assert abs(rows[0] - 4) <= 1 and abs(rows[-1] - 23) <= 1
    assert abs(center_of_mass(output)[0] - 13.5) > 1


def test_one_hard_pixel_becomes_a_smooth_stroke():
    small = render_in_pixels(BY_DIGIT[0])
    output = normalized(small[None])[0]
    assert np.array_equal(normalized(to_canvas(small)[None])[0], output)
    assert width_of(output) > THINNEST - 0.3
    smooth = normalized(drawn(0, 10)[None])[0].astype(int)
    stairs = apply_method("mnist_style", to_canvas(small)[None])[0]
    moved = [np.roll(smooth, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(np.abs(one - output).mean() for one in moved) < min(np.abs(one - stairs).mean() for one in moved)


def test_it_converts_to_builtin_operators_and_returns_what_keras_does(normalizer):
    from ai_edge_litert.interpreter import Interpreter

    assert foreign_operators(normalizer) == []
    assert len(normalizer) < 600_000
    layer = Normalizer()
    marking = merge([shrinking_part(), marking_part()], ["marks"])  # weights of eight bits, as in the file
    network = Interpreter(model_content=marking).get_signature_runner()
    interpreter = Interpreter(model_content=normalizer, num_threads=1)
    interpreter.allocate_tensors()
    (output,) = (
        output["index"] for output in interpreter.get_output_details() if tuple(output["shape"]) == (1, 28, 28)
    )
    noise = np.random.default_rng(4).normal(0, 15, (280, 280))
    noisy = np.clip(drawn(3) * 0.6 + 60 + noise, 0, 255).astype(np.uint8)
    canvases = [drawn(8, 32), drawn(2, 4), to_canvas(render_in_pixels(BY_DIGIT[9])), noisy, render([])]
    for canvas in canvases:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], canvas[None])
        interpreter.invoke()
        images = canvas[None].astype(np.float32)
        mask = network(canvas=canvas[None])["marks"]
        expected = np.asarray(layer(images, ink_mask=mask))[0, :, :, 0]
        # A level that lies between two may be rounded to either.
        assert np.abs(interpreter.get_tensor(output)[0] - expected).max() <= 1


def test_what_prepares_canvases_is_imported_without_tensorflow():
    script = (
        "import sys\n"
        "from inkproof.preprocessing import canvas, methods, strokes\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    source = Path(inkproof.__file__).parents[1]
    subprocess.run([sys.executable, "-c", script], cwd=source, env=os.environ, check=True)


@pytest.mark.slow
@pytest.mark.skipif("INKPROOF_MIRROR" not in os.environ, reason="needs MNIST in the folder INKPROOF_MIRROR")
def test_mnist_itself_comes_back_nearly_unchanged():
    file = Path(os.environ["INKPROOF_MIRROR"]) / "mnist" / "train-images-idx3-ubyte.gz"
    images = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)[:2000]
    assert (normalized(images, **AS_MNIST) == images).all(axis=(1, 2)).mean() > 0.99
    outputs = normalized(images)
    assert (outputs == images).all(axis=(1, 2)).mean() > 0.45
    assert np.median([nearest_shift(output, image) for output, image in zip(outputs, images, strict=True)]) < 2
