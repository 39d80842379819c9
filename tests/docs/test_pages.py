"""README.md and docs/: figures are those of committed files, links lead somewhere, the site has every page."""

import csv
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from inkproof.data.download import prepare
from inkproof.data.drawings import CANVAS_SIDE, Drawing, read_drawings
from inkproof.preprocessing.strokes import render
from inkproof.runtime.paths import ROOT
from support.data_conf import published
from support.documents import DOCUMENTS
from support.workspaces import Workspace

README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
MODELS = ROOT / "reports" / "mnist" / "models"
MIRROR = os.environ.get("INKPROOF_MIRROR", "")
# What a row of the README's table is, in the columns of leaderboard.csv.
DRAWN = ("starter_tutorial", "starter_learned", "pens_tutorial", "pens_mnist_style", "pens_learned")
COLUMNS = ("test_acc", *(f"drawn_{one}_accuracy" for one in DRAWN))


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first column is called `head`, without its two first lines."""
    lines = text[text.index(f"| {head} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= 1000
    assert len(README.splitlines()) <= 150


def test_a_clone_shows_at_most_twenty_names() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {line.split("/")[0] for line in listed.splitlines()}
    assert len([name for name in names if not name.startswith(".")]) <= 20


def test_git_ignores_the_folder_that_the_documents_import() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    assert "drawings.py import my_digits" in README
    subprocess.run(["git", "check-ignore", "--quiet", "my_digits/7/a.png"], cwd=ROOT, check=True)


def test_the_results_are_those_of_the_leaderboard() -> None:
    with (ROOT / "reports" / "mnist" / "leaderboard.csv").open(newline="") as file:
        measured = {row["model"]: row for row in csv.DictReader(file)}
    shown = {cells[0].strip("`"): cells[1:] for cells in rows(README, "model")}
    assert set(shown) == set(measured)
    for model, cells in shown.items():
        accuracies = [float(measured[model][column]) for column in COLUMNS]
        assert cells == [f"{accuracies[0]:.2%}", *(f"{accuracy:.1%}" for accuracy in accuracies[1:])], model


def test_what_is_said_of_letters_is_in_the_model_card() -> None:
    card = (ROOT / "models" / "pretrained" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"\| 1,000 letters and symbols of UNIPEN: rejected \| ([\d.]+)%", card)
    assert found is not None
    accepted = f"{100 - float(found[1]):.0f}% of"
    assert f"It takes {accepted} [letters and symbols]" in " ".join(README.split())
    assert f"it accepts {accepted} letters and symbols as digits" in " ".join(TEXTS["serving.md"].split())


def test_what_is_said_of_the_scale_is_in_the_reports() -> None:
    drawn = json.loads((MODELS / "cnn" / "drawn.json").read_text())
    assert f"`cnn` reaches {drawn['starter']['tutorial']['accuracy']:.0%} with `tutorial`" in " ".join(README.split())
    starter = longer_side(read_drawings(ROOT / "data" / "drawn" / "starter"))
    assert f"In the starter set it is {starter:.2f}" in " ".join(README.split())
    pens = json.loads((ROOT / "reports/mnist_plus_strokes/models/vgg_bn/drawn.json").read_text())["pens"]
    assert f"rises from {pens['tutorial']['accuracy']:.0%} to" in " ".join(README.split())
    assert f"*Pens* are {pens['n']:,} digits that {pens['writers']} people drew" in README


@pytest.mark.slow
@pytest.mark.skipif(not MIRROR, reason="needs INKPROOF_MIRROR, where the pen digits are")
def test_most_of_the_gap_on_the_tablet_is_scale(tmp_path: Path) -> None:
    from inkproof.models.loading import load_trained, predict  # TensorFlow: not for the fast tests
    from inkproof.preprocessing.methods import apply_method

    prepare(published("pens"), tmp_path, mirror=MIRROR)
    pens = [drawing for drawing in read_drawings(tmp_path) if drawing.writer.startswith("tes-")]
    side = longer_side(pens)
    said = f"The median length of its digits, along the longer side, is {side:.2f} of the canvas."
    assert said in " ".join(README.split())
    factor = longer_side(read_drawings(ROOT / "data" / "drawn" / "starter")) / side
    canvases = np.stack([render(enlarged(drawing, factor)) for drawing in pens])
    network = load_trained(ROOT / "models" / "pretrained")
    predicted = predict(network, apply_method("tutorial", canvases)).argmax(axis=1)
    accuracy = float((predicted == [drawing.label for drawing in pens]).mean())
    assert re.search(rf"with `tutorial` rises from \d+% to {accuracy:.0%}\.", " ".join(README.split()))


def longer_side(drawings: Sequence[Drawing]) -> float:
    """The longer side of a drawing's box as a share of the canvas, in the median."""
    return statistics.median(float(np.ptp(points(drawing), axis=0).max()) / CANVAS_SIDE for drawing in drawings)


def points(drawing: Drawing) -> np.ndarray:
    """All points of a drawing, (N, 2) in pixels."""
    return np.array([point[:2] for stroke in drawing.strokes or () for point in stroke], float)


def enlarged(drawing: Drawing, factor: float) -> list[np.ndarray]:
    """The strokes of a drawing, enlarged around the middle of its box."""
    every = points(drawing)
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    strokes = [np.array([point[:2] for point in stroke], float) for stroke in drawing.strokes or ()]
    return [(stroke - middle) * factor + middle for stroke in strokes]


def test_the_mistake_in_the_readme_ends_in_the_line_shown(workspace: Workspace) -> None:
    command, line = re.search(r"\$ (python .*)\n(.*)\n", README).groups()  # type: ignore[union-attr]
    assert workspace.fails(*command.split()) == line


def test_the_time_of_the_pipeline_is_that_which_make_repro_says() -> None:
    minutes = re.search(
        r'"about (\d+) minutes on 2 cores of an AMD EPYC, and', (ROOT / "Makefile").read_text(encoding="utf-8")
    )
    assert minutes and f"takes about {minutes[1]} minutes on two cores" in README


def test_the_figures_of_the_exported_files_are_those_of_the_report() -> None:
    export = json.loads((MODELS / "cnn" / "export.json").read_text())
    table = rows(TEXTS["export.md"], "file")
    assert len(table) == 9
    for file, size, accuracy, agreement in table:
        measured = export[key_of(re.search(r"`(.*)`", file)[1])]  # type: ignore[index]
        assert size == f"{measured['kb']:,.0f}", file
        assert accuracy.split("%")[0] == f"{measured['accuracy'] * 100:.2f}", file
        assert agreement == f"{measured['agreement'] * 100:.4g}%", file


def key_of(file: str) -> str:
    """What export.json calls a file."""
    if file.endswith(".mlpackage"):
        return "coreml"
    name = file.removesuffix(".tflite").removeprefix("model").removeprefix("_")
    return name or "float32"


def test_what_the_studies_found_is_in_their_own_pages() -> None:
    for question, answer in rows(TEXTS["studies.md"], "question"):
        pages = [(ROOT / "docs" / link).read_text("utf-8") for link in re.findall(r"\]\((\S+README\.md)\)", answer)]
        figures = re.findall(r"[\d.]+ ± [\d.]+|[\d.]+(?= KB)", answer)
        assert pages and [one for one in figures if not any(one in page for page in pages)] == [], question


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)", document.read_text(encoding="utf-8"))
    for target, anchor in links:
        path = document.parent / target if target else document
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, anchor


def test_the_site_has_every_page() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {page for entry in config["nav"] for page in entry.values()}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= pages
    assert all((ROOT / "docs" / page).exists() or (ROOT / page).exists() for page in pages)
    assert config["plugins"] == ["search"] and config["theme"]["font"] is False


@pytest.mark.slow
@pytest.mark.skipif(find_spec("material") is None, reason="needs mkdocs-material: make docs")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    assert "<table>" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
    assert f"## {version}" in TEXTS["CHANGELOG.md"]
