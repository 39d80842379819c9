"""Composition by Hydra, for every script that takes overrides."""

import argparse
import copy
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from omegaconf import DictConfig, OmegaConf, errors

from inkproof.config import sweep
from inkproof.config.one_line import explain, fail, run
from inkproof.config.schema import Primary, TrainConfig
from inkproof.config.validation import validated
from inkproof.runtime.accelerators import take_gpu
from inkproof.runtime.errors import MissingKey, UserError
from inkproof.runtime.paths import HOME, ROOT
from inkproof.runtime.processes import share, use_threads
from inkproof.runtime.startup import large_libraries

with large_libraries():
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import OverrideType
    from hydra.errors import HydraException


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """Return `cfg` as a plain dictionary with interpolations resolved; raises UserError if one cannot be resolved."""
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except errors.OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        absent = re.match(r"Interpolation key '(.+)' not found", reason)
        if absent and (lacks := _lacking(cfg, absent[1])):
            raise UserError(f"{absent[1]}: expected a value{lacks}") from error
        raise UserError(f"the configuration cannot be resolved: {reason}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _lacking(cfg: DictConfig, key: str) -> str:
    """Return the end of a line about a missing `key`: the file of conf/ that should have it, if that is known."""
    group = key.partition(".")[0]
    part = dict(cfg.items_ex(resolve=False)).get(group)
    chosen = choices().get(group) if HydraConfig.initialized() else None
    removed = HydraConfig.initialized() and any(word.startswith("~") for word in typed())
    if removed or not isinstance(part, DictConfig):
        return ""
    file = f"conf/{group}/{chosen or part.get('name')}.yaml"
    return f"; {file} lacks the key" if (ROOT / file).is_file() else ""


def files_of(group: str) -> list[str]:
    """Return the names of the files in a group of conf/, sorted."""
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


def path_of(value: str) -> Path:
    """Return a configured path; a relative one starts at the repository's root, whatever the current folder is.

    Runs are never in DVC's temporary copy of the repository.
    """
    return (HOME if Path(value).parts[:1] == ("runs",) else ROOT) / value


Kind = TypeVar("Kind", bound=Primary)


def entry(kind: type[Kind]) -> Callable[[Callable[[Kind], Any]], Callable[[], None]]:
    """Return a decorator that makes `task(config)` the main function of a script.

    Hydra composes `config` from the file in conf/ whose type is `kind`, and it is checked. A user's mistake ends in one
    line on stderr and exit code 2.
    """

    return lambda task: functools.partial(_main, kind, task)


def _main(kind: type[Kind], task: Callable[[Kind], Any]) -> None:
    """Let Hydra compose the configuration, once or for each job of a sweep, and do the task."""
    process = os.getpid()

    @functools.wraps(task)
    def checked(cfg: Any) -> Any:
        if os.getpid() != process:  # a worker of joblib on this machine; other launchers have their own settings
            use_threads(share(int(HydraConfig.get().launcher.get("n_jobs", 1))))
            take_gpu()
        work = functools.partial(_work, kind, task, cfg, shown)
        if sweep.in_sweep():
            return sweep.job(work)
        try:
            return work()
        except Exception as error:
            if explain(error) is None:
                raise
            fail(script, error)  # if Hydra got the error, it would print the overrides first

    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach us instead of being printed by Hydra
    script = Path(sys.argv[0]).name
    run(script, functools.partial(_arrange_arguments, sweeps=kind is TrainConfig))
    if {"--help", "-h"} & {*sys.argv[1:]}:
        return run(script, lambda: print(_help(kind, sys.modules[task.__module__].__doc__ or "")))
    shown = None if kind.uses is None else _take_cfg_job()
    composed = hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name=kind.primary)
    try:
        run(script, composed(checked))
    finally:  # after an interrupt, too
        code = sweep.current().end(script)
    if code:
        sys.exit(code)


def _work(kind: type[Kind], task: Callable[[Kind], Any], cfg: DictConfig, shown: argparse.Namespace | None) -> Any:
    """Check the composed `cfg` and call `task` with it, or only print it if `--cfg job` asked for it."""
    _check_names(cfg)
    useful = without_unused(kind, cfg, typed())
    if shown is not None:
        return print(OmegaConf.to_yaml(useful, resolve=shown.resolve), end="")
    try:
        return task(validated(kind, resolve(cfg)))
    except MissingKey as error:
        raise MissingKey(f"{error}{_lacking(cfg, str(error))}") from error


def call_named(default: Callable[[], None], **others: Callable[[], None]) -> None:
    """Call the main function of a script that the first word of its command line names, or else `default`."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in others:
        del sys.argv[1]
    elif word.isidentifier():
        names = ", ".join(sorted(others))
        fail(Path(sys.argv[0]).name, UserError(f"{word}: unknown command; choose one of: {names}, or none"))
    others.get(word, default)()


def _arrange_arguments(sweeps: bool) -> None:
    """Put -m first, as Hydra's parser wants it; raise UserError for words that cannot be meant.

    Some are of Hydra, but not for these scripts: each has its own file of conf/, and only one of them runs sweeps.
    """
    flags = [word for word in sys.argv[1:] if word in ("-m", "--multirun")]
    others = [word for word in sys.argv[1:] if word not in flags]
    sys.argv[1:] = flags + others
    for number, word in enumerate(others):
        key, _, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and key and ("." in key or key == "seed" or (ROOT / "conf" / key).is_dir()):
            raise UserError(f"{word}: write {key}={value or (*others[number + 1 :], 'VALUE')[0]}")
        if word.partition("=")[0] in ("--config-name", "-cn", "--config-path", "-cp"):
            raise UserError(f"{word}: this script has its own file of conf/; change values by key=value")
        if word == "--resolve" and not {"--cfg", "-c", "--help", "-h"} & {one.partition("=")[0] for one in others}:
            raise UserError("--resolve: it needs --cfg job")
        _check_word(word)
        if flags and sweeps and key and not value and word.endswith("="):
            raise UserError(f"{word}: expected a value, or several as in {word}1,2")
    if sweeps:
        if flags and "--cfg" in others:
            raise UserError(f"--cfg with {flags[0]}: a sweep has many configurations; use one of the two")
        return
    if flags:
        raise UserError(f"{flags[0]}: this script runs one model at a time; only train.py runs sweeps")
    for word in others:
        if word.startswith("+"):
            raise UserError(f"{word}: the key has no effect; write key=value with a key that --cfg job shows")


def _help(kind: type[Primary], about: str) -> str:
    """What --help prints: `about` the script, the groups of conf/ with their files, and the script's own file."""
    files = [ROOT / "conf" / f"{kind.primary}.yaml"]
    if "  - config\n" in files[0].read_text("utf-8"):  # inherited
        files.append(ROOT / "conf" / "config.yaml")
    texts = [file.read_text("utf-8") for file in files]
    groups = re.findall(r"^  - (?:override )?([\w/]+)(?:@\w+)?: ", "".join(texts), re.MULTILINE)
    lines = [about, "Files of conf/ to choose from, as in data=optdigits:"]
    for group in sorted({*groups} - {"hydra"}):
        lines.append(f"  {group}: {', '.join(files_of(group))}")
    for file, text in zip(files, texts, strict=True):
        lines += ["", f"Keys to set, as in KEY.KEY=VALUE, from conf/{file.name}:", "", text.rstrip()]
    return "\n".join([*lines, "", "Each file of conf/ explains its keys. --cfg job prints all keys with their values."])


def _check_word(word: str) -> None:
    """Raise UserError for an override by which a group of conf/ or a launcher gets a value that it cannot take."""
    try:
        (parsed,) = OverridesParser.create().parse_overrides([word])
    except RecursionError:
        raise UserError(f"{word[:60]}...: nested too deeply; write a value with fewer brackets") from None
    except HydraException:
        return  # an option such as --cfg, or a mistake that Hydra names
    key = parsed.key_or_group
    if parsed.is_delete() or parsed.is_sweep_override():
        return
    if (ROOT / "conf" / key).is_dir() and isinstance(names := parsed.value(), list):
        several = ",".join(map(str, names)) or "..."
        raise UserError(f"{word}: a list is not a choice; write one name, or for a sweep train.py -m {key}={several}")
    if (ROOT / "conf" / key).is_dir() and not isinstance(parsed.value(), str | dict):
        raise UserError(f"{word}: expected the name of a file of conf/{key}: {', '.join(files_of(key))}")
    if key == "hydra.launcher.n_jobs" and (not isinstance(parsed.value(), int) or parsed.value() == 0):
        raise UserError(f"{word}: expected the number of processes, or -1 for one on each core")


def _check_names(cfg: DictConfig) -> None:
    """Raise UserError for a file of conf/data, model or aug whose `name` is another one: folders are found by it."""
    typed_names = [word.partition("=")[0] for word in typed()]
    for group, file in choices().items():
        if group in ("data", "model", "aug") and f"{group}.name" not in typed_names:
            name = cfg[group].get("name", file)
            if name != file:
                raise UserError(f"conf/{group}/{file}.yaml: name: {name}: expected {file}, as the file is called")


def _take_cfg_job() -> argparse.Namespace | None:
    """Take `--cfg job` and `--resolve` off the command line: Hydra would also show keys without effect."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--cfg", "-c")
    parser.add_argument("--resolve", action="store_true")
    found, others = parser.parse_known_args(sys.argv[1:])
    if found.cfg != "job" or "--package" in others or "-p" in others:
        return None
    sys.argv[1:] = others
    return found


def without_unused(kind: type[Primary], cfg: DictConfig, words: Sequence[str]) -> DictConfig:
    """Return `cfg` without the keys of datasets and networks that have no effect for `kind`; see `Primary.uses`.

    Raises UserError if one of `words`, the overrides, sets such a key.
    """
    if kind.uses is None:
        return cfg
    groups = [group for group in ("data", "pens", "model") if group in cfg]
    others = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key not in groups])
    used = {*kind.uses, *re.findall(r"\$\{(\w+\.\w+)", OmegaConf.to_yaml(others))}
    found = copy.deepcopy(cfg)
    for group in groups:
        keys = [str(key) for key in cfg[group] if f"{group}.{key}" in used]
        for word in words:
            first, _, rest = word.lstrip("~").partition("=")[0].partition(".")
            if first == group and rest and rest.partition(".")[0] not in keys:
                choices = ", ".join(f"{group}.{key}" for key in keys)
                raise UserError(f"{word}: has no effect here; keys of {group} that have one: {choices}")
        found[group] = OmegaConf.masked_copy(cfg[group], keys)
    return found


def typed() -> list[str]:
    """Return the overrides on the command line of this script."""
    return [str(word) for word in HydraConfig.get().overrides.task]


def choices() -> dict[str, str]:
    """Return the name of the file that was chosen from each group of conf/."""
    return {str(group): str(choice) for group, choice in HydraConfig.get().runtime.choices.items()}


class Compose(Protocol):
    """Compose the file in conf/ whose type is `kind`, with overrides, and check it."""

    def __call__(self, kind: type[Kind], overrides: tuple[str, ...] = ()) -> Kind: ...


@contextmanager
def composing() -> Iterator[Compose]:
    """Yield a function that composes a file of conf/ with overrides and checks it.

    Hydra reads all files again each time, which is slow. Here it reads them once for each choice of files in a process.
    Single values are set afterwards, because they override every file.
    """
    within = GlobalHydra.instance().is_initialized()  # in a script that Hydra runs, from the same conf/
    conf = ROOT / "conf"
    with nullcontext() if within else hydra.initialize_config_dir(str(conf), version_base="1.3"):

        @cache
        def composed(kind: type[Kind], overrides: tuple[str, ...] = ()) -> Kind:
            primary = kind.primary
            values = [value for word in overrides if (value := _single_value(conf, word))]
            files = tuple(word for word in overrides if not _single_value(conf, word))
            try:
                cfg = copy.deepcopy(_unresolved(conf, primary, files))
                for key, value in values:
                    OmegaConf.update(cfg, key, value)
            except (HydraException, errors.OmegaConfBaseException):
                cfg = _unresolved(conf, primary, overrides)  # for the message that Hydra has
            return validated(kind, resolve(cfg))

        yield cast(Compose, composed)


@cache
def _unresolved(conf: Path, primary: str, overrides: tuple[str, ...]) -> DictConfig:
    """Return a file of `conf`, Hydra's folder, with `overrides`; interpolations are left as they are."""
    try:
        return hydra.compose(primary, list(overrides))
    except ValueError as error:  # for example, a number in place of a file of conf/
        raise UserError(f"{' '.join(overrides)}: {' '.join(str(error).split())}") from error


@cache
def _single_value(conf: Path, word: str) -> tuple[str, Any] | None:
    """Return key and value of an override that sets one value; None for a choice of files or any other override."""
    try:
        (parsed,) = OverridesParser.create().parse_overrides([word])
    except HydraException:
        return None
    if parsed.type is not OverrideType.CHANGE or parsed.is_sweep_override() or parsed.package is not None:
        return None
    key = parsed.key_or_group
    # Hydra's own keys are not part of the composed configuration.
    return None if key.startswith("hydra") or (conf / key).is_dir() else (key, parsed.value())
