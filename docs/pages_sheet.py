"""Draw docs/images/pages.png: generated pages, and below each the ink it was made with. `make screenshots` runs it."""

import numpy as np
from PIL import Image

from inkproof.datasets.ink_pages import InkSources, ink_pages
from inkproof.runtime.paths import ROOT
from inkproof.synthetic.inking import SIDE

COLUMNS, ROWS, GAP, SHOWN = 12, 4, 4, 70  # pixels a side of each
SEED = 3


def main() -> None:
    """Draw pages with ink by glyph templates alone, so that no data is needed."""
    made = ink_pages(InkSources(np.empty((0, 28, 28), np.uint8), []), COLUMNS * ROWS, SEED, workers=1)
    step = SHOWN + GAP
    sheet = Image.new("L", (COLUMNS * step - GAP, 2 * ROWS * step - GAP), 255)
    for number, (page, mask) in enumerate(zip(made.pages, made.masks, strict=True)):
        row, column = divmod(number, COLUMNS)
        sheet.paste(Image.fromarray(page).reduce(SIDE // SHOWN), (column * step, 2 * row * step))
        sheet.paste(Image.fromarray(255 * mask).resize((SHOWN, SHOWN)), (column * step, (2 * row + 1) * step))
    path = ROOT / "docs" / "images" / "pages.png"
    sheet.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
