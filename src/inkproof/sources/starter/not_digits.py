"""Skeletons of what is not a digit, in the notation of `shapes`: letters, signs, scribbles, digit pairs."""

from inkproof.sources.starter.shapes import DIGITS


def beside(left: str, right: str, gap: float = 24.0) -> str:
    """The notation of two skeletons next to each other, `gap` units apart."""
    start = max(_numbers(left)) + gap - min(_numbers(right))
    return f"{left} | " + " ".join(_shifted(token, start) for token in right.split())


def _numbers(notation: str) -> list[float]:
    return [float(token.split(",")[0]) for token in notation.split() if "," in token]


def _shifted(token: str, by: float) -> str:
    x, comma, rest = token.partition(",")
    return f"{float(x) + by:g},{rest}" if comma else token


NOT_DIGITS: dict[str, str] = {
    "letter-a": "32,0 18,50 2,100 | 33,0 46,50 60,100 | 11,63 30,61 52,62",
    "letter-b": "6,2 7,50 6,99 | 4,3 40,3 48,22 38,42 8,48! 46,52 58,72 46,95 4,99",
    "letter-e": "54,3 30,3 6,2! 7,50 6,98! 30,98 56,96 | 7,50 44,49",
    "letter-f": "56,2 30,3 6,3! 7,50 7,100 | 7,48 42,46",
    "letter-h": "6,0 7,50 6,100 | 54,0 55,50 54,100 | 7,51 54,49",
    "letter-k": "6,0 7,50 6,100 | 54,2 32,30 8,54! 30,74 58,100",
    "letter-m": "2,100 6,50 12,2! 26,40 40,72! 54,36 68,2! 72,50 78,100",
    "letter-n": "6,100 6,50 7,2! 30,50 56,98! 57,50 58,0",
    "letter-r": "6,3 7,50 6,100 | 4,4 38,2 50,18 42,40 8,50! 30,74 56,100",
    "letter-t": "0,4 34,3 68,3 | 34,3 35,50 34,100",
    "letter-w": "0,2 10,50 18,98! 28,60 38,24! 48,60 58,98! 68,50 80,0",
    "letter-x": "4,2 32,50 60,100 | 60,0 30,50 2,98",
    "plus": "0,50 50,50 100,49 | 50,2 51,50 50,100",
    "check": "0,58 14,74 28,98! 54,50 92,0",
    "question": "4,26 10,6 34,0 56,12 52,34 34,50 31,72 | 31,96 33,100",
    "hash": "32,0 28,50 22,100 | 68,0 64,50 58,100 | 4,34 46,32 92,33 | 0,68 44,67 88,66",
    "star": "20,100 34,50 50,0! 64,50 82,98! 40,66 2,36! 50,37 100,36! 60,66 20,100",
    "heart": "50,28 38,6 16,4 2,24 12,54 50,98! 88,54 98,24 84,4 62,6 50,28",
    "arrow": "0,50 50,52 110,50 | 78,22 96,36 112,50! 96,64 80,80",
    "triangle": "50,0 26,46 0,92! 50,93 102,92! 76,46 50,0",
    "smiley": ("50,0 14,14 0,50 14,86 50,100 86,86 100,50 86,14 50,0 | 32,32 33,38 | 66,31 67,38 | 26,62 50,78 74,60"),
    "zigzag": "0,20 30,2! 12,40 4,54! 60,8! 20,70! 92,16! 40,88! 110,40! 72,98! 116,70",
    "tangle": "4,70 20,8 44,60 10,96 70,30 110,4 60,56 120,90 84,10 30,34 96,70 40,100 52,4 118,44 2,40 74,9",
    "spiral": "60,54 54,46 44,54 54,70 76,62 76,34 48,22 20,44 28,88 74,96 106,60 92,10 44,-6 4,30",
    "wave": "0,30 12,4 26,30 38,56 52,30 64,4 78,30 90,56 104,30 116,4 130,30 142,56",
    "dot": "0,0 2,3 3,5",
    "two-digits-12": beside(DIGITS[1]["flagged"], DIGITS[2]["plain"]),
    "two-digits-47": beside(DIGITS[4]["open"], DIGITS[7]["plain"]),
    "two-digits-35": beside(DIGITS[3]["round"], DIGITS[5]["one-stroke"]),
    "two-digits-80": beside(DIGITS[8]["figure"], DIGITS[0]["plain"]),
}
