"""Fetch or make a dataset: python src/download.py data=mnist|optdigits|pens [out=FOLDER]."""

from typing import Any

from inkproof.config.compose import entry, path_of
from inkproof.data.download import prepare


@entry("download")
def main(config: dict[str, Any]) -> None:
    """Put the chosen dataset into its folder."""
    out = path_of(config["out"])
    prepare(config["data"], out)
    print(f"{config['data']['name']}: ready in {out}")


if __name__ == "__main__":
    main()
