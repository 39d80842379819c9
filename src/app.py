"""Serve a page to draw digits on, read in the browser: python src/app.py [port=8765]."""

from typing import Any

from inkproof.config import path_of, resolve
from inkproof.entry import entry
from inkproof.errors import UserError

NUMBERS = {"port": (0, 65535), "body_kb": (1, 1_000_000), "pixels": (1, 89_000_000), "strokes": (1, 10_000)}
NUMBERS |= {"points": (1, 100_000), "text": (1, 1000), "drawings": (1, 1000)}


def check(config: dict[str, Any]) -> None:
    """Raise UserError where a value cannot be used."""
    for key, (low, high) in NUMBERS.items():
        value = config[key]
        if type(value) is not int or not low <= value <= high:
            raise UserError(f"{key}={value}: expected a whole number from {low:,} to {high:,}")
    hosts = config["hosts"]
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise UserError(f"hosts={hosts}: expected a list of names, such as hosts=[192.168.1.5]")
    for key in ("host", "database"):
        if not isinstance(config[key], str) or not config[key]:
            raise UserError(f"{key}={config[key]}: expected a text")


def app(config: dict[str, Any]) -> None:
    """Serve until interrupted."""
    from inkproof.predicting.find_model import exported_canvases
    from inkproof.web.app import Settings, create_app
    from inkproof.web.limits import Limits
    from inkproof.web.serving import LOCAL, serve

    sizes = {key: config[key] for key in ("pixels", "strokes", "points", "text", "drawings")}
    limits = Limits(body_bytes=config["body_kb"] * 1024, **sizes)
    hosts = [*LOCAL, config["host"], *config["hosts"]]
    brush = config["sets"]["mine"]["brush"]
    settings = Settings(exported_canvases, path_of(config["database"]), hosts, limits, brush)
    serve(create_app(settings), config["host"], config["port"], limits)


@entry("app")
def main(cfg: Any) -> None:
    """Compose, check and serve."""
    config = resolve(cfg)
    check(config)
    app(config)


if __name__ == "__main__":
    main()
