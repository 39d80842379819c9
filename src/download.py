"""Fetch or make a dataset: python src/download.py data=mnist|optdigits|pens|mnist_plus_strokes [out=FOLDER]."""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import entry, path_of
from inkproof.config.pipeline import read_pipeline
from inkproof.config.stages import DownloadConfig
from inkproof.data.download import prepare


@entry(DownloadConfig)
def main(config: DownloadConfig) -> None:
    """Put the chosen dataset into its folder."""
    read_pipeline()  # a mistake in params.yaml ends the pipeline before anything is made
    out = path_of(config.out)
    prepare(config.data, out)
    print(f"{config.data.name}: ready in {out}")


if __name__ == "__main__":
    main()
