"""The figures of the model card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from inkproof.reporting.results import CREDITS, in_order
from inkproof.reporting.tables import SHOWN_RUNG
from inkproof.reporting.wording import MISSING, SETS, count, interval, measured, percent, set_title


@dataclass(frozen=True)
class Share:
    """What one source gave to a split: `images` made from so many different `digits` by so many `writers`.

    `source` names it in `reporting.credits`; `writers` is None where the source does not tell them apart.
    """

    source: str
    images: int
    digits: int
    writers: int | None


def shares(names: Sequence[str], data: str, images: int) -> list[Share]:
    """Return what each source gave to a split, in order of appearance.

    `names` are of `data.digits.sources_of`: MNIST's digits, pen digits and authored styles, told apart by how
    their names begin. Where there are none, all `images` are of the data set `data` itself.
    """
    if not names:
        return [Share(data, images, images, None)]
    found = []
    for begin, own in pd.Series(names).groupby([name.partition("-")[0] for name in names], sort=False):
        # "pens-tra-w01-0001" is by the writer tra-w01.
        writers = len({tuple(name.split("-")[:3]) for name in own}) if begin == "pens" else None
        found.append(Share("styles" if begin == "style" else str(begin), len(own), own.nunique(), writers))
    return found


_WORST = 5  # corruptions shown
_NOT_REPORTED = ("mine", "pens_kept")  # the user's own, and those that choices were made on


Drawn = Mapping[str, Mapping[str, Any]]


def reported_sets(drawn: Drawn) -> list[str]:
    """Return the sets of a drawn.json that are reported on: read on the rung `ink`, and nothing chosen by them."""
    return [
        name
        for name in in_order(set(drawn), SETS)
        if name not in _NOT_REPORTED and drawn[name].get("n") and SHOWN_RUNG in drawn[name]
    ]


def figures_of_set(name: str, entry: Mapping[str, Any], how: Mapping[str, Any]) -> dict[str, str]:
    """Return how a set of drawings was read; `entry` is its part of drawn.json, `how` its part of conf/drawings."""
    result, n = entry[SHOWN_RUNG], int(entry["n"])
    by = f" by {count(entry['writers'], 'writer')}" if entry.get("writers", 1) > 1 else ""
    return {
        "title": set_title(name),
        "n": f"{count(n, 'drawing')}{by}",
        "count": count(n),
        "how": _drawn(how),
        "accuracy": percent(result["accuracy"], n),
        "interval": interval(result["low"], result["high"], n),
    }


def figures_of_test(test: Mapping[str, Any], train: Sequence[Share]) -> dict[str, str]:
    """Return how the test digits were read; `test` is test.json, `train` what the model was trained on."""
    first = CREDITS.get(train[0].source)  # whose test digits they are
    return {
        "title": first.title if first else str(test["data"]),
        "n": count(test["n"]),
        "how": "brought to 28 x 28 by the normalisation layer" if len(train) > 1 else "as the data set has them",
        "accuracy": percent(test["accuracy"], test["n"]),
        "interval": interval(test["accuracy_low"], test["accuracy_high"], test["n"]),
        "errors": f"{count(test['errors'])} {'is' if test['errors'] == 1 else 'are'}",
        "nll": f"{test['nll']:.4f}",
        "ece": f"{test['ece']:.4f}",
    }


def figures_of_stress(stress: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the stress suite costs, the corruptions that cost most first; `stress` is stress.json."""
    n = stress["n"]
    by_loss = sorted(stress["corruptions"].items(), key=lambda item: (item[1]["accuracy"], item[0]))
    grades = len(by_loss[0][1]["severities"])
    return {
        "n": count(n),
        "corruptions": len(by_loss),
        "severities": grades,
        "grades": range(1, grades + 1),
        "clean": percent(stress["clean"]["accuracy"], n),
        "mca": percent(stress["mca"]["accuracy"], n),
        "interval": interval(stress["mca"]["low"], stress["mca"]["high"], n),
        "worst": [
            {
                "name": name.replace("_", " "),
                "mean": percent(own["accuracy"], n),
                "severities": [percent(accuracy, n) for accuracy in own["severities"]],
            }
            for name, own in by_loss[:_WORST]
        ],
    }


def figures_of_rejection(rejection: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is accepted and refused, by the chosen rule and by the 60% rule; `rejection` is rejection.json."""
    chosen, sixty = rejection["chosen"], rejection["sixty_percent"]
    rule = rejection["rules"][rejection["rule"]]
    n, negatives = chosen["digits"]["n"], chosen["refused"]["all"]["n"]

    def row(what: str, cell: Any) -> dict[str, str]:
        return {"what": what, "chosen": cell(chosen), "sixty": cell(sixty)}

    def refused(kind: str) -> dict[str, str]:
        group = chosen["refused"][kind]
        what = "drawings that are no digit" if kind == "all" else _kind(kind)
        return row(f"{count(group['n'])} {what}: refused", lambda rule: _share(rule["refused"][kind], "share"))

    kinds = [kind for kind in chosen["refused"] if kind != "all"]
    return {
        "n": count(n),
        "negatives": count(negatives),
        "kinds": ", ".join(_kind(kind) for kind in kinds),
        "auroc": f"{rule['auroc']:.4f}",
        "interval": f"{rule['low']:.4f}\N{EN DASH}{rule['high']:.4f}" if rule["low"] is not None else MISSING,
        "rows": [
            row(f"{count(n)} drawn digits: accepted", lambda rule: percent(rule["digits"]["coverage"], n)),
            row("accepted digits: read right", lambda rule: _share(rule["digits"], "accuracy")),
            refused("all"),
            *map(refused, kinds),
        ],
    }


def hardest_digit(drawn: Drawn, shown: Sequence[str]) -> dict[str, str] | None:
    """Return the digit that is read worst in the set that says most, or None where all are read right."""
    name = "pens" if "pens" in shown else next(iter(shown), None)
    if name is None:
        return None
    digits = {digit: own for digit, own in drawn[name][SHOWN_RUNG]["per_digit"].items() if own is not None}
    digit = min(digits, key=lambda one: (digits[one], one))
    if digits[digit] == 1:
        return None
    return {"title": set_title(name), "digit": digit, "accuracy": percent(digits[digit])}


def latency(timing: Mapping[str, Any]) -> dict[str, str] | None:
    """Return how long canvas.tflite takes, and where; None where `timing`, which is timing.json, does not say."""
    if "canvas_us" not in timing:
        return None
    return {"ms": f"{timing['canvas_us'] / 1000:.1f}", "machine": str(timing.get("machine", "an unnamed machine"))}


def _drawn(how: Mapping[str, Any]) -> str:
    if not how:
        return "as they are"
    brush = f"a brush of {how['brush']:g} pixels on a canvas of 280"
    pen = "hard one-pixel lines straight into 28 x 28, as in Paint" if how["pixels"] else brush
    return f"{pen}, {'white on black' if how['inverted'] else 'black on white'}"


def _kind(kind: str) -> str:
    return {"digits": "several digits at once", "blank": "blanks and specks"}.get(kind, f"{kind}s")


def _share(entry: Mapping[str, Any], key: str) -> str:
    n = int(entry.get("n", 0))
    return "{} ({})".format(*measured(entry, n, key))
