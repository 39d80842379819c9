"""Serve a page to draw digits on, read in the browser: python src/app.py [port=8765]."""

from typing import Any

from inkproof.config.compose import entry
from inkproof.config.schema import App
from inkproof.config.validation import validated


@entry("app")
def main(config: dict[str, Any]) -> None:
    """Serve until interrupted."""
    app = validated(App, config)
    from inkproof.app.server import serve_page

    serve_page(app, config["sets"]["mine"]["brush"])


if __name__ == "__main__":
    main()
