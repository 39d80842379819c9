"""Run several commands in one process, so that TensorFlow starts once: python one_process.py COMMANDS RESULTS.

COMMANDS is a JSON file with a list of commands, each a list of words after `python`; RESULTS becomes one with the
exit code, stdout and stderr of each, named as subprocess names them. What C++ code writes past Python's stderr is left
on the process's own.
"""

import contextlib
import io
import json
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any


def run(command: list[str]) -> dict[str, Any]:
    """Run one command as `python COMMAND` would and return how it ended."""
    written = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(buffer, "utf-8", write_through=True) for buffer in written)
    code: Any = 0
    sys.argv = command
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
    stdout, stderr = (buffer.getvalue().decode() for buffer in written)
    return {"returncode": code, "stdout": stdout, "stderr": stderr}


if __name__ == "__main__":
    commands, results = map(Path, sys.argv[1:])
    sys.path[0] = str(Path("src").resolve())
    results.write_text(json.dumps([run(command) for command in json.loads(commands.read_text())]))
