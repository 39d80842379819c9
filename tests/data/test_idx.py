import numpy as np
import pytest

from inkproof.data.unpack import read_idx, write_idx

CUBE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4])


def test_the_bytes_are_those_of_the_published_form() -> None:
    assert write_idx(CUBE) == HEADER + bytes(range(24))
    assert write_idx(CUBE.transpose(2, 1, 0)[::-1]) == write_idx(CUBE.transpose(2, 1, 0)[::-1].copy())
    array = read_idx(HEADER + bytes(range(24)))
    assert array.shape == (2, 3, 4) and (array == CUBE).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0", "too short"),
        (b"\0\1" + HEADER[2:] + bytes(24), "magic number 0x00010803"),
        (b"\0\0\x0d" + HEADER[3:] + bytes(24), "magic number 0x00000d03"),
        (b"\0\0\x08\0", "magic number"),
        (HEADER[:10], "header ends early"),
        (HEADER + bytes(23), "39 bytes where .* asks for 40"),
        (HEADER + bytes(25), "41 bytes where .* asks for 40"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "12 bytes where"),
    ],
)
def test_what_is_no_idx_file_is_rejected(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_idx(content)


def test_whole_numbers_of_32_bits_are_read() -> None:
    array = read_idx(bytes([0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 9, 61, 255, 255, 255, 255]))
    assert array.tolist() == [2365, -1]
    with pytest.raises(ValueError, match=r"15 bytes where .* asks for 16"):
        read_idx(bytes([0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 9, 61, 255, 255, 255]))


def test_only_bytes_are_written() -> None:
    with pytest.raises(ValueError, match="float64"):
        write_idx(np.zeros(3))
