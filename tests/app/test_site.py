"""python src/app.py site: the page as files, complete, the same each time, and never in place of other files."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from inkproof.app.pages import read_parts
from inkproof.app.site import CATALOG, write_site
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT
from support.web_app import PRETRAINED
from support.workspaces import TIMEOUT

MODELS = {"pretrained": PRETRAINED}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_has_the_files_of_the_page_and_the_model_and_says_that_there_is_no_server(tmp_path: Path):
    size = write_site(tmp_path / "site", MODELS, 20.0)
    found = contents(tmp_path / "site")
    assert size == sum(map(len, found.values()))
    catalog = json.loads(found[CATALOG])
    [model] = catalog["models"]
    parts = {name.lstrip("/") or "index.html": part for name, part in read_parts().items()}
    assert {*found} == {*parts, CATALOG, model["file"], "litertjs/LICENSE"}
    changed = {name for name, part in parts.items() if found[name] != part.plain}
    assert changed == {"index.html", "js/hosting.js", "sw.js"}
    assert found[model["file"]] == PRETRAINED.read_bytes() and catalog["brush"] == 20.0
    assert b"SERVER = false" in found["js/hosting.js"] and CATALOG.encode() in found["js/hosting.js"]
    assert b"Content-Security-Policy" in found["index.html"] and b"frame-ancestors" not in found["index.html"]
    _, kept, address = (json.loads(line.split(" = ")[1][:-1]) for line in found["sw.js"].decode().splitlines()[:3])
    assert address == CATALOG
    for name, digest in kept.items():
        content = found[name.removeprefix("./") or "index.html"]
        assert hashlib.sha256(content).hexdigest() == digest, name


def test_the_same_input_gives_the_same_bytes_and_an_earlier_site_is_replaced(tmp_path: Path):
    write_site(tmp_path / "site", MODELS, 20.0)
    before = contents(tmp_path / "site")
    (tmp_path / "site" / "js" / "gone.js").write_text("of an earlier version")
    write_site(tmp_path / "site", MODELS, 20.0)
    assert contents(tmp_path / "site") == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_other_files_are_not_replaced(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="not empty and not a site"):
            write_site(out, MODELS, 20.0)
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    site = tmp_path / "site"
    write_site(site, MODELS, 20.0)
    (site / ".git").mkdir()
    (site / ".git" / "HEAD").write_text("mine")
    with pytest.raises(UserError, match=r"not a site \(.git\)"):
        write_site(site, MODELS, 20.0)
    assert (site / ".git" / "HEAD").read_text() == "mine"


def test_without_a_readable_model_nothing_is_written(tmp_path: Path):
    (tmp_path / "canvas.tflite").write_bytes(b"no model")
    with pytest.raises(UserError, match="no readable model"):
        write_site(tmp_path / "site", {"pretrained": tmp_path / "canvas.tflite"}, 20.0)
    assert not (tmp_path / "site").exists()


def test_the_command_writes_it_and_says_how_to_look_at_it(tmp_path: Path):
    command = [sys.executable, str(ROOT / "src" / "app.py"), "site"]
    done = subprocess.run([*command, f"out={tmp_path / 'a site'}"], capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, "") and "python -m http.server" in done.stdout
    assert (tmp_path / "a site" / "index.html").is_file()
    done = subprocess.run([*command, f"out={tmp_path}"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 2 and done.stderr.startswith("app.py: error: out=") and done.stderr.count("\n") == 1
