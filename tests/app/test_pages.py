"""The files of the page: complete, within its policy, and with an unchanged vendored runtime."""

import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from inkproof.app.pages import LITERT, STATIC, read_parts

PARTS = read_parts()
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
LIMIT = 4_000_000  # bytes of all that is committed for the page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed((STATIC / "index.html").read_text())

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.inline += data.strip()


PAGE = Tags()


def test_the_page_has_no_inline_script_or_style_and_nothing_from_elsewhere():
    assert PAGE.inline == ""
    for tag, attributes in PAGE.tags:
        assert tag != "style" and "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            address = attributes.get(name)
            assert address is None or address.startswith("#") or f"/{address}" in PARTS, address


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_imports_and_ids_of_a_script_exist(path: Path):
    source = path.read_text()
    ids = {attributes["id"] for _, attributes in PAGE.tags if attributes.get("id")}
    for imported in re.findall(r"""(?:from|import\()\s*"([^"]+)\"""", source):
        assert (path.parent / imported).resolve().is_file() or imported.startswith("../litertjs/"), imported
    for name in re.findall(r"""(?:getElementById|\bat)\("([^"]+)"\)""", source):
        assert name in ids, name
    assert "https://" not in source and "http://" not in source
    assert not re.findall(r"""["'`]/[a-z]""", source), "an address that is not relative to the page"


def test_every_label_has_a_control_and_every_button_a_type():
    controls = [attributes for tag, attributes in PAGE.tags if tag == "button"]
    assert all(attributes.get("type") in ("button", "submit") for attributes in controls)
    described = [attributes["aria-describedby"] for _, attributes in PAGE.tags if "aria-describedby" in attributes]
    named = [attributes["aria-labelledby"] for _, attributes in PAGE.tags if "aria-labelledby" in attributes]
    ids = [attributes["id"] for _, attributes in PAGE.tags if attributes.get("id")]
    assert set(described + named) <= set(ids) and len(ids) == len(set(ids))


def test_every_file_is_served_with_its_type_and_sent_again_only_after_a_change(client: FlaskClient):
    assert {"/", "/sw.js", "/js/main.js", "/litertjs/litert.js", "/manifest.webmanifest"} <= set(PARTS)
    for address, part in PARTS.items():
        response = client.get(address)
        assert response.status_code == 200 and response.content_type == part.kind
        again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_the_runtime_is_sent_compressed_if_the_browser_accepts_it(client: FlaskClient):
    address = "/litertjs/litert_wasm_compat_internal.wasm"
    packed = client.get(address, headers={"Accept-Encoding": "gzip, br"})
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data and plain.data.startswith(b"\0asm")
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_the_runtime_has_the_listed_checksums():
    lines = (LITERT / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    assert set(listed) == {path.name for path in LITERT.iterdir()} - {"README.md", "SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((LITERT / name).read_bytes()).hexdigest() == digest, name
    unpacked = gzip.decompress((LITERT / "litert_wasm_compat_internal.wasm.gz").read_bytes())
    assert hashlib.sha256(unpacked).hexdigest() in (LITERT / "README.md").read_text()
    assert "Apache License" in (LITERT / "LICENSE").read_text()


def test_all_of_it_is_small():
    assert sum(path.stat().st_size for path in (*STATIC.rglob("*"), *LITERT.iterdir()) if path.is_file()) < LIMIT


def test_the_service_worker_lists_every_file_and_changes_with_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def head(parts: dict) -> list:
        return [json.loads(line.split(" = ")[1][:-1]) for line in parts["/sw.js"].content.decode().splitlines()[:3]]

    edition, kept, catalog = head(PARTS)
    assert [name.removeprefix(".") for name in kept] == sorted(set(PARTS) - {"/sw.js"})
    assert all(hashlib.sha256(PARTS[name[1:]].plain).hexdigest() == digest for name, digest in kept.items())
    assert catalog == "api/models"
    for path in STATIC.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(STATIC)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr("inkproof.app.pages.STATIC", tmp_path)
    assert head(read_parts())[0] == edition
    (tmp_path / "css" / "page.css").write_text("body {}")
    assert head(read_parts())[0] != edition


def test_the_icons_of_the_manifest_have_the_stated_sizes():
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    assert manifest["start_url"] == manifest["scope"] == "./" and manifest["display"] == "standalone"
    sizes = set()
    for icon in manifest["icons"]:
        assert f"/{icon['src']}" in PARTS
        if icon["type"] == "image/png":
            with Image.open(STATIC / icon["src"]) as image:
                assert f"{image.width}x{image.height}" == icon["sizes"]
            sizes.add(icon["sizes"])
    assert {"192x192", "512x512"} <= sizes
