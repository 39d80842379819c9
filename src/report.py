"""Compare the models of one dataset: python src/report.py data=mnist [show=true].

python src/report.py pretrained [data=mnist_plus_strokes model=vgg_bn] makes models/pretrained of a finished run.
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import call_named, entry
from inkproof.config.stages import PretrainedConfig, ReportConfig
from inkproof.runtime.startup import start_tensorflow


@entry(ReportConfig)
def report(config: ReportConfig) -> None:
    """Make the report, or show the present one."""
    from inkproof.stages.report import made_or_shown

    print(f"The report with every figure: {made_or_shown(config)}")


@entry(PretrainedConfig)
def pretrained(config: PretrainedConfig) -> None:
    """Check the run's files and copy them, with a model card."""
    start_tensorflow()
    from inkproof.stages.pretrained import pretrained

    for path in pretrained(config).values():
        print(f"{path}: {path.stat().st_size / 1024:,.0f} KB")


if __name__ == "__main__":
    call_named(report, pretrained=pretrained)
