"""Where tables are printed."""

import os

from rich.console import Console

WIDTH = 120  # letters a line where no terminal has a width of its own: Rich takes 80, which folds names


def table_console() -> Console:
    """Return a console for tables: as wide as the terminal or COLUMNS says, else of WIDTH letters."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console
