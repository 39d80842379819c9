"""Start TensorFlow and MLflow quietly and sooner.

Processor time until both are imported, median of three on an AMD EPYC: 2.7 s with this module, 3.5 s with the garbage
collector on, 3.8 s with the libraries that Keras imports for parts not used here.
"""

import os
import sys


def not_installed(error: BaseException) -> str | None:
    """Return the line for a library that is missing, as it is where .venv is not active; None for any other error."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    library = error.name.partition(".")[0]
    if library == "inkproof" or library in sys.stdlib_module_names:
        return None
    return f"the library {library} is missing; run `make setup`, then `source .venv/bin/activate`"


def _end_in_one_line(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    script = os.path.basename(sys.argv[0])  # noqa: PTH119
    if issubclass(kind, KeyboardInterrupt):
        print(f"{script}: interrupted", file=sys.stderr)
    elif line := not_installed(error):
        print(f"{script}: error: {line}", file=sys.stderr)
        sys.exit(2)
    else:
        sys.__excepthook__(kind, error, trace)


# While a script imports: later its own `run` ends it. Before all other imports, because Ctrl-C may come during them.
sys.excepthook = _end_in_one_line

import gc
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Any

# What TensorFlow and MLflow read when they are imported.
for _name, _value in {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # else it logs database migrations, and errors that it raises, too
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # else a bar for three small files
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # else two lines at the end of each run on a server
}.items():
    os.environ.setdefault(_name, _value)


@contextmanager
def large_libraries() -> Iterator[None]:
    """Turn the garbage collector off within the block, and exempt what the block makes from later collections.

    An import makes some hundred thousand objects that stay. The collector would check them a dozen times, which takes a
    fifth of the start.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@contextmanager
def stderr_into(file: IO[Any]) -> Iterator[None]:
    """Send what is written to the process's stderr inside the block to `file`.

    C++ code does not use Python's stderr, so the file descriptor itself is redirected.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hide what is written to the process's stderr inside the block; show it if the block fails.

    TensorFlow logs before its logging can be configured, so no log level silences it (tensorflow/tensorflow#100442).
    """
    with tempfile.TemporaryFile() as sink:
        try:
            with stderr_into(sink):
                yield
        except BaseException:
            sink.seek(0)
            os.write(2, sink.read())
            raise


# Keras imports these for parts that are not used here. That takes a quarter of the start.
_NOT_NEEDED = ("sklearn", "matplotlib")


@contextmanager
def _left_out(names: Iterable[str]) -> Iterator[None]:
    """Within the block, these packages look as if not installed, except those already imported."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None marks an absent module
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def start_tensorflow() -> None:
    """Import TensorFlow and Keras and look for devices, without log lines and without libraries not needed here."""
    with quiet_stderr(), _left_out(_NOT_NEEDED), large_libraries():
        import keras  # noqa: F401  (imported here so that later imports are silent)
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            # Else the first process takes all memory of the GPU.
            tf.config.experimental.set_memory_growth(gpu, True)
