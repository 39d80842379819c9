"""Keras model to Core ML: a package that Xcode shows as a classifier of gray images.

coremltools is an extra (requirements/coreml.lock). Core ML itself computes on macOS alone, so `CoreMLDigits` runs a
package's program with NumPy to verify it elsewhere.
"""

import importlib.util
import json
import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import softmax

from inkproof.data.digits import IMAGE_SIDE
from inkproof.evaluation.rejection import Rule
from inkproof.exporting.metadata import AUTHOR, LABELS, LICENSE, SUMMARY, version
from inkproof.runtime.errors import UserError
from inkproof.runtime.startup import quiet_stderr

INPUT, DIGIT = "image", "digit"
PROBABILITIES = f"{DIGIT}_probs"  # as coremltools calls them after the digit


def is_installed() -> bool:
    """Return whether coremltools can be imported."""
    return importlib.util.find_spec("coremltools") is not None


def write_coreml(model: keras.Model, path: Path, rule: Rule, name: str, commit: str) -> None:
    """Write `model`, from (B, 28, 28, 1) in 0 to 255 to probabilities, as the package `path` (.mlpackage).

    Its input `image` is a gray image of 28 x 28, white ink on black. Its outputs are `digit`, a label "0" to "9", and
    `digit_probs`, a dictionary from label to probability. The image has scale 1 and bias 0, since the model scales it
    itself. It is float32 throughout, for iOS 15 and macOS 12 or later. The metadata has `rule`, by the largest
    probability, the run `name` and the commit that trained it.
    """
    with quiet_stderr():
        import coremltools as ct

        logging.getLogger("coremltools").setLevel(logging.ERROR)
        image = ct.ImageType(
            name=INPUT, shape=(1, IMAGE_SIDE, IMAGE_SIDE, 1), scale=1.0, bias=0.0, color_layout=ct.colorlayout.GRAYSCALE
        )
        entry = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 1), name=INPUT)  # whatever the model calls it
        package = ct.convert(
            keras.Model(entry, model(entry)),  # a functional model: others are rejected
            source="tensorflow",
            convert_to="mlprogram",
            inputs=[image],
            classifier_config=ct.ClassifierConfig(LABELS, predicted_feature_name=DIGIT),
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS15,
        )
        package.author, package.license = AUTHOR, LICENSE
        package.short_description, package.version = SUMMARY, version(commit)
        package.input_description[INPUT] = "White ink on black, 28 x 28, size and position as in MNIST"
        package.output_description[DIGIT] = "The digit that is most likely"
        package.output_description[PROBABILITIES] = "The probability of each digit"
        package.user_defined_metadata.update(
            {"model": name, "git_commit": commit, "rule": rule.name, "threshold": repr(rule.threshold)}
        )
        package.user_defined_metadata.pop("com.github.apple.coremltools.conversion_date", None)  # same model, same file
        package.save(str(path))
    _name_parts(path / "Manifest.json")


def _name_parts(manifest: Path) -> None:
    """Give the parts of a package ids that follow from their paths, not random ones: same model, same manifest."""
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    new = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, part["path"])) for old, part in content["itemInfoEntries"].items()}
    content["itemInfoEntries"] = {new[old]: part for old, part in content["itemInfoEntries"].items()}
    content["rootModelIdentifier"] = new[content["rootModelIdentifier"]]
    manifest.write_text(json.dumps(content, indent=4, sort_keys=True) + "\n", encoding="utf-8")


_Values = dict[str, Any]


class CoreMLDigits:
    """A saved package of 28 x 28 digits, as `coreml.write_coreml` writes it.

    Attributes:
        labels: those of its probabilities.
        description: its `Model` description as coremltools has it, with inputs, outputs and metadata.
    """

    def __init__(self, path: Path) -> None:
        """Load `path`; raises UserError if it cannot be read, has another input, or an operator unknown here."""
        with quiet_stderr():
            from coremltools.converters.mil.frontend.milproto import load as milproto
            from coremltools.models.utils import load_spec
        try:
            spec = load_spec(str(path))
            weights = path / "Data" / "com.apple.CoreML" / "weights"
            program = milproto.load(spec, spec.specificationVersion, str(weights))
        except Exception as error:  # coremltools raises whatever it meets
            raise UserError(f"{path}: not a readable Core ML package; export it again ({error})") from error
        self.description = spec.description
        self._operators = list(program.functions["main"].operations)
        (entry,) = program.functions["main"].inputs.values()
        if tuple(entry.shape) != (1, 1, IMAGE_SIDE, IMAGE_SIDE):
            raise UserError(f"{path}: expected an image (1, 1, 28, 28), not {tuple(entry.shape)}")
        self._input = entry.name
        classify = self._operators.pop()
        unknown = {one.op_type for one in self._operators} - set(_OPERATORS) - {"const"}
        if classify.op_type != "classify" or unknown:
            raise UserError(f"{path}: cannot be computed here: {', '.join(sorted(unknown)) or 'it is no classifier'}")
        self._output = classify.inputs["probabilities"].name
        self.labels = [str(label) for label in classify.inputs["classes"].val]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (N, 10) for digits uint8 (N, 28, 28), white on black, computed in float32."""
        return np.stack([self._run(image) for image in images]) if len(images) else np.empty((0, 10), np.float32)

    def _run(self, image: np.ndarray) -> np.ndarray:
        known: _Values = {self._input: image[np.newaxis, np.newaxis].astype(np.float32)}
        for operator in self._operators:
            if operator.op_type == "const":
                continue
            values = {
                name: known.get(entry.name, entry.val) for name, entry in operator.inputs.items() if name != "name"
            }
            (out,) = operator.outputs
            known[out.name] = np.asarray(_OPERATORS[operator.op_type](**values), np.float32)
        return np.asarray(known[self._output][0], np.float32)


def _conv(
    x: Any, weight: Any, strides: Any, pad_type: str, pad: Any, dilations: Any, groups: Any, bias: Any = None
) -> Any:
    if set(dilations) != {1}:
        raise NotImplementedError("convolutions with dilation")
    windows = _windows(x, weight.shape[2:], strides, pad_type, pad, 0.0)
    pairs = zip(np.split(windows, groups, axis=1), np.split(weight, groups), strict=True)
    parts = [np.tensordot(part, own, axes=((1, 4, 5), (1, 2, 3))) for part, own in pairs]
    result = np.moveaxis(np.concatenate(parts, axis=3), 3, 1)
    return result if bias is None else result + bias[:, np.newaxis, np.newaxis]


def _max_pool(x: Any, kernel_sizes: Any, strides: Any, pad_type: str, pad: Any, ceil_mode: Any = False) -> Any:
    if ceil_mode:
        raise NotImplementedError("pooling that rounds up")
    return _windows(x, kernel_sizes, strides, pad_type, pad, -np.inf).max(axis=(4, 5))


def _windows(x: Any, kernel: Any, strides: Any, pad_type: str, pad: Any, value: float) -> Any:
    """Return the windows of (1, C, H, W), padded with `value`, as (1, C, H', W', rows, columns).

    Padding `same` gives ceil(side / stride) windows, the odd pixel behind.
    """
    sides = [(0, 0), (0, 0)]
    for place, (side, size, step) in enumerate(zip(x.shape[2:], kernel, strides, strict=True)):
        if pad_type == "same":
            whole = max((-(-side // step) - 1) * step + size - side, 0)
            sides.append((whole // 2, whole - whole // 2))
        elif pad_type == "custom":
            sides.append((pad[2 * place], pad[2 * place + 1]))
        elif pad_type == "valid":
            sides.append((0, 0))
        else:
            raise NotImplementedError(f"padding {pad_type}")
    padded = np.pad(x, sides, constant_values=value)
    return sliding_window_view(padded, tuple(kernel), axis=(2, 3))[:, :, :: strides[0], :: strides[1]]


def _matmul(x: Any, y: Any, transpose_x: Any = False, transpose_y: Any = False) -> Any:
    return (np.swapaxes(x, -1, -2) if transpose_x else x) @ (np.swapaxes(y, -1, -2) if transpose_y else y)


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T + (0 if bias is None else bias)


def _slice_by_index(
    x: Any,
    begin: Any,
    end: Any,
    stride: Any = None,
    begin_mask: Any = None,
    end_mask: Any = None,
    squeeze_mask: Any = None,
) -> Any:
    def given(mask: Any, place: int) -> bool:
        return mask is not None and bool(mask[place])

    index: list[int | slice] = []
    for place in range(x.ndim):
        if given(squeeze_mask, place):
            index.append(int(begin[place]))
            continue
        first = None if given(begin_mask, place) else int(begin[place])
        last = None if given(end_mask, place) else int(end[place])
        index.append(slice(first, last, None if stride is None else int(stride[place])))
    return x[tuple(index)]


_OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: np.abs(x),
    "add": lambda x, y: x + y,
    "conv": _conv,
    "exp": lambda x: np.exp(x),
    "expand_dims": lambda x, axes: np.expand_dims(x, tuple(axes)),
    "linear": _linear,
    "log": lambda x, epsilon: np.log(x + epsilon),
    "matmul": _matmul,
    "max_pool": _max_pool,
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "mul": lambda x, y: x * y,
    "real_div": lambda x, y: x / y,
    "reduce_mean": lambda x, axes, keep_dims: x.mean(axis=tuple(axes), keepdims=bool(keep_dims)),
    "reduce_sum": lambda x, axes, keep_dims: x.sum(axis=tuple(axes), keepdims=bool(keep_dims)),
    "relu": lambda x: np.maximum(x, 0),
    "reshape": lambda x, shape: x.reshape(tuple(shape)),
    "rsqrt": lambda x, epsilon: 1 / np.sqrt(x + epsilon),
    "slice_by_index": _slice_by_index,
    "softmax": lambda x, axis: softmax(x, axis=axis),
    "square": lambda x: np.square(x),
    "squeeze": lambda x, axes: np.squeeze(x, tuple(axes)),
    "sub": lambda x, y: x - y,
    "transpose": lambda x, perm: np.transpose(x, tuple(perm)),
}
