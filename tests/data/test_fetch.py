"""Downloads from a real server that misbehaves: each error is named and the next mirror asked."""

import gzip
import io
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkproof.data.download import Fetcher
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from inkproof.runtime.progress import meter, tally
from support import misbehaving as bad
from support import tiny_mnist as tiny


@pytest.fixture
def server() -> Iterator[bad.Server]:
    server = bad.Server()
    for name, body in tiny.PACKED.items():
        server.routes[f"/good/{name}.gz"] = bad.good(body)
    yield server
    server.close()


def fetcher(server: bad.Server, *forms: str, mirror: str | None = None) -> Fetcher:
    return Fetcher("tiny", tiny.source(*(server.address + form for form in forms)), mirror, tiny.HASTY)


BODY = tiny.PACKED[tiny.FIRST]
OTHER = gzip.compress(bytes(5000))
ERRORS = {
    "truncated": (bad.truncated(BODY), rf"truncated: {len(BODY) // 2:,} of {len(BODY):,} bytes", 3),
    "cut gzip": (bad.cut_without_length(BODY), "truncated: the gzip data ends early", 3),
    "no gzip": (bad.good(BODY[:50] + bytes(500) + BODY[550:]), "corrupt gzip data", 1),
    "wrong hash": (bad.good(OTHER), "wrong content: SHA-256", 1),
    "html": (bad.html, "an HTML page came", 1),
    "html in gzip": (bad.gzip_on_the_way(b"<html></html>"), "an HTML page came", 1),
    "404": (bad.status(404), "the server answered 404", 1),
    "403": (bad.status(403), "the server answered 403", 1),
    "500": (bad.status(500), r"the server answered 500 .*\(3 tries\)", 3),
    "429": (bad.status(429), r"the server answered 429 .*\(3 tries\)", 3),
    "no answer": (bad.silent, "stalled: no answer for 0.5 s", 1),
    "stops": (bad.stops(BODY), "stalled: no byte came for 0.5 s", 1),
    "trickles": (bad.trickles(BODY), r"stalled: only \d+ bytes in", 1),
    "hangs up": (bad.hangs_up, "closed without a response", 3),
    "empty": (bad.good(b""), "an empty body came", 3),
    "redirects": (bad.moved_to("/bad.gz"), "redirects without end", None),
}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_named_and_the_next_mirror_asked(
    error: str, server: bad.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    behavior, words, tries = ERRORS[error]
    server.routes["/bad.gz"] = behavior
    began = time.monotonic()

    content = fetcher(server, "/bad.gz", "/good/{name}.gz").fetch("train_images")

    assert content == tiny.CONTENT[tiny.FIRST]
    line = rf"^tiny: {server.address}/bad\.gz: .*{words}.*; asking the next mirror$"
    assert re.search(line, capsys.readouterr().err, re.MULTILINE)
    assert tries is None or server.asked["/bad.gz"] == tries
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux, which reports the memory of a process")
def test_all_errors_one_after_the_other_take_little_memory(server: bad.Server) -> None:
    for number, (behavior, _, _) in enumerate(ERRORS.values()):
        server.routes[f"/{number}"] = behavior
    server.routes["/bad.gz"] = bad.moved_to("/bad.gz")
    script = (
        f"import sys\nsys.path[:0] = [{str(ROOT / 'src')!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\nfrom inkproof.data.download import Fetcher\nfrom support import tiny_mnist as tiny\n"
        f"for number in range({len(ERRORS)}):\n"
        f"    mirrors = [f'{server.address}/{{number}}', '{server.address}/good/{{name}}.gz']\n"
        "    fetcher = Fetcher('tiny', tiny.source(*mirrors), None, tiny.HASTY)\n"
        "    assert fetcher.fetch('train_images') == tiny.CONTENT[tiny.FIRST]\n"
        "print(Path('/proc/self/status').read_text())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.count("; asking the next mirror") == len(ERRORS)
    assert 1000 * int(re.search(r"VmHWM:\s*(\d+) kB", done.stdout)[1]) < 300_000_000


@pytest.mark.parametrize("error", ERRORS)
def test_when_all_fail_each_mirror_is_named_in_one_line(error: str, server: bad.Server) -> None:
    server.routes["/bad.gz"], words, _ = ERRORS[error]

    with pytest.raises(UserError) as caught:
        fetcher(server, "/gone/{name}.gz", "/bad.gz").fetch("train_images")

    head, advice = str(caught.value).split("). Offline? ")
    gone = f"{server.address}/gone/{tiny.FIRST}.gz: the server answered 404 Not Found"
    assert head.startswith(f"tiny: no mirror served {tiny.FIRST} ({gone}; {server.address}/bad.gz: ")
    assert re.search(words, head) and "\n" not in str(caught.value)
    layout = [*(f"mnist/{name}.gz" for name in tiny.NAMES), "or, for all of them, mnist/mnist.npz"]
    assert advice.startswith("Put these files") and advice.endswith(
        f"INKPROOF_MIRROR to its absolute path: {'; '.join(layout)}"
    )


def test_passing_errors_are_tried_again_with_growing_pauses(
    server: bad.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.routes["/shaky.gz"] = bad.in_turn(bad.status(503), bad.truncated(BODY), bad.good(BODY))

    assert fetcher(server, "/shaky.gz").fetch("train_images") == tiny.CONTENT[tiny.FIRST]
    assert server.asked["/shaky.gz"] == 3
    assert pauses == [0.01, 0.02]


def test_a_mirror_that_nobody_listens_at(server: bad.Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/{{name}}.gz"
    source = tiny.source(address, server.address + "/good/{name}.gz")
    assert Fetcher("tiny", source, None, tiny.HASTY).fetch("test_labels") == tiny.CONTENT[tiny.NAMES[3]]
    with pytest.raises(UserError, match="no connection \\(connection refused\\) \\(3 tries\\)"):
        Fetcher("tiny", tiny.source(address), None, tiny.HASTY).fetch("test_labels")


def test_a_machine_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UserError, match=r"host name was not found .*offline"):
        Fetcher("tiny", tiny.source("https://digits.invalid/{name}.gz"), None, tiny.HASTY).fetch("test_labels")


def test_a_proxy_that_does_not_respond(server: bad.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"the proxy did not let the request through \(3 tries\)"):
        fetcher(server, "/good/{name}.gz").fetch("train_images")


def test_a_length_that_is_no_number(server: bad.Server) -> None:
    server.routes["/odd"] = bad.endless(Content_Length="many")
    with pytest.raises(UserError, match=r"the request failed \(invalid literal for int"):
        fetcher(server, "/odd").fetch("train_images")


@pytest.mark.parametrize("address", ["http://", "http://[::1/x", "http://a b/\udcff"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(UserError, match="no mirror served"):
        Fetcher("tiny", tiny.source(address), None, tiny.HASTY).fetch("test_labels")


def test_plain_bytes_and_a_redirect_and_gzip_on_the_way_serve_too(server: bad.Server) -> None:
    content = tiny.CONTENT[tiny.FIRST]
    server.routes["/plain"] = bad.good(content)
    server.routes["/twice"] = bad.gzip_on_the_way(BODY)
    server.routes["/moved"] = bad.moved_to(f"/good/{tiny.FIRST}.gz")
    for form in ("/plain", "/twice", "/moved"):
        assert fetcher(server, form).fetch("train_images") == content


def test_an_npz_serves_all_four_files_in_one_download(server: bad.Server) -> None:
    server.routes["/mnist.npz"] = bad.good(tiny.npz())
    source = fetcher(server, "/{name}.gz", "/mnist.npz")
    for role, (name, _, _) in tiny.ARRAYS.items():
        assert source.fetch(role) == tiny.CONTENT[name]
    assert server.asked["/mnist.npz"] == 1
    assert server.asked[f"/{tiny.NAMES[3]}.gz"] == 0, "the mirror that served one file comes first for the next"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (tiny.npz(x_train=tiny.TRAIN_IMAGES[:, ::-1]), "wrong content"),
        (tiny.npz(x_train=tiny.TRAIN_IMAGES.astype(float)), "cannot hold float64"),
        (tiny.npz(x_train=tiny.TRAIN_IMAGES.astype(object)), "corrupt member in the zip"),
        (tiny.npz()[:3000], "corrupt or truncated zip"),
    ],
)
def test_an_npz_with_something_else_in_it(body: bytes, words: str, server: bad.Server) -> None:
    server.routes["/mnist.npz"] = bad.good(body)
    with pytest.raises(UserError, match=words):
        fetcher(server, "/mnist.npz").fetch("train_images")


def test_a_zip_serves_its_members_and_the_error_names_what_it_lacks(server: bad.Server) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/" + tiny.NAMES[0], tiny.CONTENT[tiny.NAMES[0]])
        archive.writestr(tiny.NAMES[1] + ".gz", tiny.PACKED[tiny.NAMES[1]])
    server.routes["/all.zip"] = bad.good(stream.getvalue())
    source = fetcher(server, "/all.zip")
    assert source.fetch("train_images") == tiny.CONTENT[tiny.NAMES[0]]
    assert source.fetch("train_labels") == tiny.CONTENT[tiny.NAMES[1]]
    with pytest.raises(UserError, match=f"the zip holds no {tiny.NAMES[2]}"):
        source.fetch("test_images")


def test_ones_own_mirror_is_the_only_one_asked(server: bad.Server, tmp_path: Path) -> None:
    source = fetcher(server, "/good/{name}.gz", mirror=str(tiny.as_folder(tmp_path / "own")))
    assert source.fetch("train_images") == tiny.CONTENT[tiny.FIRST]
    (tmp_path / "own" / "mnist" / f"{tiny.FIRST}.gz").unlink()
    with pytest.raises(UserError) as caught:
        source.fetch("train_images")
    own = (
        f"({tmp_path}/own: mnist/{tiny.FIRST}.gz: no such file; mnist/mnist.npz: no such file). INKPROOF_MIRROR is set"
    )
    assert own in str(caught.value)
    assert not server.asked


def test_ones_own_mirror_may_be_an_address(server: bad.Server) -> None:
    server.routes["/own/mnist/mnist.npz"] = bad.good(tiny.npz())
    source = fetcher(server, mirror=server.address + "/own/")
    assert source.fetch("test_images") == tiny.CONTENT["t10k-images-idx3-ubyte"]
    assert server.asked["/own/mnist/t10k-images-idx3-ubyte.gz"] == 1, "the listed forms are tried in order"
    assert source.fetch("test_labels") == tiny.CONTENT["t10k-labels-idx1-ubyte"]
    assert server.asked["/own/mnist/mnist.npz"] == 1, "it is not downloaded again for the next file"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body: body[:200], "truncated: the gzip data ends early"),
        (lambda body: OTHER, "wrong content"),
        (lambda body: b"<html>sign in</html>", "an HTML page"),
    ],
)
def test_a_spoilt_file_in_ones_own_folder(spoil, words: str, server: bad.Server, tmp_path: Path) -> None:
    path = tiny.as_folder(tmp_path) / "mnist" / f"{tiny.FIRST}.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=f"{path.name}: {words}"):
        fetcher(server, mirror=str(tmp_path)).fetch("train_images")


def test_an_absent_folder(server: bad.Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        fetcher(server, mirror=str(tmp_path / "nowhere")).fetch("train_images")


def test_progress_is_a_line_in_a_log_and_a_bar_on_a_terminal(
    server: bad.Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher(server, "/good/{name}.gz").fetch("train_images")
    host = server.address.removeprefix("http://")
    size = f"{len(BODY) / 1e3:.1f} kB"
    assert re.fullmatch(rf"tiny: {tiny.FIRST}\.gz from {host}: {size} in \d\.\d s\n", capsys.readouterr().err)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with meter("label [of] it", 4000) as advance:
        advance(1000)
        advance(3000)
    drawn = capsys.readouterr().err
    assert "label [of] it" in drawn and "━" in drawn and "4.0/4.0 kB" in drawn
    with tally("digits [of] it", 5000) as advance:
        advance(5000)
    drawn = capsys.readouterr().err
    assert "digits [of] it" in drawn and "━" in drawn and "5000/5000" in drawn
    monkeypatch.undo()
    with tally("digits [of] it", 5000) as advance:
        advance(5000)
    assert re.fullmatch(r"digits \[of\] it: 5,000 in \d\.\d s\n", capsys.readouterr().err)
