"""A mirror that sends too much, too slowly or too deeply packed is passed over, within bounded time and memory."""

import gzip
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import TrainConfig
from inkproof.config.stages import DownloadConfig
from inkproof.data.download import Fetcher, prepare
from inkproof.data.mnist import MnistSource
from inkproof.data.unpack import NESTED, DownloadError, unpack
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support import misbehaving as bad
from support import tiny_mnist as tiny
from support.tiny_mnist import LIMIT

BODY = tiny.PACKED[tiny.FIRST]
MEMORY = 300_000_000  # bytes that a process may take, Python and NumPy among them
ZEROS = bytes(16_000_000)
TOO_LARGE = f"too large: more than {LIMIT:,} bytes"


@pytest.fixture
def server() -> Iterator[bad.Server]:
    server = bad.Server()
    server.routes[f"/good/{tiny.FIRST}.gz"] = bad.good(BODY)
    yield server
    server.close()


def gzip_bomb() -> bytes:
    return gzip.compress(ZEROS) * 100


def gzip_of_noise() -> bytes:
    """Nearly as much as is taken, and as much again when unpacked: what takes the most memory of all."""
    return gzip.compress(np.random.default_rng(1).bytes(LIMIT - 50_000), 0)


def packed(content: bytes, times: int) -> bytes:
    for _ in range(times):
        content = gzip.compress(content)
    return content


def zip_of(name: str, *pieces: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, archive.open(name, "w", force_zip64=True) as member:
        for piece in pieces:
            member.write(piece)
    return stream.getvalue()


def npz_that_announces(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return zip_of("x_train.npy", stream.getvalue(), bytes(1000))


def npy_of_noise() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(1).integers(0, 256, LIMIT - 1000, np.uint8))
    return stream.getvalue()


def compress_bomb() -> bytes:
    """A .Z file of 69 kB that unpacks to half a gigabyte: each code is the entry before it and one letter more."""
    packed = b"\x1f\x9d\x90"
    for width in range(9, 16):
        codes = [97 if code == 256 else code for code in range(1 << (width - 1), 1 << width)]
        bits = "".join(f"{code:0{width}b}" for code in reversed(codes))
        packed += int(bits, 2).to_bytes(len(bits) // 8, "little")
    return packed


def zip_of_nothing(files: int) -> bytes:
    return b"PK\x03\x04" + (b"PK\x01\x02" + bytes(42)) * files


TOO_MUCH: dict[str, tuple[Callable[[], bad.Behavior], str]] = {
    "endless": (lambda: bad.endless(), TOO_LARGE),
    "endless in chunks": (lambda: bad.endless(chunked=True), TOO_LARGE),
    "absurd length": (lambda: bad.endless(Content_Length=10**15), TOO_LARGE),
    "endless redirect": (lambda: bad.endless(302, Location="/bad"), "it redirects without end"),
    "gzip bomb": (lambda: bad.good(gzip_bomb()), TOO_LARGE),
    "gzip bomb on the way": (lambda: bad.gzip_on_the_way(gzip_bomb()), TOO_LARGE),
    "gzip bomb in a zip": (lambda: bad.good(zip_of(f"{tiny.FIRST}.gz", gzip_bomb())), TOO_LARGE),
    "noise": (lambda: bad.good(gzip_of_noise()), "wrong content"),
    "zip of noise": (lambda: bad.good(zip_of(f"{tiny.FIRST}.gz", gzip_of_noise())), "wrong content"),
    "zip bomb": (lambda: bad.good(zip_of(tiny.FIRST, *[ZEROS] * 8)), TOO_LARGE),
    "zip bomb of another kind": (
        lambda: bad.good(zip_of(tiny.FIRST, *[ZEROS] * 2, method=zipfile.ZIP_BZIP2)),
        "is compressed by a method that is not supported",
    ),
    "zip of a million files": (lambda: bad.good(zip_of_nothing(1_000_000)), "the zip lists more than 1,000 files"),
    "npz bomb": (lambda: bad.good(zip_of("x_train.npy", *[ZEROS] * 8)), TOO_LARGE),
    "absurd npz": (lambda: bad.good(npz_that_announces((10**15,))), "corrupt member .*too small"),
    "absurd npz of two dimensions": (
        lambda: bad.good(npz_that_announces((10**10, 10**10))),
        "corrupt member .*too small",
    ),
    "large npz": (
        lambda: bad.good(zip_of("x_train.npy", npy_of_noise(), method=zipfile.ZIP_STORED)),
        "wrong content",
    ),
    ".Z bomb": (lambda: bad.good(compress_bomb()), f"too large: more than {LIMIT // 4:,} bytes"),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux, which reports the memory of a process")
@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_passed_over_in_little_memory(what: str, server: bad.Server) -> None:
    make, words = TOO_MUCH[what]
    server.routes["/bad"] = make()
    mirrors = [f"{server.address}/bad", f"{server.address}/good/{{name}}.gz"]
    script = (
        f"import json, sys\nsys.path[:0] = [{str(ROOT / 'src')!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\nfrom inkproof.data.download import Fetcher\nfrom support import tiny_mnist\n"
        f"fetcher = Fetcher('tiny', tiny_mnist.source(*{mirrors!r}), None)\n"
        "right = fetcher.fetch('train_images') == tiny_mnist.CONTENT[tiny_mnist.FIRST]\n"
        "print(json.dumps([right, Path('/proc/self/status').read_text()]))"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 30
    right, status = json.loads(done.stdout)
    assert right
    assert re.search(rf"^tiny: {server.address}/bad: .*{words}.*; asking the next mirror$", done.stderr, re.MULTILINE)
    assert 1000 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) < MEMORY


def test_a_body_that_drips_on_is_given_up_at_the_deadline(server: bad.Server) -> None:
    server.routes["/drip"] = bad.trickles(BODY)
    patience = replace(tiny.HASTY, floor=0, deadline=1.0)
    began = time.monotonic()
    with pytest.raises(UserError, match=r"/drip: stalled: only \d+ bytes in 1[.\d]* s"):
        Fetcher("tiny", tiny.source(f"{server.address}/drip"), None, patience).fetch("train_images")
    assert 1 <= time.monotonic() - began < 3
    assert server.asked["/drip"] == 1


DRIPPING = {
    "the first line": b"HTTP/1.1 ",
    "a line of the header": b"HTTP/1.1 200 OK\r\nX-",
    "the length of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("line", DRIPPING)
def test_a_line_that_drips_on_is_given_up_and_the_next_mirror_asked(
    line: str, server: bad.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.routes["/drip"] = bad.drips(DRIPPING[line])
    mirrors = [f"{server.address}/drip", f"{server.address}/good/{{name}}.gz"]
    began = time.monotonic()
    content = Fetcher("tiny", tiny.source(*mirrors), None, replace(tiny.HASTY, deadline=0.5)).fetch("train_images")
    assert content == tiny.CONTENT[tiny.FIRST]
    assert time.monotonic() - began < 4
    assert "/drip: stalled: not finished after 1 s; asking the next mirror" in capsys.readouterr().err


def test_all_requests_together_have_a_deadline(server: bad.Server) -> None:
    server.routes["/drip"] = bad.trickles(BODY)
    mirrors = [f"{server.address}/drip", f"{server.address}/drip", f"{server.address}/good/{{name}}.gz"]
    patience = replace(tiny.HASTY, floor=0, deadline=1.0, total=1.5)
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        Fetcher("tiny", tiny.source(*mirrors), None, patience).fetch("train_images")
    assert time.monotonic() - began < 4
    assert server.asked["/drip"] == 2
    assert f"{tiny.FIRST}.gz: not asked: the 1.5 s for all requests are over" in str(caught.value)


def test_forms_inside_one_another() -> None:
    content = tiny.CONTENT[tiny.FIRST]
    assert unpack(packed(content, NESTED), tiny.FIRST, None, LIMIT) == content
    assert unpack(zip_of(f"{tiny.FIRST}.gz", packed(content, NESTED - 1)), tiny.FIRST, None, LIMIT) == content
    for body in (packed(content, NESTED + 1), zip_of(f"{tiny.FIRST}.gz", packed(content, NESTED))):
        with pytest.raises(DownloadError, match="compressed more than 3 times over"):
            unpack(body, tiny.FIRST, None, LIMIT)


def test_an_npz_of_nothing_much() -> None:
    with pytest.raises(DownloadError, match="corrupt member in the zip"):
        unpack(npz_that_announces((0, 10**15)), "x", "x_train", LIMIT)


def test_a_configuration_may_set_its_own_limit(server: bad.Server, tmp_path: Path) -> None:
    size = len(BODY)

    def limited(limit: int) -> MnistSource:
        return tiny.source(f"{server.address}/good/{{name}}.gz", limit=limit)

    assert Fetcher("tiny", limited(size), None).fetch("train_images") == tiny.CONTENT[tiny.FIRST]
    for mirror in (None, str(tiny.as_folder(tmp_path))):
        with pytest.raises(UserError, match=f"{tiny.FIRST}.gz: too large: more than {size - 1:,} bytes"):
            Fetcher("tiny", limited(size - 1), mirror).fetch("train_images")


@pytest.mark.parametrize(("data", "key"), [("mnist", "limit"), ("mnist", "writers.limit"), ("pens", "limit")])
def test_the_limit_is_set_in_conf_alone_and_is_no_part_of_a_run(data: str, key: str, tmp_path: Path) -> None:
    with composing() as compose:
        sources = [compose(DownloadConfig, (f"data={data}", *words)).data for words in ((), (f"~data.source.{key}",))]
        with pytest.raises(UserError, match=rf"data\.source\.{key}: expected a value"):
            prepare(sources[1], tmp_path)
        if data == "mnist":
            runs = [compose(TrainConfig, ("data=mnist", *words)) for words in ((), (f"data.source.{key}=5",))]
            assert runs[0].identity() == runs[1].identity()
