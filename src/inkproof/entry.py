"""What every Hydra entry point shares: composition, one-line errors, exit codes."""

import difflib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from inkproof.cores import share, use_threads
from inkproof.errors import UserError
from inkproof.importing import large_libraries
from inkproof.paths import ROOT
from inkproof.store_address import explain as explain_tracking

# Conditions of the machine, not of the code: worth one line rather than a traceback.
MENDABLE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EEXIST: "a file stands where a folder should be",
}


def entry(config_name: str) -> Callable[[Callable[[Any], Any]], Callable[[], None]]:
    """Return a decorator that makes `task(cfg)` the main function of a script.

    `config_name` is a file in conf/. A mistake of the user ends in one line on stderr and exit code 2.
    """

    def decorate(task: Callable[[Any], Any]) -> Callable[[], None]:
        def main() -> None:
            with large_libraries():
                import hydra

            process = os.getpid()

            @functools.wraps(task)
            def checked(cfg: Any) -> Any:
                worker = os.getpid() != process
                if worker:
                    use_threads(_threads_of_worker())
                try:
                    return task(cfg)
                except Exception as error:
                    # Hydra would print the overrides above our line; a launcher's worker must not exit, though.
                    if worker or explain(error) is None:
                        raise
                    fail(script, error)

            os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us instead of being printed by Hydra
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            script = Path(sys.argv[0]).name
            run(script, functools.partial(_arrange_arguments, sweeps=config_name == "config"))
            run(
                script,
                lambda: hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name=config_name)(
                    checked
                )(),
            )

        return main

    return decorate


def _threads_of_worker() -> int:
    """The cores for each process of a sweep on this machine; other launchers than joblib see to that themselves."""
    from hydra.core.hydra_config import HydraConfig

    return share(int(HydraConfig.get().launcher.get("n_jobs", 1)))


def _arrange_arguments(sweeps: bool) -> None:
    """Put -m first, as Hydra's parser wants it; raise UserError for what a script that makes one thing cannot do."""
    flags = [word for word in sys.argv[1:] if word in ("-m", "--multirun")]
    others = [word for word in sys.argv[1:] if word not in flags]
    sys.argv[1:] = flags + others
    if sweeps:
        if flags and "--cfg" in others:
            raise UserError(f"--cfg with {flags[0]}: a sweep has many configurations; leave one of the two out")
        return
    if flags:
        raise UserError(f"{flags[0]}: one model at a time here; only train.py runs sweeps")
    for word in others:
        if word.startswith("+"):
            raise UserError(f"{word}: an option that does nothing; write key=value with a key that --cfg job shows")


def run(script: str, work: Callable[[], Any]) -> None:
    """Call `work`; print what a user can mend as one line under the name `script` and exit with 2."""
    try:
        work()
    except KeyboardInterrupt:
        print(f"{script}: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if explain(error) is None:
            raise
        fail(script, error)


def fail(script: str, error: Exception) -> NoReturn:
    """End the process with the line that `explain` has for `error`, and exit code 2."""
    print(f"{script}: error: {explain(error)}", file=sys.stderr)
    sys.exit(2)


def explain(error: BaseException) -> str | None:
    """Return the line that tells a user how to mend `error`, or None when it is not the user's to mend."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in MENDABLE:
        where = f": {error.filename}" if error.filename else ""
        return f"{MENDABLE[error.errno]}{where}; mend that and give the same command again"
    if type(error).__module__.split(".")[0] in ("hydra", "omegaconf"):
        return _explain_config(error)
    if isinstance(error, ValueError) and str(error).startswith("Config group override"):  # Hydra's own for model=1
        return f"model=, data=, aug= and their like take the name of a file in conf/: {error}"
    return explain_tracking(error)


def in_one_line(error: BaseException) -> str:
    """Return what `explain` says of an error, or else its type and its words."""
    return explain(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"


def _explain_config(error: BaseException) -> str | None:
    from hydra.errors import InstantiationException, MissingConfigException, OverrideParseException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return _unknown(f"{group}={name}", group, name, error.options or [])
    if isinstance(error, OverrideParseException):
        return f"cannot read the override {error.override!r}: write key=value ({_first_line(error)})"
    if isinstance(error, InstantiationException):
        return f"this configuration cannot be built: {' '.join(str(error).split())}"
    cause: Any = error.__cause__
    parent = getattr(cause, "parent_node", None)
    if parent is not None and getattr(cause, "full_key", None):
        keys = sorted(str(key) for key in parent if not str(key).startswith(("_", "hydra")))
        return _unknown(str(cause.full_key), "key", str(cause.key), keys)
    return " ".join(str(error).split())


def _unknown(what: str, kind: str, name: str, choices: Iterable[str]) -> str:
    ordered: Sequence[str] = sorted(choices)
    close = difflib.get_close_matches(name, ordered, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{what}: there is no such {kind}; {hint}choose one of: {', '.join(ordered)}"


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
