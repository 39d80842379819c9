"""Hook of MkDocs: pages and links outside docs/.

On GitHub every link works as it is. The site also shows the pages of PAGES, and the images of all pages. A link to
another file of the repository becomes its text.
"""

import os.path
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = ("experiments/*.md", "experiments/*/README.md", "models/pretrained/README.md", "data/drawn/starter/README.md")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of PAGES; in the site each has its path in the repository."""
    root = Path(config.docs_dir).parent
    for path in sorted(path for pattern in PAGES for path in root.glob(pattern)):
        files.append(File.generated(config, path.relative_to(root).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with links that stay within the site. Raises PluginError where a link leads nowhere."""
    docs = Path(config.docs_dir)
    own = Path(str(page.file.abs_src_path)).parent

    def within(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        path = Path(os.path.normpath(own / target))
        if not path.exists():
            raise PluginError(f"{page.file.src_uri}: {target} does not exist")
        uri = path.relative_to(docs if path.is_relative_to(docs) else docs.parent).as_posix()
        if image and files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
        if files.get_file_from_path(uri) is None:
            return text
        here = Path(page.file.src_uri).parent.as_posix()
        return f"{image}[{text}]({os.path.relpath(uri, here)}{anchor or ''})"

    return _LINK.sub(within, markdown)
