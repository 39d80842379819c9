"""Run `dvc repro TARGET...` with one line a stage, the rest in a log: python .dvc/repro.py HOW_LONG [TARGET]."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

LOG = Path("runs", "repro.log")
LAST = 20  # lines of the log that a failure shows


def main(how_long: str, *targets: str) -> int:
    """Return DVC's exit code. `how_long` says what the whole takes, before it starts.

    Raises KeyboardInterrupt once DVC has ended, too.
    """
    graph = subprocess.run(["dvc", "dag", "--mermaid", *targets], stdout=subprocess.PIPE, text=True, check=False)
    if graph.returncode:
        return graph.returncode
    total = len(re.findall(r"^\tnode\d+\[", graph.stdout, re.MULTILINE))
    print(f"{total} stages: {how_long}. Stages that are done already are not run again.", flush=True)
    LOG.parent.mkdir(exist_ok=True)
    command = ["dvc", "repro", *targets]
    dvc = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    number, began, running = 0, time.monotonic(), False
    assert dvc.stdout is not None
    try:
        with LOG.open("w", encoding="utf-8") as log:
            for line in dvc.stdout:
                log.write(line)
                log.flush()
                stage = re.match(r"(Running stage|Stage) '(.+?)'(?::| (?:didn't change|is cached))", line)
                if stage is None:
                    continue
                if running:
                    print(f"{time.monotonic() - began:.0f} s", flush=True)
                number, began, running = number + 1, time.monotonic(), stage[1] != "Stage"
                end = "" if running else "unchanged\n"
                print(f"stage {number} of {total}: {stage[2]} ... {end}", end="", flush=True)
        code = dvc.wait()
    except KeyboardInterrupt:  # DVC and its stage have it, too, and they have any further one
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        dvc.communicate()  # it may have much to print
        raise
    if running:
        print("failed" if code else f"{time.monotonic() - began:.0f} s")
    if code:
        print("".join(LOG.read_text(encoding="utf-8").splitlines(keepends=True)[-LAST:]).rstrip(), file=sys.stderr)
        print(f"dvc repro failed; these are the last lines of {LOG}", file=sys.stderr)
    else:
        print(f"Details: {LOG}", flush=True)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        print(f"\ninterrupted; run the same command again: stages that ended are not repeated. Details: {LOG}")
        sys.exit(130)
