"""The drawing page as a folder of files, for any static web host, under any path."""

import json
from pathlib import Path

from inkproof.app.api import PRETRAINED, Catalog
from inkproof.app.pages import LITERT, POLICY, read_parts
from inkproof.config.compose import path_of
from inkproof.config.stages import SiteConfig
from inkproof.exporting.files import CANVAS_FILES
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import replacing
from inkproof.runtime.paths import ROOT

CATALOG = "models.json"
_HOSTING = f"""// Written by `make site`: the host only sends files.

export const SERVER = false;
export const CATALOG = "{CATALOG}";
"""
# A static host does not send our headers, so the page itself has the policy. frame-ancestors works only as a header.
_META = "; ".join(f"{name} {value}" for name, value in POLICY.items() if name != "frame-ancestors")


def make_site(config: SiteConfig) -> None:
    """Write the site with the pretrained model, and print what to do with it."""
    out = path_of(config.out)
    model = ROOT / "models" / PRETRAINED / CANVAS_FILES["float32"]
    size = write_site(out, {PRETRAINED: model}, config.sets["mine"].brush)
    print(f"{out}: {size / 1e6:.1f} MB. Look at it: python -m http.server -d {config.out}")


def write_site(out: Path, models: dict[str, Path], brush: float) -> int:
    """Write the page with the model files `models` (by name) into the folder `out`; return the number of bytes.

    The same input gives the same bytes. A site that is in `out` already is replaced as a whole.

    Raises:
        UserError: no model can be read, or `out` exists and is neither empty nor a site.
    """
    found = Catalog(lambda: models).models()
    if not found:
        raise UserError(f"{', '.join(map(str, models.values()))}: no readable model; `make pretrained` makes one")
    files = {CATALOG: b"", "litertjs/LICENSE": (LITERT / "LICENSE").read_bytes()}
    described = []
    for model in found.values():
        one = model.describe()
        one["file"] = one["file"].lstrip("/")  # relative to the page
        files[one["file"]] = model.content
        described.append(one)
    files[CATALOG] = json.dumps({"models": described, "brush": brush}).encode()
    parts = read_parts(CATALOG, {"/js/hosting.js": lambda _: _HOSTING, "/": _with_policy})
    files |= {address.lstrip("/") or "index.html": part.plain for address, part in parts.items()}
    there = {path.name for path in out.iterdir()} if out.is_dir() else {out.name} if out.exists() else set()
    foreign = sorted(there - {name.partition("/")[0] for name in files})
    if foreign or (there and CATALOG not in there):
        which = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise UserError(f"out={out}: it is not empty and not a site{which}; choose another folder, or move it away")
    with replacing(out) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return sum(map(len, files.values()))


def _with_policy(page: str) -> str:
    head, charset, rest = page.partition('<meta charset="utf-8">\n')
    return f'{head}{charset}<meta http-equiv="Content-Security-Policy" content="{_META}">\n{rest}'
