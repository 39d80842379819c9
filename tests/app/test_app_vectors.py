"""The test vectors for apps in the browser, on LiteRT.js: another runtime than the one that made them."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from inkproof.runtime.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

VECTORS = json.loads((ROOT / "examples" / "vectors.json").read_text(encoding="utf-8"))
# Unpacks a canvas as the model card's snippet does, and predicts as the page does.
PREDICT = """async (runs) => {
  const gray = Uint8Array.from(runs.flatMap((level, at) => (at % 2 ? [] : Array(runs[at + 1]).fill(level))));
  const found = await inkproof.models.predict(inkproof.models.selected[0], gray);
  return { ...found, seen: Array.from(found.seen), place: inkproof.models.place };
}"""


def test_the_browser_agrees_far_within_the_tolerance(new_page: Callable[..., Any]) -> None:
    page = new_page()
    largest = dict.fromkeys(VECTORS["tolerance"], 0.0)
    for vector in VECTORS["vectors"]:
        found = page.evaluate(PREDICT, vector["canvas"])
        assert (found["digit"], found["accepted"]) == (vector["digit"], vector["accepted"]), vector["name"]
        assert found["place"] == "browser"
        seen = np.repeat(vector["seen"][::2], vector["seen"][1::2])
        for name, expected in (("probabilities", vector["probabilities"]), ("score", vector["score"]), ("seen", seen)):
            difference = float(np.abs(np.subtract(found[name], expected, dtype=float)).max())
            largest[name] = max(largest[name], difference)
    print(f"largest differences: {largest}")
    assert all(100 * largest[name] < VECTORS["tolerance"][name] for name in largest), largest
