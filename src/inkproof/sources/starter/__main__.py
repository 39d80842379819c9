"""Write the starter set and the drawings that are not digits again: `python -m inkproof.sources.starter`."""

from inkproof.paths import ROOT
from inkproof.sources.drawings import write_drawings
from inkproof.sources.starter import not_digit_drawings, starter_drawings


def main() -> None:
    """Write both sets below `data/drawn`, whole or not at all."""
    for name, drawings in (("starter", starter_drawings()), ("not_digits", not_digit_drawings())):
        write_drawings(ROOT / "data" / "drawn" / name, drawings)
        print(f"wrote data/drawn/{name}/drawings.jsonl")


if __name__ == "__main__":
    main()
