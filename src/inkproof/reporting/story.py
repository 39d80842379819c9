"""The opening of the report, made from the results: what fails on real drawings, and what preprocessing brings back."""

from collections.abc import Sequence
from dataclasses import dataclass

from inkproof.evaluation.results import Accuracy
from inkproof.reporting.results import ModelResults
from inkproof.reporting.wording import by_whom, count, data_title, kilobytes, method_words, percent

# The most informative set first: many unseen writers, then the user's own drawings, then one author's.
PREFERENCE = ("pens", "mine", "starter")

# A set with fewer drawings, such as three of one's own, is not enough for a headline.
ENOUGH = 30

# The opening does not mention a smaller difference, in percentage points.
NOTABLE = 1.0


@dataclass(frozen=True)
class Story:
    """Texts; `tiles` are (value, what it is), and `subject` is the set of drawings in the headline, if any.

    The paragraphs have `code` between backticks.
    """

    headline: str
    paragraphs: tuple[str, ...]
    tiles: tuple[tuple[str, str], ...]
    subject: str | None


def story_of(models: Sequence[ModelResults], chosen: ModelResults, title: str, why: str = "") -> Story:
    """Return the opening about `chosen`, one of `models`, its test digits of the dataset `title`, and drawings.

    Models of other datasets than `chosen` only get their accuracies. `why` is the sentence that says why this model was
    chosen. Every other sentence depends on the results, and none claims an improvement that the intervals do not
    support.
    """
    test = chosen.test
    accuracy = percent(test.accuracy, test.n)
    usable = [name for name in PREFERENCE if len(chosen.by_method(name)) > 1]
    subject = next((name for name in usable if chosen.drawings(name) >= ENOUGH), usable[0] if usable else None)
    trained = f", trained on {data_title(chosen.compare_with)}," if chosen.compare_with else ""
    opening = (
        f"{chosen.name}{trained} classifies {accuracy} of the {count(test.n)} {title} test digits correctly: "
        f"{count(test.errors, 'error') if test.errors else 'no errors'}."
    )
    tiles = [(accuracy, f"accuracy on {count(test.n)} {title} test digits")]
    canvas = chosen.export.get("canvas")
    size = [(f"{kilobytes(canvas.kb)} KB", "canvas.tflite, the file for an app")] if canvas else []
    rest = [model for model in models if model.compare_with and model is not chosen]
    if subject is None:
        compared = [_compared(model, title) for model in rest]
        headline = f"{chosen.name} reaches {accuracy} on {title}"
        return Story(headline, tuple(filter(None, (opening, why, *compared))), (*tiles, *size), None)
    results = chosen.by_method(subject)
    methods = list(results)
    first, last = results[methods[0]], results[methods[-1]]
    n = chosen.drawings(subject)
    before, after = percent(first.accuracy, n), percent(last.accuracy, n)
    drawings = f"{count(n, 'drawing')} {by_whom(subject, chosen.drawn[subject].writers)}".strip()
    end = method_words(methods[-1]).end or f"with the method {methods[-1]}"
    tiles.append((before, f"on {drawings}, preprocessed {_as_by(methods[0])}"))
    tiles.append((after, f"on the same drawings, {end}"))
    headline = f"{accuracy} on the test set, {before} on {'drawings' if subject == 'starter' else 'real drawings'}"
    if _points(last, first) >= NOTABLE:
        headline += f", {after} {end}"
    note = method_words(methods[0]).note
    how = _as_by(methods[0]) + (f" ({note})" if note else "")
    start = f"On {drawings}, preprocessed {how}, the same network reaches {before}. It reaches {after} {end}."
    paragraphs = [f"{opening} {start}", f"{_verdict(test.accuracy, first, last)} {why}".strip()]
    own = [model for model in models if not model.compare_with]
    which = "" if len(own) == len(models) else f" trained on {title}"
    others = [_everyone(own, subject, methods[0], methods[-1], which)] if len(own) > 1 else []
    others += [_compared(model, title, subject, methods[-1]) for model in rest]
    if others:
        paragraphs.append(" ".join(others))
    return Story(headline, tuple(paragraphs), (*tiles, *size), subject)


def _as_by(method: str) -> str:
    return "as in tutorials" if method == "tutorial" else f"with the method {method}"


def _points(a: Accuracy, b: Accuracy) -> float:
    return 100 * (a.accuracy - b.accuracy)


def _verdict(test: float, first: Accuracy, last: Accuracy) -> str:
    """Say how many of the lost points preprocessing brings back, or that the drawings do not show it."""
    lost, back = 100 * (test - first.accuracy), _points(last, first)
    if last.low <= first.high and first.low <= last.high:
        return (
            "The intervals of the first and the last method overlap, "
            "so these drawings do not show whether preprocessing helps."
        )
    if back < 0:
        return f"Here preprocessing costs {-back:.1f} points: look at the preprocessed images before using it."
    if lost < NOTABLE:
        return f"Preprocessing adds {back:.1f} points."
    if back >= lost:
        return f"Preprocessing brings back all of the {lost:.1f} points lost between test set and drawings."
    # From the rounded values, so that the three numbers add up on the page.
    rest = round(lost, 1) - round(back, 1)
    return (
        f"Of the {lost:.1f} points lost between test set and drawings, preprocessing alone brings back {back:.1f}. "
        f"The remaining {rest:.1f} depend on the network and its training."
    )


def _compared(model: ModelResults, title: str, subject: str = "", method: str = "") -> str:
    """Return the accuracies of a model trained on other data, on the same drawings and on the test digits."""
    accuracies = f"{percent(model.test.accuracy, model.test.n)} on the {title} test digits"
    result = model.by_method(subject).get(method)
    if result:
        accuracies = f"{percent(result.accuracy, model.drawings(subject))} on the same drawings and {accuracies}"
    return f"{model.name}, trained on {data_title(str(model.compare_with))}, reaches {accuracies}."


def _everyone(models: Sequence[ModelResults], subject: str, first: str, last: str, which: str) -> str:
    """Say how many models improve clearly from the first to the last method; `which` says which models are meant."""
    both = [
        (own[first], own[last]) for own in (model.by_method(subject) for model in models) if {first, last} <= {*own}
    ]
    improved = sum(after.low > before.high for before, after in both)
    n = max(model.drawings(subject) for model in models)
    spans = []
    for results in zip(*both, strict=True):
        accuracies = [result.accuracy for result in results]
        spans.append(f"between {percent(min(accuracies), n)} and {percent(max(accuracies), n)}")
    if improved == len(both):
        who = f"All {len(both)} models{which} improve"
    elif improved:
        who = f"{improved} of {len(both)} models{which} improve clearly"
    else:
        who = f"None of {len(both)} models{which} improves clearly"
    return f"{who}: {spans[0]} of the drawings are correct with `{first}`, {spans[1]} with `{last}`."
