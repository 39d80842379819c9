"""What a program writes into a README stands between two markers; what people write, around them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from inkproof.errors import UserError

BEGIN, END = "<!-- results: written by src/study.py -->", "<!-- end of results -->"


def markdown_table(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells, the second one of dashes, as a table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def split(path: Path, text: str, begin: str = BEGIN, end: str = END) -> tuple[str, str]:
    """Return what stands before and after the markers in `text`; where there are none, they come last.

    Raises UserError, naming the file `path`, where they are not a pair.
    """
    if text.count(begin) > 1 or text.count(begin) != text.count(end) or text.find(end) < text.find(begin):
        raise UserError(f"{path}: the markers `{begin}` and `{end}` are not a pair; put them right")
    if begin not in text:
        return text.rstrip("\n") + "\n\n", "\n"
    before, _, rest = text.partition(begin)
    return before, rest.partition(end)[2]


def check_markers(path: Path) -> None:
    """Raise UserError where a README that is there has its markers wrong: before hours of training, not after."""
    if path.exists():
        split(path, path.read_text(encoding="utf-8"))
