"""From a downloaded body to the published content: gzip, compress (.Z), zip, Keras's npz, or plain."""

import gzip
import io
import warnings
import zipfile
import zlib

import numpy as np

from inkproof.sources.idx import write_idx
from inkproof.sources.transfer import Fault

GZIP, COMPRESS, ZIP = b"\x1f\x8b", b"\x1f\x9d", b"PK\x03\x04"


def is_archive(body: bytes) -> bool:
    """Say whether `body` is a zip (an npz is one too) that may hold further wanted files."""
    return body.startswith(ZIP)


def unpack(body: bytes, name: str, array: str | None = None) -> bytes:
    """Return the content of the file `name` out of `body`; raises Fault where it is not there or broken.

    The first bytes tell the form, not the address: servers undo or add gzip as they like. From a zip the
    member `name`, `name.Z` or `name.gz` is taken; from an npz the array called `array`, as the bytes of the
    IDX file that holds the same numbers, so that one content hash serves both forms.
    """
    if body.startswith(GZIP):
        return unpack(_gunzip(body), name, array)
    if body.startswith(COMPRESS):
        return unpack(_uncompress(body), name, array)
    if body.startswith(ZIP):
        return _member(body, name, array)
    if body[:256].lstrip().startswith(b"<"):
        raise Fault("an HTML page came in place of the data")
    if not body:
        raise Fault("an empty body came", passing=True)
    return body


def _gunzip(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except EOFError as error:
        raise Fault("truncated: the gzip data ends early", passing=True) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Fault(f"corrupt gzip data ({error})") from error


def _uncompress(body: bytes) -> bytes:
    import uncompresspy

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the library only warns of a stream that ends early
        try:
            with uncompresspy.LZWFile(io.BytesIO(body)) as stream:
                return bytes(stream.read())
        except (ValueError, RuntimeWarning) as error:
            raise Fault(f"corrupt or truncated .Z data ({error})", passing=True) from error


def _member(body: bytes, name: str, array: str | None) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {member.rsplit("/")[-1]: member for member in archive.namelist()}
            for wanted in (name, f"{name}.Z", f"{name}.gz"):
                if wanted in members:
                    return unpack(archive.read(members[wanted]), name)
            if array is not None and f"{array}.npy" in members:
                with archive.open(members[f"{array}.npy"]) as stream:
                    return write_idx(np.lib.format.read_array(stream, allow_pickle=False))
    except zipfile.BadZipFile as error:
        raise Fault(f"corrupt or truncated zip ({error})", passing=True) from error
    except (EOFError, ValueError, zlib.error, RuntimeError) as error:
        raise Fault(f"corrupt member in the zip ({error})") from error
    raise Fault(f"the zip holds no {name}")
