"""Keras model to Core ML: a package that Xcode shows as a classifier of grey pictures.

coremltools is an extra (requirements-coreml.lock), and computing with a package takes macOS; `mil_program` proves it
elsewhere.
"""

import importlib.util
import json
import logging
import uuid
from pathlib import Path
from typing import Any

import keras

from inkproof.exporting.described import AUTHOR, LABELS, LICENCE, SUMMARY, version
from inkproof.quiet import quiet_stderr
from inkproof.scoring.rejection import Rule

INPUT, DIGIT = "image", "digit"
PROBABILITIES = f"{DIGIT}_probs"  # as coremltools calls them after the digit


def is_installed() -> bool:
    """Return whether coremltools can be imported."""
    return importlib.util.find_spec("coremltools") is not None


def write_coreml(model: keras.Model, path: Path, rule: Rule, name: str, commit: str) -> None:
    """Write `model`, from (B, 28, 28, 1) in 0 to 255 to probabilities, as the package `path` (.mlpackage).

    Its input `image` is a grey picture of 28 x 28, white ink on black; its outputs are `digit`, a label "0" to "9",
    and `digit_probs`, a dictionary from label to probability. The picture goes in with scale 1 and bias 0, since the
    model scales it itself. float32 throughout, iOS 15 and macOS 12 on. `rule`, by the largest probability, stands among
    the metadata with the run `name` and the commit that trained it.
    """
    with quiet_stderr():
        import coremltools as ct

        logging.getLogger("coremltools").setLevel(logging.ERROR)
        picture = ct.ImageType(
            name=INPUT, shape=(1, 28, 28, 1), scale=1.0, bias=0.0, color_layout=ct.colorlayout.GRAYSCALE
        )
        entry = keras.Input((28, 28, 1), name=INPUT)  # whatever the model calls it
        package = ct.convert(
            keras.Model(entry, model(entry)),  # a functional model: others are refused
            source="tensorflow",
            convert_to="mlprogram",
            inputs=[picture],
            classifier_config=ct.ClassifierConfig(LABELS, predicted_feature_name=DIGIT),
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS15,
        )
        package.author, package.license = AUTHOR, LICENCE
        package.short_description, package.version = SUMMARY, version(commit)
        package.input_description[INPUT] = "White ink on black, 28 x 28, set into the frame as in MNIST"
        package.output_description[DIGIT] = "The digit that is most likely"
        package.output_description[PROBABILITIES] = "The probability of each digit"
        package.user_defined_metadata.update(
            {"model": name, "git_commit": commit, "rule": rule.name, "threshold": repr(rule.threshold)}
        )
        package.user_defined_metadata.pop("com.github.apple.coremltools.conversion_date", None)  # same model, same file
        package.save(str(path))
    _name_parts(path / "Manifest.json")


def _name_parts(manifest: Path) -> None:
    """Name the parts of a package after what they are, in place of random numbers: same model, same manifest."""
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    new = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, part["path"])) for old, part in content["itemInfoEntries"].items()}
    content["itemInfoEntries"] = {new[old]: part for old, part in content["itemInfoEntries"].items()}
    content["rootModelIdentifier"] = new[content["rootModelIdentifier"]]
    manifest.write_text(json.dumps(content, indent=4, sort_keys=True) + "\n", encoding="utf-8")
