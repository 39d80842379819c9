"""Workers of this machine that end with the process that started them, however that was killed."""

import os
import threading
import time

PERIOD = 1.0  # seconds between two looks
_watching = threading.Lock()


def end_with_parent(parent: int) -> None:
    """End this process within seconds of the end of the process `parent`, if that started it; returns at once.

    joblib's workers wait for more work when their executor is killed, and first finish what they have: minutes or hours
    in which a study that was killed computes on. What they leave is what any killed training leaves.
    """
    if os.getppid() != parent or not _watching.acquire(blocking=False):
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
