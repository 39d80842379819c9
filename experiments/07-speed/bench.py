"""Time what users wait for, alternating with a named baseline.

    python experiments/07-speed/bench.py [BENCHMARK ...] [--pairs 5] [--short]

A finished benchmark is written to reports/bench.json at once. The others keep the results of an earlier call.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "src"))  # where the package is

from benchmark.benchmarks import BENCHMARKS
from benchmark.machine import machine
from benchmark.measured import Benchmark, Results, Setting, table, write_table
from inkproof.config.one_line import run, unknown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import ROOT
from inkproof.tracking.provenance import git_commit

BUSY = 0.7  # load, above which the machine is not idle


def bench(names: list[str], pairs: int, short: bool, out: Path | None) -> Results:
    """Run the benchmarks `names` and return the results.

    After each, write the results so far to `out`, if given, and as a table to the .md file beside it.
    """
    results: Results = {"machine": machine(), "short": short, "benchmarks": {}}
    if out is not None and out.exists():
        results["benchmarks"] = _earlier(out, results)
    load = os.getloadavg()[0]  # before the benchmarks cause their own
    if load > BUSY and not short:
        print(f"Other work is running (load {load:.1f}); run benchmarks on an idle machine.")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="inkproof-bench-") as scratch:
            print(f"{name}: {BENCHMARKS[name].__doc__}", flush=True)
            setting = Setting(pairs, short, Path(scratch), lambda: print(".", end="", flush=True))
            figures = []
            for one in BENCHMARKS[name](setting):
                figures.append(one.figure())
                verdict = "" if short or one.target is None else " (met)" if one.met else " (missed)"
                print(f"\n  {one.what}: {one.value:.3g} {one.unit}{verdict}", flush=True)
        results["benchmarks"][name] = {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": git_commit(),
            "load": round(load, 2),
            "figures": figures,
        }
        if out is not None:
            write_json(out, results)
            write_table(results, out.with_suffix(".md"))
    return results


def _earlier(out: Path, results: Results) -> dict[str, Benchmark]:
    """Return the benchmarks in `out`; raises UserError where their machine or size is not that of `results`."""
    try:
        found = json.loads(out.read_text(encoding="utf-8"))
        benchmarks, short, processor = dict(found["benchmarks"]), found["short"], found["machine"]["processor"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{out}: not the results of benchmarks; choose another file with --out") from None
    if (short, processor) != (results["short"], results["machine"]["processor"]):
        kind = "short results" if short else "results"
        raise UserError(f"{out}: holds {kind} of {processor}; choose another file with --out")
    return benchmarks


def main() -> None:
    """Parse the command line and run the benchmarks."""
    listed = "\n".join(f"  {name:13}{benchmark.__doc__}" for name, benchmark in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"benchmarks:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help="which to run; all if none is given")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of each kind; 5 by default")
    parser.add_argument("--short", action="store_true", help="everything small: a quick check, not written to a file")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.json",
        help="where to write, with a table in FILE.md; reports/bench.json by default",
    )
    words = parser.parse_args()

    def measure() -> None:
        for name in words.names:
            if name not in BENCHMARKS:
                raise UserError(unknown(name, "benchmark", name, list(BENCHMARKS)))
        if words.pairs < 1:
            raise UserError(f"--pairs {words.pairs}: expected at least 1")
        if words.out is not None and words.out.suffix != ".json":
            raise UserError(f"--out {words.out}: expected FILE.json")
        out = words.out or (None if words.short else ROOT / "reports" / "bench.json")
        print(table(bench(words.names or list(BENCHMARKS), words.pairs, words.short, out)))

    run("bench.py", measure)


if __name__ == "__main__":
    main()
