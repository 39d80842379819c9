"""The forms a body may come in; the .Z file was made by `compress` itself."""

from pathlib import Path

import pytest

from inkproof.data.unpack import DownloadError, sha256_of_files, unpack, unpack_tar
from support import pen_text, unipen_archive
from support.tiny_mnist import LIMIT

FIXTURES = Path(__file__).parent / "fixtures"
PACKED = (FIXTURES / "pens.tra.Z").read_bytes()


def test_a_file_made_by_compress() -> None:
    # Long enough for the code width to grow from 9 to 12 bits on the way.
    assert unpack(PACKED, "pens.tra", None, LIMIT) == pen_text.text(40).encode()


@pytest.mark.parametrize("body", [PACKED[:2], PACKED[:3] + b"\xff" * 40])
def test_a_corrupt_compress_file(body: bytes) -> None:
    with pytest.raises(DownloadError, match=r"corrupt or truncated \.Z data"):
        unpack(body, "pens.tra", None, LIMIT)


def test_a_compress_file_cut_short_is_noticed_where_its_form_allows() -> None:
    # The form has no end mark: only a cut inside a code of the greatest width shows, and that is some ten bits
    # in this file. A cut that goes unseen here gives less, and is caught by the content's hash.
    packed, whole, noticed = (FIXTURES / "narrow.Z").read_bytes(), pen_text.text(4).encode(), []
    assert unpack(packed, "narrow", None, LIMIT) == whole
    for cut in range(1, 12):
        try:
            part = unpack(packed[:-cut], "narrow", None, LIMIT)
        except DownloadError as error:
            assert "truncated" in str(error)
            noticed.append(cut)
        else:
            assert len(part) < len(whole) and whole.startswith(part)
    assert 0 < len(noticed) < 11


def test_a_tar_gives_the_wanted_files_without_its_folder() -> None:
    body = unipen_archive.packed()
    assert unpack_tar(body, unipen_archive.MEMBERS, 10_000) == unipen_archive.wanted()
    assert next(iter(unpack_tar(body, ["data/*", "LICENSE"], 10_000))) == "LICENSE"
    assert unpack_tar(body, ["*.png"], 0) == {}


def test_a_tar_that_is_cut_none_or_too_large() -> None:
    body = unipen_archive.packed()
    for broken in (body[:-30], body[:40], b"no tar"):
        with pytest.raises(DownloadError, match="corrupt or truncated tar"):
            unpack_tar(broken, ["*"], 10_000)
    with pytest.raises(DownloadError, match="too large"):
        unpack_tar(body, ["*"], 100)


def test_the_hash_of_files_is_that_of_paths_and_contents() -> None:
    files = {"b": b"2", "a": b"1"}
    assert sha256_of_files(files) == sha256_of_files(dict(sorted(files.items())))
    assert (
        len({sha256_of_files(one) for one in (files, {"b": b"2"}, {"b": b"1", "a": b"2"}, {"c": b"2", "a": b"1"})}) == 4
    )
