"""The files of conf/data hold what the sources ask of them."""

from typing import Any

import pytest
import yaml

from inkproof.runtime.paths import ROOT

FILES = sorted((ROOT / "conf/data").glob("*.yaml"))
CONF: dict[str, dict[str, Any]] = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}


@pytest.mark.parametrize("name", CONF)
def test_a_dataset_has_its_name_a_license_and_a_citation(name: str) -> None:
    head = (ROOT / f"conf/data/{name}.yaml").read_text(encoding="utf-8").split("_target_")[0]
    assert CONF[name]["name"] == name
    assert "Citation:" in head and "License:" in head and f"python src/download.py data={name}" in head


FILES_OF = {
    "mnist": {"train_images", "train_labels", "test_images", "test_labels"},
    "pens": {"tra", "tes"},
    "unipen": {"archive"},
    "paper": {"archive"},
    "usps": {"digits"},
    "semeion": {"digits"},
}


@pytest.mark.parametrize("name", FILES_OF)
def test_what_is_downloaded_has_https_mirrors_and_content_hashes(name: str) -> None:
    data = CONF[name]["source"]
    if name == "mnist":
        assert data["writers"]["files"].keys() == {"train", "test"}
        assert len(data["writers"]["mirrors"]) >= 2
        assert all(mirror.startswith("https://") for mirror in data["writers"]["mirrors"])
    assert len(data["mirrors"]) >= 2
    assert all(mirror.startswith("https://") for mirror in data["mirrors"])
    for entry in data["files"].values():
        assert len(bytes.fromhex(entry["sha256"])) == 32
    assert any("{name}" in form for form in data["offline"])
    assert data["files"].keys() == FILES_OF[name]


@pytest.mark.parametrize("name", ["unipen", "paper"])
def test_a_writer_has_one_role(name: str) -> None:
    writers = CONF[name]["source"]["writers"]
    listed = [*writers["test"], *writers["validation"]]
    assert len(set(listed)) == len(listed)
    assert (len(writers["test"]), len(writers["validation"])) == {"unipen": (20, 12), "paper": (1, 1)}[name]


def test_splits_and_sets_are_those_of_the_design() -> None:
    assert CONF["mnist"]["val"] == 5000
    assert (CONF["optdigits"]["val"], CONF["optdigits"]["source"]["test"]) == (240, 360)
    variant = ["pens_thin", "pens_fat", "pens_pixels", "pens_inverted"]
    assert CONF["mnist"]["evaluation"]["drawn_sets"] == [
        *("starter", "mine", "pens", *variant, "pens_validation", "unipen", "unipen_validation"),
        *("paper", "paper_validation", "usps", "semeion"),
    ]
    assert CONF["optdigits"]["evaluation"]["drawn_sets"] == ["starter", "mine"]
    assert (CONF["mnist"]["repeat"], CONF["optdigits"]["repeat"]) == (1, 1)
