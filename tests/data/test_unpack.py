"""The forms a body may come in; the .Z file was made by `compress` itself."""

from pathlib import Path

import pytest

from inkproof.data.unpack import DownloadError, unpack
from support import pen_text
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
