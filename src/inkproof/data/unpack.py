"""What a download is unpacked from: gzip, .Z, zip, npz and tar, within limits, and the IDX form of MNIST's arrays."""

import gzip
import hashlib
import io
import math
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import IO, Any

import numpy as np
from uncompresspy import LZWFile

PIECE = 1 << 16  # bytes that are read at once
LZW_SHARE = 4  # a .Z file may give a quarter of the limit: its decoder can go over, and keeps a table as large again
NESTED = 3  # forms inside one another, such as a .gz in a zip that a server compressed on the way
MEMBERS = 1000  # of a zip; each costs memory when it is opened

GZIP, COMPRESS, ZIP, ZIP_ENTRY = b"\x1f\x8b", b"\x1f\x9d", b"PK\x03\x04", b"PK\x01\x02"


class DownloadError(Exception):
    """Why a mirror did not serve a file, in words; `passing` is true if asking again may help."""

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def read_whole(stream: IO[bytes] | LZWFile, limit: int) -> bytes:
    """Return what is left in `stream`; raises DownloadError once that is more than `limit` bytes."""
    content = io.BytesIO()
    while piece := stream.read(PIECE):
        content.write(piece)
        if content.tell() > limit:
            raise DownloadError(f"too large: more than {limit:,} bytes")
    return content.getvalue()


def unpack(body: bytes, name: str, array: str | None, limit: int) -> bytes:
    """Return the content of the file `name` out of `body`; raises DownloadError if it is absent or broken.

    The first bytes decide the form, not the address: servers undo or add gzip as they like. From a zip the
    member `name`, `name.Z` or `name.gz` is taken. From an npz the array called `array` is taken, as the bytes of
    the IDX file with the same numbers, so that one content hash serves both forms. Nothing of more than
    `limit` bytes is unpacked, and no more than NESTED forms one inside the other.
    """
    for _ in range(NESTED):
        if body.startswith(GZIP):
            body = _gunzip(body, limit)
        elif body.startswith(COMPRESS):
            body = _uncompress(body, limit // LZW_SHARE)
        elif body.startswith(ZIP):
            body = _member(body, name, array, limit)
    if body.startswith((GZIP, COMPRESS, ZIP)):
        raise DownloadError(f"compressed more than {NESTED} times over")
    if body[:256].lstrip().startswith(b"<"):
        raise DownloadError("an HTML page came in place of the data")
    if not body:
        raise DownloadError("an empty body came", passing=True)
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    try:
        return read_whole(gzip.GzipFile(fileobj=io.BytesIO(body)), limit)
    except EOFError as error:
        raise DownloadError("truncated: the gzip data ends early", passing=True) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DownloadError(f"corrupt gzip data ({error})") from error


def _uncompress(body: bytes, limit: int) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the library only warns of a stream that ends early
        try:
            with LZWFile(io.BytesIO(body), save_checkpoints=False) as stream:
                if body[2] & 0x1F > 16:  # the most that `compress` writes; the decoder's table doubles with each bit
                    raise ValueError("codes of more than 16 bits")
                return read_whole(stream, limit)
        except (ValueError, RuntimeWarning) as error:
            raise DownloadError(f"corrupt or truncated .Z data ({error})", passing=True) from error


def _member(body: bytes, name: str, array: str | None, limit: int) -> bytes:
    if body.count(ZIP_ENTRY) > MEMBERS:
        raise DownloadError(f"the zip lists more than {MEMBERS:,} files")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {member.filename.rsplit("/")[-1]: member for member in archive.infolist()}
            for wanted in (name, f"{name}.Z", f"{name}.gz", f"{array}.npy"):
                if wanted in members:
                    # Other methods unpack a piece at once whatever comes of it, which may be a gigabyte.
                    if members[wanted].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                        raise DownloadError(f"{wanted} is compressed by a method that is not supported")
                    with archive.open(members[wanted]) as stream:
                        content = read_whole(stream, limit)
                    return _npy_to_idx(content) if wanted.endswith(".npy") else content
    except zipfile.BadZipFile as error:
        raise DownloadError(f"corrupt or truncated zip ({error})", passing=True) from error
    except (EOFError, OverflowError, RuntimeError, TypeError, ValueError, struct.error, zlib.error) as error:
        raise DownloadError(f"corrupt member in the zip ({error})") from error
    raise DownloadError(f"the zip holds no {name}")


def unpack_tar(body: bytes, patterns: Sequence[str], limit: int) -> dict[str, bytes]:
    """Return by path, sorted, the files of a tar that match one of `patterns`, such as `data/*.png`.

    A path is that below the archive's one folder, which servers name as they like. Raises DownloadError if the archive
    is broken, or if these files have more than `limit` bytes.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:*") as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                if member.isreg() and any(fnmatchcase(path, pattern) for pattern in patterns):
                    limit -= member.size
                    stream = archive.extractfile(member)
                    if limit < 0 or stream is None:
                        raise DownloadError("too large: the wanted files have more bytes than allowed")
                    found[path] = stream.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DownloadError(f"corrupt or truncated tar ({error})", passing=True) from error
    return dict(sorted(found.items()))


def sha256_of_files(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 over each path in sorted order, a zero byte, and the file's own SHA-256 (32 bytes)."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


UINT8 = 0x08
IDX_TYPES: dict[int, np.dtype[Any]] = {UINT8: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}


def read_idx(content: bytes) -> np.ndarray:
    """Return the array of bytes or of 32-bit whole numbers in `content`, of the form that MNIST is published in.

    Such a file is a magic number, the dimensions (32-bit, big-endian), then the numbers (LeCun, Cortes, Burges,
    "The MNIST database", 1998). Raises ValueError if magic, dimensions or size disagree.
    """
    if len(content) < 4:
        raise ValueError("too short for an IDX file")
    zero, kind, rank = struct.unpack(">HBB", content[:4])
    if zero != 0 or kind not in IDX_TYPES or rank == 0:
        raise ValueError(f"magic number 0x{content[:4].hex()} is not that of an IDX file of bytes or 32-bit numbers")
    start = 4 + 4 * rank
    if len(content) < start:
        raise ValueError("the IDX header ends early")
    shape = struct.unpack(f">{rank}I", content[4:start])
    expected = start + math.prod(shape) * IDX_TYPES[kind].itemsize
    if len(content) != expected:
        raise ValueError(f"{len(content):,} bytes where the IDX header {shape} asks for {expected:,}")
    return np.frombuffer(content, IDX_TYPES[kind], offset=start).reshape(shape)


def write_idx(array: np.ndarray) -> bytes:
    """Return the IDX file that holds the uint8 `array`; raises ValueError for any other type."""
    if array.dtype != np.uint8:
        raise ValueError(f"an IDX file of bytes cannot hold {array.dtype}")
    header = struct.pack(f">HBB{array.ndim}I", 0, UINT8, array.ndim, *array.shape)
    return b"".join((header, np.ascontiguousarray(array).data))


def _npy_to_idx(content: bytes) -> bytes:
    """Return the array in an npy file as an IDX file; no memory is taken for bytes that are announced but absent."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not an npy file of version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    return write_idx(np.ndarray(shape, dtype, content, stream.tell(), order="F" if fortran else "C"))
