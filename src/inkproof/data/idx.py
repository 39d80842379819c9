"""The IDX form of MNIST: a magic number, the dimensions (32-bit, big-endian), then the bytes.

Described on the page where MNIST was published (LeCun, Cortes, Burges, "The MNIST database", 1998).
"""

import struct

import numpy as np

UINT8 = 0x08


def read_idx(content: bytes) -> np.ndarray:
    """Return the uint8 array in `content`; raises ValueError where magic, dimensions or size disagree."""
    if len(content) < 4:
        raise ValueError("too short for an IDX file")
    zero, kind, rank = struct.unpack(">HBB", content[:4])
    if zero != 0 or kind != UINT8 or rank == 0:
        raise ValueError(f"magic number 0x{content[:4].hex()} is not that of an IDX file of bytes")
    start = 4 + 4 * rank
    if len(content) < start:
        raise ValueError("the IDX header ends early")
    shape = struct.unpack(f">{rank}I", content[4:start])
    expected = start + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise ValueError(f"{len(content):,} bytes where the IDX header {shape} asks for {expected:,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def write_idx(array: np.ndarray) -> bytes:
    """Return the IDX file that holds the uint8 `array`; raises ValueError for any other type."""
    if array.dtype != np.uint8:
        raise ValueError(f"an IDX file of bytes cannot hold {array.dtype}")
    header = struct.pack(f">HBB{array.ndim}I", 0, UINT8, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()
