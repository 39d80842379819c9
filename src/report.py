"""Compare the models of one dataset: python src/report.py data=mnist [show=true].

python src/report.py pretrained [data=mnist_plus_strokes model=vgg_bn] makes models/pretrained of a finished run.
python src/report.py compare RUN RUN prints what differs between two runs.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)

# isort: split
import argparse
from pathlib import Path

from inkproof.config.compose import call_named, entry
from inkproof.config.one_line import run
from inkproof.config.stages import PretrainedConfig, ReportConfig
from inkproof.runtime.startup import start_tensorflow


@entry(ReportConfig)
def report(config: ReportConfig) -> None:
    """Make the report, or show the present one."""
    from inkproof.stages.report import made_or_shown, runs_link

    print(f"The report with every figure: {made_or_shown(config)}")
    for line in runs_link(config.data.name):
        print(line)


@entry(PretrainedConfig)
def pretrained(config: PretrainedConfig) -> None:
    """Check the run's files and copy them, with a model card."""
    start_tensorflow()
    from inkproof.stages.pretrained import pretrained

    for path in pretrained(config).values():
        print(f"{path}: {path.stat().st_size / 1024:,.0f} KB")


def compare() -> None:
    """Compare two runs; their names may have an =, so they are no overrides for Hydra."""
    top = argparse.ArgumentParser(
        prog="report.py compare", description="Print what differs between two runs.", allow_abbrev=False
    )
    ids = "the first four characters or more of its id"
    named = f"a run folder, a key of params.yaml such as mnist-cnn, the name of an MLflow run, or {ids}"
    top.add_argument("first", metavar="RUN", help=named)
    top.add_argument("second", metavar="RUN", help="the other one")
    place = "folder for digits.csv and digits.png, the test digits that only one run classifies correctly"
    top.add_argument("--out", metavar="FOLDER", type=Path, help=f"{place} (default: a folder of reports/compare)")
    options = top.parse_args()

    def work() -> None:
        from inkproof.stages.compare import compare_runs

        for path in compare_runs(options.first, options.second, options.out):
            print(path)

    run("report.py", work, interrupted="interrupted")


if __name__ == "__main__":
    call_named(report, pretrained=pretrained, compare=compare)
