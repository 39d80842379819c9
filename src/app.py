"""Serve a page to draw digits on; the browser classifies them: python src/app.py [port=8765]."""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import entry
from inkproof.config.stages import AppConfig


@entry(AppConfig)
def main(config: AppConfig) -> None:
    """Serve until interrupted."""
    from inkproof.app.server import serve_page

    serve_page(config)


if __name__ == "__main__":
    main()
