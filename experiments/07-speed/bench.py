"""Time what users wait for, each against a named baseline in turn.

    python experiments/07-speed/bench.py [BENCHMARK ...] [--pairs 5] [--short]

Rows that are done stand in reports/bench.json at once; the others of an earlier call stay.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "src"))  # where the package is

from benchmark.benchmarks import BENCHMARKS
from benchmark.machine import machine
from benchmark.measured import Setting, table, write_table
from inkproof.config.one_line import run
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json
from inkproof.runtime.paths import ROOT
from inkproof.tracking.provenance import git_commit

BUSY = 0.7  # load, above which the machine is not idle


def bench(rows: list[str], pairs: int, short: bool, out: Path | None) -> dict[str, Any]:
    """Measure `rows` and write `out`, if given, and a table beside it after each; return what `out` holds."""
    results: dict[str, Any] = {"machine": machine(), "short": short, "rows": {}}
    if out is not None and out.exists():
        results["rows"] = _earlier(out, results)
    load = os.getloadavg()[0]  # before the rows make their own
    if load > BUSY and not short:
        print(f"Other work is running (load {load:.1f}); figures want an idle machine.")
    about = {"date": datetime.now(UTC).date().isoformat(), "commit": git_commit(), "load": round(load, 2)}
    for name in rows:
        with tempfile.TemporaryDirectory(prefix="inkproof-bench-") as scratch:
            print(f"{name}: {BENCHMARKS[name].__doc__}", flush=True)
            setting = Setting(pairs, short, Path(scratch), lambda: print(".", end="", flush=True))
            figures = []
            for one in BENCHMARKS[name](setting):
                figures.append(one.as_dict())
                verdict = "" if short or one.target is None else " (met)" if one.met else " (missed)"
                print(f"\n  {one.what}: {one.value:.3g} {one.unit}{verdict}", flush=True)
        results["rows"][name] = {**about, "figures": figures}
        if out is not None:
            write_json(out, results)
            write_table(results, out.with_suffix(".md"))
    return results


def _earlier(out: Path, results: dict[str, Any]) -> dict[str, Any]:
    """The rows that `out` holds; raises UserError where they do not go with those of `results`."""
    try:
        found = json.loads(out.read_text(encoding="utf-8"))
        rows, short, processor = dict(found["rows"]), found["short"], found["machine"]["processor"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{out}: no results of a benchmark; give another file with --out") from None
    if (short, processor) != (results["short"], results["machine"]["processor"]):
        how = "a short look" if short else "figures"
        raise UserError(f"{out}: holds {how} of {processor}; give another file with --out")
    return rows


def main() -> None:
    """Parse the command line and measure."""
    listed = "\n".join(f"  {name:13}{row.__doc__}" for name, row in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"rows:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="BENCHMARK", help="which to measure; all if none")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of each kind; 5 by default")
    parser.add_argument("--short", action="store_true", help="everything small: a look, no figures, and not written")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.json", help="where to write, and FILE.md beside it; reports/bench.json if not"
    )
    words = parser.parse_args()

    def measure() -> None:
        for name in words.rows:
            if name not in BENCHMARKS:
                raise UserError(f"{name}: there is no such row; choose from {', '.join(BENCHMARKS)}")
        if words.pairs < 1:
            raise UserError(f"--pairs {words.pairs}: expected at least 1")
        if words.out is not None and words.out.suffix != ".json":
            raise UserError(f"--out {words.out}: expected FILE.json")
        out = words.out or (None if words.short else ROOT / "reports" / "bench.json")
        print(table(bench(words.rows or list(BENCHMARKS), words.pairs, words.short, out)))

    run("bench.py", measure)


if __name__ == "__main__":
    main()
