"""The words on a command line that say where cells run; src/study.py and src/record.py have them in common."""

import argparse

from inkproof.cores import cores
from inkproof.studies.launch import LAUNCHERS, Launching

NAMES = ("launcher", "jobs", "retries", "settings")


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options, and settings of the launcher as what stands behind the other positional arguments."""
    parser.add_argument("settings", nargs="*", help="settings of the launcher: hydra.launcher.partition=short")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="basic", help="where cells run (default: %(default)s)")
    parser.add_argument("--jobs", type=int, help="cells at a time (default: as many as there are cores; basic: one)")
    parser.add_argument("--retries", type=int, default=2, help="times that a failed cell is tried again (default: 2)")


def launching(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Launching:
    """Return where cells are to run; ends the process, as `parser` does, where the words say nothing that can be."""
    if options.retries < 0:
        parser.error(f"--retries {options.retries}: at least 0")
    for word in options.settings:
        if not word.lstrip("+").startswith("hydra.launcher.") or "=" not in word:
            parser.error(f"{word}: settings are hydra.launcher.KEY=VALUE; what a cell computes stands in study.yaml")
        if word.lstrip("+").startswith("hydra.launcher.n_jobs="):
            parser.error(f"{word}: --jobs says how many cells run at a time")
    jobs = options.jobs if options.jobs is not None else 1 if options.launcher == "basic" else cores()
    return Launching(options.launcher, jobs, tuple(options.settings))
