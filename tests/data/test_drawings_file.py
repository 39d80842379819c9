"""drawings.jsonl: what is written comes back, and each way a line can be wrong is named with its line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkproof.data.drawings import FORMAT, Drawing, read_drawings, write_drawings
from inkproof.runtime.errors import UserError

SEVEN = Drawing(
    id="a1",
    label=7,
    writer="w1",
    source="test",
    canvas=(280, 280),
    strokes=[[[10.0, 20.0], [30.5, 40.0, 12.0]], [[5.0, 5.0]]],
    image=None,
    created="2026-11-21",
)
GOOD_LINE = {
    "id": "a1",
    "label": 7,
    "writer": "w1",
    "source": "test",
    "canvas": [280, 280],
    "strokes": [[[1, 2]]],
    "created": "2026-11-21",
}

coordinates = st.floats(-1000, 1000).map(lambda value: round(value, 1))
drawings = st.builds(
    Drawing,
    id=st.text(min_size=1).filter(str.strip),
    label=st.none() | st.integers(0, 9),
    writer=st.text(min_size=1).filter(str.strip),
    source=st.just("test\u2028line"),
    canvas=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    strokes=st.lists(st.lists(st.lists(coordinates, min_size=2, max_size=3))),
    image=st.none(),
    created=st.sampled_from(["1998", "2026-11-21", "2026-11-21T10:20:30Z"]),
)


@settings(max_examples=40)
@given(st.lists(drawings, unique_by=lambda drawing: drawing.id, max_size=4))
def test_written_drawings_come_back_as_they_were(tmp_path_factory, some):
    folder = tmp_path_factory.mktemp("set")
    write_drawings(folder, some)
    assert read_drawings(folder) == some
    assert (folder / "drawings.jsonl").read_bytes().count(b"\n") == len(some)


def test_a_line_is_compact_in_fixed_order_and_leaves_out_what_is_none(tmp_path):
    write_drawings(tmp_path, [replace(SEVEN, strokes=[[[1.04, 2.0], [3.26, -0.01, 4.0]]], label=None)])
    assert (tmp_path / "drawings.jsonl").read_text() == (
        '{"format":1,"id":"a1","label":null,"writer":"w1","source":"test","canvas":[280,280],'
        '"strokes":[[[1,2],[3.3,0,4]]],"created":"2026-11-21"}\n'
    )


def test_lines_of_the_first_version_have_no_format_and_are_read_as_those_of_today(tmp_path):
    lines = [GOOD_LINE, {**GOOD_LINE, "id": "a2", "format": FORMAT}]
    (tmp_path / "drawings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    first, second = read_drawings(tmp_path)
    assert replace(first, id="a2") == second


@pytest.mark.parametrize("more", [{}, {"pressure": [1]}])
def test_a_line_in_a_newer_format_ends_in_one_line(tmp_path, more):
    (tmp_path / "drawings.jsonl").write_text(json.dumps({**GOOD_LINE, **more, "format": FORMAT + 1}))
    with pytest.raises(UserError) as error:
        read_drawings(tmp_path)
    file = tmp_path / "drawings.jsonl"
    assert str(error.value) == f"{file}, line 1: written by a newer version of Inkproof; update this one"


def test_a_folder_without_the_file_is_an_empty_set(tmp_path):
    assert read_drawings(tmp_path) == []
    assert read_drawings(tmp_path / "absent") == []


def test_an_image_is_named_relative_to_its_folder(tmp_path):
    (tmp_path / "a1.png").write_bytes(b"image")
    drawing = replace(SEVEN, strokes=None, image="a1.png")
    write_drawings(tmp_path, [drawing])
    assert read_drawings(tmp_path) == [drawing]
    (tmp_path / "a1.png").unlink()
    with pytest.raises(UserError, match=r"drawings\.jsonl, line 1: its image .*a1\.png is missing"):
        read_drawings(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"label": 10}, "label=10: expected at most 9"),
        ({"label": -1}, "label=-1: "),
        ({"label": "7"}, "label=7: expected a whole number"),
        ({"label": True}, "label=True: "),
        ({"label": 7.0}, "label=7.0: "),
        ({"id": ""}, "id=: not a text"),
        ({"writer": 3}, "writer=3: expected a text"),
        ({"canvas": [280]}, "canvas[1]: expected a value"),
        ({"canvas": [280, 0]}, "canvas[1]=0: "),
        ({"canvas": [280, 10_001]}, "canvas[1]=10001: expected at most 10,000"),
        ({"canvas": [280, int("9" * 400)]}, "expected at most 10,000"),
        ({"strokes": [[[1, int("9" * 400)]]]}, "expected a finite number"),
        ({"strokes": "x"}, "strokes=x: "),
        ({"strokes": [3]}, "strokes[0]=3: "),
        ({"strokes": [[[1, 2]], [[1, 2], [1]]]}, "strokes[1][1]: expected at least 2 of them"),
        ({"strokes": [[[1, float("nan")]]]}, "strokes[0][0][1]=nan: "),
        ({"strokes": [[[1, "2"]]]}, "strokes[0][0][1]=2: "),
        ({"image": "a.png"}, "not both"),
        ({"strokes": None}, "has neither"),
        ({"strokes": None, "image": "../a.png"}, "outside the folder"),
        ({"strokes": None, "image": "/etc/a.png"}, "outside the folder"),
        ({"strokes": None, "image": "C:\\a.png"}, "outside the folder"),
        ({"created": "yesterday"}, "not an ISO date"),
        ({"format": "1"}, "format=1: expected a whole number"),
        ({"format": 0}, "format=0: expected at least 1"),
        ({"lable": 7}, "lable: unknown key; the keys are id, label, writer"),
        ({"id": "first"}, "is already in line 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, change, complaint):
    first = json.dumps({**GOOD_LINE, "id": "first"})
    (tmp_path / "drawings.jsonl").write_text(f"{first}\n\n{json.dumps({**GOOD_LINE, **change})}\n")
    with pytest.raises(UserError) as error:
        read_drawings(tmp_path)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'drawings.jsonl'}, line 3: ")
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize("field", ["id", "label", "writer", "source", "canvas", "created"])
def test_a_missing_field_is_named(tmp_path, field):
    others = {name: value for name, value in GOOD_LINE.items() if name != field}
    (tmp_path / "drawings.jsonl").write_text(json.dumps(others))
    with pytest.raises(UserError, match=f"line 1: {field}: expected a value"):
        read_drawings(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("{", "Invalid JSON: .* at column 1"), ("[]", "expected keys with values"), ("[" * 100_000, "Invalid JSON")],
)
def test_what_is_no_json_object_is_named(tmp_path, line, complaint):
    (tmp_path / "drawings.jsonl").write_text(line)
    with pytest.raises(UserError, match=f"line 1: {complaint}"):
        read_drawings(tmp_path)


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "drawings.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(UserError, match="not UTF-8"):
        read_drawings(tmp_path)


def test_writing_rejects_what_could_not_be_loaded_again_and_keeps_the_old_file(tmp_path):
    write_drawings(tmp_path, [SEVEN])
    for bad in ([SEVEN, SEVEN], [replace(SEVEN, strokes=[[[float("inf"), 0.0]]])]):
        with pytest.raises(ValueError):
            write_drawings(tmp_path, bad)
        assert read_drawings(tmp_path) == [SEVEN]


@pytest.mark.parametrize("change", [{"strokes": None}, {"image": "a.png"}])
def test_a_drawing_has_strokes_or_an_image(change):
    with pytest.raises(ValueError, match="needs either 'strokes' or 'image'"):
        replace(SEVEN, **change)
