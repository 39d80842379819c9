"""The documents of the repository: README.md and docs/, and the commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from inkproof.runtime.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = {"sh", "bash"}  # a block of commands to type
SESSION = "console"  # commands behind a `$`, with what they print
OTHER = {"yaml", "python", "text", "mermaid", "nginx"}
_BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> Iterator[tuple[str, str]]:
    """The language and the content of each fenced block."""
    for match in _BLOCK.finditer(path.read_text(encoding="utf-8")):
        yield match[2].strip(), match[3]


def commands(path: Path) -> list[str]:
    """The commands in the blocks of a document, without comments."""
    found = []
    for language, text in blocks(path):
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        if language == SESSION:
            found += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif language in SHELL:
            found += [re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines]
    return [line for line in found if line]


def inline_commands(path: Path) -> list[str]:
    """The commands in running text and in tables: code that begins with a program's name and has a further word."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return re.findall(r"`((?:python|make|dvc|git|pip|pre-commit|mlflow) [^`]+)`", text)
