"""Functions that a file from elsewhere could have called, each with arguments that leave a trace if it is."""

from pathlib import Path
from typing import Any

from inkproof.tracking.identity import short_hash

TARGETS = (
    "numpy.testing._private.utils.runstring",
    "inkproof.runtime.files.os.system",  # names no module there; the next two do
    "inkproof.runtime.paths.os.system",
    "inkproof.tracking.mlflow_tracker.shutil.os.system",
    "keras.utils.get_file",
    "keras.saving.load_model",
)


def trap(target: str, trace: Path) -> dict[str, Any]:
    """A node that names `target`, such that `trace` appears where it is built."""
    name = target.rpartition(".")[2]
    arguments: dict[str, dict[str, Any]] = {
        "runstring": {"astr": f"open({str(trace)!r}, 'w').close()", "dict": {}},
        "system": {"command": f"touch '{trace}'"},
        "get_file": {
            **{"fname": trace.name, "origin": Path(__file__).as_uri()},
            **{"cache_dir": str(trace.parent), "cache_subdir": "."},
        },
        "load_model": {"filepath": str(trace)},
    }
    return {"_target_": target, **arguments[name]}


def poison(metadata: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The content of a run.json with `node` wherever something to be built is named, and the key that fits it."""
    config = metadata["config"]
    changed = {"model": {**config["model"], "build": node}, "optimizer": node, "callbacks": {"backup": node}}
    config = {**config, **changed}
    return {**metadata, "config": config, "key": short_hash(config, metadata["data_sha"], metadata["code_sha"])}
