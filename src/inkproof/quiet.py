"""Keep TensorFlow's start-up chatter off the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Swallow what is written to the process's stderr inside the block; show it when the block fails.

    TensorFlow's C++ code logs before its logging can be configured, so no log level silences it
    (tensorflow/tensorflow#100442); only the file descriptor can be turned away.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            os.dup2(kept, 2)
            sink.seek(0)
            os.write(2, sink.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and look for devices, without their greetings."""
    with quiet_stderr():
        import keras  # noqa: F401  (imported here so that later imports are silent)
        import tensorflow as tf

        tf.config.list_physical_devices()
