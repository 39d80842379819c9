"""UNIPEN text: what it holds, and the line of whatever is wrong with it."""

import pytest

from inkproof.data.pens import parse
from inkproof.runtime.errors import UserError
from support import pen_text

GOOD = pen_text.HEAD + pen_text.digit(0, 7, 3, 12, [[(10, 490), (250, 480)], [(20, 0), (30, 500), (20, 9)]])


def test_label_writer_number_and_strokes() -> None:
    (digit,) = parse(GOOD, "x.tra", 500)
    assert (digit.label, digit.writer, digit.number) == (7, 3, 12)
    assert digit.strokes == [[(10, 490), (250, 480)], [(20, 0), (30, 500), (20, 9)]]


def test_many_digits_keep_their_order() -> None:
    digits = parse(pen_text.text(40), "x.tra", 500)
    assert [digit.label for digit in digits] == [index % 10 for index in range(40)]
    assert [(digit.writer, digit.number) for digit in digits[:5]] == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)]
    assert [len(digit.strokes) for digit in digits[:5]] == [1, 1, 1, 2, 1]


def test_line_ends_of_another_system() -> None:
    assert parse(GOOD.replace("\n", "\r\n"), "x.tra", 500) == parse(GOOD, "x.tra", 500)


# The good text has its segment in line 6, the comment in 7, the first stroke in 8 to 12, the second from 13.
MISTAKES = {
    "a point of one number": (" 250  480", " 250", 10, "'250' is not a point"),
    "a point of words": (" 250  480", " 250 up", 10, "'250 up' is not a point"),
    "a point with a fraction": (" 250  480", " 2.5 480", 10, "is not a point"),
    "a point off the tablet": (" 250  480", " 250  501", 10, "off the tablet"),
    "a point left of the tablet": (" 250  480", " -1  480", 10, "off the tablet"),
    "no pen up": (" 250  480\n.PEN_UP", " 250  480", 11, ".DT while the pen is down"),
    "a pen down misspelt": ("100\n.PEN_DOWN", "100\n.PEN_DWN", 14, "while the pen is up"),
    "a pen up too many": (".DT 100\n.PEN_DOWN", ".PEN_UP\n.PEN_DOWN", 12, ".PEN_UP while the pen is up"),
    "a stroke without points": (" 10  490\n 250  480\n", "", 9, "without points"),
    "a pen down twice": (
        ".PEN_DOWN\n 20",
        ".PEN_DOWN\n.PEN_DOWN\n 20",
        14,
        ".PEN_DOWN while the pen is down",
    ),
    "a segment of another kind": ("DIGIT    0-1", "WORD    0-1", 6, "not of the form .SEGMENT DIGIT"),
    "a label of two digits": ('? "7"', '? "17"', 6, "not of the form .SEGMENT DIGIT"),
    "runs backwards": ("DIGIT    0-1", "DIGIT    1-0", 6, "go backwards"),
    "more runs announced": ("DIGIT    0-1", "DIGIT    0-2", 6, "3 pen-down runs announced, 2 given"),
    "fewer runs announced": ("DIGIT    0-1", "DIGIT    0", 6, "1 pen-down runs announced, 2 given"),
    "a comment of words": (".COMMENT 7  3  12", ".COMMENT by Ada", 7, "not of the form .COMMENT label"),
    "another label": (".COMMENT 7", ".COMMENT 1", 7, "label 1 under a segment labeled 7"),
    "no such writer": (".COMMENT 7  3", ".COMMENT 7  0", 7, "numbered from 1"),
    "no comment": (".COMMENT 7  3  12\n", "", 6, "no .COMMENT"),
    "no segment": ('.SEGMENT DIGIT    0-1 ? "7"\n', "", 7, ".PEN_DOWN before the first .SEGMENT"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_its_line(mistake: str) -> None:
    right, wrong, line, words = MISTAKES[mistake]
    assert GOOD.count(right) == 1
    with pytest.raises(UserError) as caught:
        parse(GOOD.replace(right, wrong), "x.tra", 500)
    assert str(caught.value).startswith(f"x.tra, line {line}: ")
    assert words in str(caught.value)


def test_a_file_cut_short() -> None:
    with pytest.raises(UserError, match=r"x\.tra, line 15: the file ends while the pen is down"):
        parse("\n".join(GOOD.split("\n")[:15]), "x.tra", 500)
    with pytest.raises(UserError, match=r"x\.tra, line 6: 2 pen-down runs announced, 1 given"):
        parse("\n".join(GOOD.split("\n")[:12]), "x.tra", 500)


def test_the_same_number_twice() -> None:
    twice = GOOD + pen_text.digit(2, 7, 3, 12, [[(1, 1)]])
    with pytest.raises(UserError, match=r"number 12 of writer 3 is in line 7 too"):
        parse(twice, "x.tra", 500)


@pytest.mark.parametrize("text", ["", pen_text.HEAD])
def test_no_digit_at_all(text: str) -> None:
    with pytest.raises(UserError, match=r"x\.tra: no digit found"):
        parse(text, "x.tra", 500)
