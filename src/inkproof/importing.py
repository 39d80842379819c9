"""Large libraries imported sooner: the search for dead cycles takes a quarter of the time, and finds none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def large_libraries() -> Iterator[None]:
    """Within the block nothing is collected, and what it made is never looked through again.

    An import makes some hundred thousand objects that stay; the collector would go through them a dozen times.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
