"""Which images a command line means."""

import os
from pathlib import Path

import pytest

from inkproof.inference import predict as module
from inkproof.inference.predict import find_images


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of all sorts of files, in which the command is typed."""
    names = [
        *("digit10.png", "digit2.png", "Digit1.JPG", "a.jpeg", "b.bmp", "c.gif", "d.tif", "e.TIFF"),
        *("deep/er/f.png", "notes.txt", "README", "archive.png.zip", "x.webp"),
        *(".hidden.png", "._digit2.png", ".git/g.png", "deep/.cache/h.png"),
    ]
    for name in names:
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).touch()
    (tmp_path / "all" / "folder.png").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "all"


WALKED = [
    *("a.jpeg", "b.bmp", "c.gif", "d.tif", "deep/er/f.png", "Digit1.JPG", "digit2.png", "digit10.png", "e.TIFF"),
    "x.webp",
]


@pytest.mark.parametrize("typed", ["all", "all/", "./all", "./all/", "../{}/all"])
def test_a_folder_is_walked_in_numeric_order_and_named_as_it_was_typed(folder: Path, typed: str):
    typed = typed.format(folder.parent.name)
    assert find_images([typed]) == ([f"{typed.rstrip('/')}/{name}" for name in WALKED], [])


def test_the_folder_one_is_in_is_walked_too(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    assert find_images(["."])[0] == [f"./{name}" for name in WALKED]


def test_a_file_that_is_named_is_taken_whatever_it_is_called_and_as_often(folder: Path):
    paths = ["all/notes.txt", "./all/.hidden.png", "absent.png", "all/notes.txt"]
    assert find_images(paths) == (paths, [])


def test_an_empty_name_is_one_line(folder: Path):
    found, (only,) = find_images(["all/a.jpeg", ""])
    assert found == ["all/a.jpeg"]
    assert (only.path, only.reason) == ('""', "an empty name; give an image or a folder of images")


def test_files_and_folders_keep_the_order_in_which_they_were_typed(folder: Path):
    found, unreadable = find_images(["all/e.TIFF", "all/deep", "all/a.jpeg"])
    assert (found, unreadable) == (["all/e.TIFF", "all/deep/er/f.png", "all/a.jpeg"], [])


def test_a_folder_without_images_is_named(folder: Path):
    found, unreadable = find_images(["all/folder.png", "all/b.bmp"])
    assert found == ["all/b.bmp"]
    assert [(one.path, one.reason) for one in unreadable] == [
        ("all/folder.png", "has no images (PNG, JPEG, GIF, BMP, TIFF, WebP, AVIF, HEIC, PNM)")
    ]


def test_images_of_other_formats_are_one_line_a_folder(folder: Path):
    for name in ("s1.svg", "s2.SVG", "deep/raw.CR2", ".hidden.pdf", "t.tga", "i.ico"):
        (folder / name).touch()
    found, (only,) = find_images(["all"])
    assert found == [f"all/{name}" for name in WALKED]
    assert (only.path, only.reason) == (
        "all",
        "images of other formats are left out (1 .cr2, 1 .ico, 2 .svg, 1 .tga); save as PNG or JPEG",
    )


def test_pipes_in_a_folder_are_passed_over_and_a_name_of_any_length_is_taken(folder: Path):
    os.mkfifo(folder / "pipe.png")
    assert find_images(["all"])[0] == [f"all/{name}" for name in WALKED]
    assert find_images(["x" * 5000, "two\0"]) == (["x" * 5000, "two\0"], [])


def test_a_folder_that_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def denied(top: str, onerror):
        onerror(PermissionError(13, "Permission denied", f"{top}/deep"))
        yield top, [], ["a.jpeg"]

    monkeypatch.setattr(module.os, "walk", denied)
    found, unreadable = find_images(["all"])
    assert found == ["all/a.jpeg"]
    assert [(one.path, one.reason) for one in unreadable] == [("all/deep", "Permission denied")]


def test_an_earlier_contact_sheet_is_no_image_of_the_folder(folder: Path):
    assert "all/b.bmp" not in find_images(["all"], folder / "b.bmp")[0]
    assert "all/b.bmp" in find_images(["all"], folder.parent / "b.bmp")[0]
    assert find_images(["all/b.bmp"], Path("all/b.bmp"))[0] == ["all/b.bmp"], "it was named"
    (only,) = find_images(["all/deep"], Path("all/deep/er/f.png"))[1]
    assert only.reason.startswith("has no images")


def test_links_to_images_are_read_and_circles_end(folder: Path):
    (folder / "link.png").symlink_to(folder / "a.jpeg")
    (folder / "gone.png").symlink_to(folder / "nothing")
    (folder / "circle").symlink_to(folder)
    found, (only,) = find_images(["all"])
    assert "all/link.png" in found and len(found) == len(WALKED) + 1
    assert (only.path, only.reason) == ("all/gone.png", "is a link to no file; correct or delete it")


def test_names_that_are_no_utf_8_are_found(folder: Path):
    name = os.fsdecode(b"all/z\xe9\xff.png")
    try:
        Path(name).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert find_images(["all"])[0][-1] == name
