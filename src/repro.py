"""`dvc repro`, several stages at a time: python src/repro.py [TARGET ...] [--jobs 2].

One training is as fast with both cores to itself; all that comes before and after one is not.
"""

import argparse

from inkproof.entry import run
from inkproof.errors import UserError
from inkproof.paths import ROOT
from inkproof.side_by_side import out_of_date, repro


def main() -> None:
    """Parse the command line and run what is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="stages of dvc.yaml; all if none")
    parser.add_argument("--jobs", type=int, default=2, help="stages at a time; 2 by default")
    words = parser.parse_args()

    def work() -> None:
        if words.jobs < 1:
            raise UserError(f"--jobs {words.jobs}: expected at least 1")
        graph = out_of_date(ROOT, words.targets)
        if not graph:
            print("Everything is up to date.")
        repro(ROOT, graph, words.jobs)

    run("repro.py", work)


if __name__ == "__main__":
    main()
