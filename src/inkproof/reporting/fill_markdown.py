"""Filling the lines of a Markdown text, for those who read it in an editor."""

import re
import textwrap

_WHOLE = re.compile(r"`[^`]*`|\[[^]]*\]\([^)]*\)")  # code and links, within which no line is to end


def fill_markdown(text: str, width: int = 120) -> str:
    """Return Markdown with paragraphs and list items ("- ") filled to `width` columns.

    Headings, tables and fenced code stay as they are; of several blank lines one stays.
    """
    filled: list[str] = []
    paragraph: list[str] = []
    code = False

    def end_paragraph() -> None:
        if paragraph:
            filled.extend(_lines(" ".join(paragraph), width))
            paragraph.clear()

    for line in text.splitlines():
        fence = line.startswith("```")
        code ^= fence
        if not (fence or code or not line or line.startswith(("#", "|"))):
            if line.startswith("- "):
                end_paragraph()
            paragraph.append(line)
            continue
        end_paragraph()
        if line or code or (filled and filled[-1]):
            filled.append(line)
    end_paragraph()
    return "\n".join(filled).rstrip("\n") + "\n"


def _lines(paragraph: str, width: int) -> list[str]:
    glued = _WHOLE.sub(lambda span: span[0].replace(" ", "\0"), paragraph)
    indent = "  " if paragraph.startswith("- ") else ""
    lines = textwrap.wrap(glued, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
