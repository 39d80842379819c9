"""Time what users wait for, each against a named baseline in turn: python src/bench.py [ROW ...] [--pairs 5] [--short].

Rows that are done stand in reports/bench.json at once; the others of an earlier call stay.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from inkproof.atomic import write_json
from inkproof.benchmark.machine import machine
from inkproof.benchmark.measured import Setting, table, write_table
from inkproof.benchmark.rows import ROWS
from inkproof.entry import run
from inkproof.errors import UserError
from inkproof.paths import ROOT


def bench(rows: list[str], pairs: int, short: bool, out: Path) -> dict[str, Any]:
    """Measure `rows` and write `out` and a table beside it after each; return what `out` holds."""
    here = machine()
    results: dict[str, Any] = {"machine": here, "rows": {}}
    if out.exists():
        earlier = json.loads(out.read_text())
        if earlier["machine"]["processor"] == here["processor"] and earlier["short"] == short:
            results["rows"] = earlier["rows"]
    results["short"] = short
    for name in rows:
        with tempfile.TemporaryDirectory(prefix="inkproof-bench-") as scratch:
            print(f"{name}: {ROWS[name].__doc__}", flush=True)
            setting = Setting(pairs, short, Path(scratch), lambda: print(".", end="", flush=True))
            figures = []
            for one in ROWS[name](setting):
                figures.append(one.as_dict())
                verdict = "" if one.bar is None else " (met)" if one.met else " (missed)"
                print(f"\n  {one.what}: {one.value:.3g} {one.unit}{verdict}", flush=True)
        results["rows"][name] = figures
        write_json(out, results)
        write_table(results, out.with_suffix(".md"))
    return results


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to measure; all if none: {', '.join(ROWS)}")
    parser.add_argument("--pairs", type=int, default=5, help="measurements of each kind; 5 by default")
    parser.add_argument("--short", action="store_true", help="everything small: a look, not a figure")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench.json")
    words = parser.parse_args()

    def measure() -> None:
        for name in words.rows:
            if name not in ROWS:
                raise UserError(f"{name}: there is no such row; choose from {', '.join(ROWS)}")
        if words.pairs < 1:
            raise UserError(f"--pairs {words.pairs}: expected at least 1")
        print(table(bench(words.rows or list(ROWS), words.pairs, words.short, words.out)))

    run("bench.py", measure)


if __name__ == "__main__":
    main()
