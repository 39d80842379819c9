"""A UNIPEN text written for these tests, the shape of the UCI pen digits in small; nobody's handwriting.

`fixtures/pens.tra.Z` is this text as Debian's `compress` (ncompress 4.2.4.6) packed it, in this folder:
`python -c "import pen_text; print(pen_text.text(40), end='')" | compress -c > fixtures/pens.tra.Z`
`fixtures/narrow.Z` is `pen_text.text(4)` through `compress -b 10`, whose codes stop growing at ten bits.
"""

import math

HEAD = '.INCLUDE        none.doc\n\n.LEXICON "0" "1" "2" "3" "4" "5" "6" "7" "8" "9"\n.HIERARCHY      DIGIT\n'


def digit(run: int, label: int, writer: int, number: int, strokes: list[list[tuple[int, int]]]) -> str:
    runs = f"{run}" if len(strokes) == 1 else f"{run}-{run + len(strokes) - 1}"
    lines = ["", f'.SEGMENT DIGIT    {runs} ? "{label}"', f".COMMENT {label}  {writer}  {number}"]
    for stroke in strokes:
        lines += [".PEN_DOWN", *(f" {x}  {y}" for x, y in stroke), ".PEN_UP", ".DT 100"]
    return "\n".join(lines) + "\n"


def text(count: int) -> str:
    """`count` loops by two writers in turn; every fourth has a bar across it as a second stroke."""
    parts, run = [HEAD], 0
    for index in range(count):
        turns = [2 * math.pi * step / (30 + index % 7) for step in range(30)]
        loop = [(round(250 + 90 * math.sin(t)), round(260 + (100 + index) * math.cos(t))) for t in turns]
        strokes = [loop, [(180, 250), (250, 252), (330, 255)]] if index % 4 == 3 else [loop]
        parts.append(digit(run, index % 10, 1 + index % 2, 1 + index // 2, strokes))
        run += len(strokes)
    return "".join(parts)
