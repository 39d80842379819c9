"""The report's opening told from the data: what fails on real drawings, and how much preparation fixes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from inkproof.reporting.results import ModelResults, methods_of
from inkproof.reporting.wording import count, data_title, kilobytes, method_words, percent

# The set that says most comes first: many unseen hands, then the user's own, then one author's.
PREFERENCE = ("pens", "mine", "starter")


# So many drawings bear a headline; three of one's own do not.
ENOUGH = 30


# A difference below this many percentage points is not worth a sentence of praise.
NOTABLE = 1.0


@dataclass(frozen=True)
class Story:
    """Plain texts; `tiles` are (figure, what it is), `subject` is the set of drawings told of, if any."""

    headline: str
    paragraphs: tuple[str, ...]
    tiles: tuple[tuple[str, str], ...]
    subject: str | None


def tell(models: Sequence[ModelResults], chosen: ModelResults, title: str) -> Story:
    """Tell what `chosen`, one of `models`, reads of the test digits of `title` and of drawings.

    Of models shown beside the report's own it is only told what they read. No figure or claim is fixed: each
    sentence depends on the numbers, and none claims a gain that the intervals do not bear out.
    """
    test = chosen.test
    accuracy = percent(test["accuracy"], test["n"])
    told = [name for name in PREFERENCE if len(methods_of(chosen.drawn.get(name, {}))) > 1]
    subject = next((name for name in told if int(chosen.drawn[name]["n"]) >= ENOUGH), told[0] if told else None)
    opening = (
        f"{chosen.name} reads {accuracy} of the {count(test['n'])} {title} test digits: "
        f"{count(test['errors'], 'mistake') if test['errors'] else 'not one mistake'}."
    )
    tiles = [(accuracy, f"of {count(test['n'])} {title} test digits")]
    small = chosen.export.get("int8", {}).get("kb")
    size = [(f"{kilobytes(small)} KB", "as an int8 file for a phone")] if small is not None else []
    if subject is None:
        tiles += size
        told_compared = [_compared(model, title) for model in models if model.compare_with]
        return Story(f"{chosen.name} reads {accuracy} of {title}", (opening, *told_compared), tuple(tiles), None)
    entry = chosen.drawn[subject]
    methods = methods_of(entry)
    first, last = entry[methods[0]], entry[methods[-1]]
    n = int(entry["n"])
    before, after = percent(first["accuracy"], n), percent(last["accuracy"], n)
    hands = int(entry.get("writers", 0))
    drawings = f"{count(n, 'drawing')} by {count(hands, 'writer')}" if hands else count(n, "drawing")
    tiles.append((before, f"of {drawings}, prepared as tutorials do"))
    tiles.append((after, f"of the same drawings on the method {methods[-1]}"))
    tiles += size
    headline = f"{accuracy} on the test set, {before} on {'drawings' if subject == 'starter' else 'real drawings'}"
    if _points(last, first) >= NOTABLE:
        headline += (
            f", {after} once they are {method_words(methods[-1]).end or f'prepared by the method {methods[-1]}'}"
        )
    how = "every image inverted and shrunk" if methods[0] == "tutorial" else method_words(methods[0]).note or methods[0]
    way = f"Give the same network {drawings} the way a tutorial would, {how}, and it reads {before}."
    steps = []
    for earlier, method in pairwise(methods):
        verb = "leaves it at" if entry[method]["accuracy"] == entry[earlier]["accuracy"] else "gives"
        step = method_words(method).step or f"the method {method}"
        steps.append(f"{step} {verb} {percent(entry[method]['accuracy'], n)}")
    climb = " ".join([*map(_sentence, steps), "No weight of the network changed between these figures."])
    verdict = _verdict(test["accuracy"], first, last)
    paragraphs = [f"{opening} {way}", f"{climb} {verdict}"]
    own = [model for model in models if not model.compare_with]
    which = "" if len(own) == len(models) else f" trained on {title}"
    others = [_everyone(own, subject, methods[0], methods[-1], which)] if len(own) > 1 else []
    others += [_compared(model, title, subject, methods[-1]) for model in models if model.compare_with]
    if others:
        paragraphs.append(" ".join(others))
    return Story(headline, tuple(paragraphs), tuple(tiles), subject)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _points(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    return 100 * float(a["accuracy"] - b["accuracy"])


def _verdict(test: float, first: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """Say how many of the lost points the preparation brings back, or that it cannot be told."""
    lost, back = 100 * (test - first["accuracy"]), _points(last, first)
    if last["low"] <= first["high"] and first["low"] <= last["high"]:
        return (
            "The intervals of the first and the last method overlap, "
            "so these drawings do not settle whether preparation helps."
        )
    if back < 0:
        return f"Here preparation costs {-back:.1f} points: look at the images before trusting it."
    if lost < NOTABLE:
        return f"Preparation adds {back:.1f} points."
    if back >= lost:
        return f"All of the {lost:.1f} points lost between test set and drawings were lost in preparation."
    # From the rounded figures, so that the three add up for a reader.
    rest = round(lost, 1) - round(back, 1)
    return (
        f"Of the {lost:.1f} points lost between test set and drawings, {back:.1f} come back by preparation "
        f"alone; the remaining {rest:.1f} are left to the network and its training."
    )


def _compared(model: ModelResults, title: str, subject: str = "", method: str = "") -> str:
    """Say what a model trained on other data reads of the same drawings and of the test digits."""
    n = int(model.test["n"])
    reads = f"{percent(model.test['accuracy'], n)} of the {title} test digits"
    entry = model.drawn.get(subject, {})
    if method in entry:
        reads = f"{percent(entry[method]['accuracy'], int(entry['n']))} of the same drawings, and {reads}"
    return f"{model.name}, trained on {data_title(str(model.compare_with))}, reads {reads}."


def _everyone(models: Sequence[ModelResults], subject: str, first: str, last: str, which: str) -> str:
    """Say whether the other models climb too; `which` tells those meant from the rest."""
    both = [
        model.drawn[subject]
        for model in models
        if first in model.drawn.get(subject, {}) and last in model.drawn.get(subject, {})
    ]
    climbed = sum(entry[last]["low"] > entry[first]["high"] for entry in both)
    spans = []
    for method in (first, last):
        values = [entry[method]["accuracy"] for entry in both]
        n = int(both[0]["n"])
        spans.append(f"{percent(min(values), n)} to {percent(max(values), n)}")
    if climbed == len(both):
        who = f"All {len(both)} models{which} climb"
    elif climbed:
        who = f"{climbed} of {len(both)} models{which} climb clearly"
    else:
        who = f"None of {len(both)} models{which} ablations clearly"
    return f"{who}: {spans[0]} on the method {first}, {spans[1]} on the method {last}."
