"""What a process does that works for another one of this machine."""

import multiprocessing
import os
import signal
import threading


def follow_parent() -> None:
    """Leave interrupts to the process that started this one, and end when that is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)  # nobody is left to hand over work

    threading.Thread(target=watch, name="follow-parent", daemon=True).start()
