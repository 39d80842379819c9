"""Train the mask network, which tells ink from ground in every canvas.tflite."""

import time

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from inkproof.config.compose import path_of
from inkproof.config.stages import MaskConfig
from inkproof.data import pens, unipen
from inkproof.data.digits import digits_file
from inkproof.data.download import prepare_absent
from inkproof.data.drawings import FILE_NAME, read_drawings
from inkproof.data.splits import train_and_val
from inkproof.datasets.ink_pages import InkPages, InkSources, ink_pages
from inkproof.preprocessing.canvas import MASK_FILE
from inkproof.preprocessing.ink_mask import mask_network, standardized
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing, write_json
from inkproof.synthetic.deform import paths_of
from inkproof.tracking.provenance import describe_machine, git_commit

_DICE = 0.1  # weight of the overlap, which counts thin ink as much as thick, beside the cross-entropy of each pixel


def train_mask(config: MaskConfig) -> dict[str, float]:
    """Train on generated pages, write models/pretrained/ink_mask.keras; return the validation loss and overlap.

    ink_mask.json beside it has these figures, the commit, the machine and the seconds, for the model card.

    The ink is of MNIST's training digits, of the training writers of pen digits and of UNIPEN, and of glyph templates.
    Validation pages have other digits and writers: those of validation.

    Raises:
        UserError: a source dataset cannot be made, or the pages fill no batch.
    """
    if config.pages < config.batch_size:
        raise UserError(f"pages={config.pages}: expected at least one batch, batch_size={config.batch_size}")
    started = time.monotonic()
    train, val = _sources(config)
    keras.utils.set_random_seed(config.seed)
    pages = ink_pages(train, config.pages, config.seed, config.workers)
    validation = ink_pages(val, config.validation_pages, config.seed + 1, config.workers)
    network = mask_network()
    steps = len(pages.pages) // config.batch_size * config.epochs
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    network.compile(keras.optimizers.Adam(rate), mask_loss, metrics=[overlap], jit_compile=False)
    history = network.fit(
        _batches(pages, config.batch_size, config.seed),
        validation_data=_batches(validation, config.batch_size, None),
        epochs=config.epochs,
        shuffle=False,  # the batches are shuffled
        verbose=2,
    )
    with replacing(MASK_FILE) as temporary:
        # Without its optimizer, which is twice as large.
        keras.Model(network.inputs, network.outputs, name=network.name).save(temporary)
    figures = {name: float(values[-1]) for name, values in history.history.items()}
    origin = {"commit": git_commit(), "machine": describe_machine(), "seconds": round(time.monotonic() - started)}
    write_json(MASK_FILE.with_suffix(".json"), origin | figures)
    return figures


def mask_loss(masks: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return the loss (B,): cross-entropy of the pixels, and one less the soft Dice overlap of the mask."""
    dice = (2 * ops.sum(masks * predicted, (1, 2, 3)) + 1) / (ops.sum(masks + predicted, (1, 2, 3)) + 1)
    return ops.mean(keras.losses.binary_crossentropy(masks, predicted), (1, 2)) + _DICE * (1 - dice)


def overlap(masks: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return the intersection over union (B,) of masks and predictions above a half; 1 where both are empty."""
    marked = ops.cast(predicted > 0.5, "float32")
    both, either = ops.sum(masks * marked, (1, 2, 3)), ops.sum(ops.maximum(masks, marked), (1, 2, 3))
    return (both + 1e-6) / (either + 1e-6)


def _sources(config: MaskConfig) -> tuple[InkSources, InkSources]:
    """What is drawn on pages for training and for validation; the datasets are made if they are absent."""
    digits, folder = digits_file(path_of(config.mnist.folder)), path_of(config.pens.folder)
    characters = path_of(config.unipen.folder)
    prepare_absent(config.mnist, digits)
    prepare_absent(config.pens, folder / FILE_NAME)
    prepare_absent(config.unipen, characters / unipen.FILE_NAME)
    train, val = train_and_val(digits, config.mnist.split)
    drawings, samples = read_drawings(folder), unipen.read(characters)
    strokes = [
        [paths_of(drawing.strokes or []) for drawing in pens.of_role(drawings, config.pens, role)]
        + [paths_of(sample.strokes) for sample in samples if sample.part == role]
        for role in ("training", "validation")
    ]
    return InkSources(train.images, strokes[0]), InkSources(val.images, strokes[1])


def _batches(pages: InkPages, size: int, seed: int | None) -> tf.data.Dataset:
    """Batches of network inputs and masks, float32; shuffled anew each epoch by a `seed`, in order without."""
    dataset = tf.data.Dataset.from_tensor_slices((pages.pages, pages.masks))
    if seed is not None:
        dataset = dataset.shuffle(len(pages.pages), seed=seed)

    def ready(images: tf.Tensor, masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return standardized(tf.cast(images, tf.float32)), tf.cast(masks, tf.float32)[..., np.newaxis]

    return dataset.batch(size, drop_remainder=seed is not None).map(ready).prefetch(4)
