"""Serve a page to draw digits on; the browser classifies them: python src/app.py [port=8765].

Another command, with a configuration of its own:
  site         write the page as files for a static web host
"""

import inkproof.runtime.startup  # noqa: F401  (first: then Ctrl-C during the imports below is one line)
from inkproof.config.compose import call_named, entry
from inkproof.config.stages import AppConfig, SiteConfig


@entry(AppConfig)
def serve(config: AppConfig) -> None:
    """Serve until interrupted."""
    from inkproof.app.server import serve_page

    serve_page(config)


@entry(SiteConfig)
def site(config: SiteConfig) -> None:
    """Write the files."""
    from inkproof.app.site import make_site

    make_site(config)


if __name__ == "__main__":
    call_named(serve, site=site)
