"""Fetch or make a data set: python src/download.py data=mnist|optdigits|pens [out=FOLDER]."""

from typing import Any

from inkproof.config import path_of, resolve
from inkproof.entry import entry
from inkproof.sources import prepare


@entry("download")
def main(cfg: Any) -> None:
    """Put the chosen data set into its folder."""
    config = resolve(cfg)
    out = path_of(config["out"])
    prepare(config["data"], out)
    print(f"{config['data']['name']}: ready in {out}")


if __name__ == "__main__":
    main()
