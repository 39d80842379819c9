"""The model card of models/pretrained: what the file is, how it was trained and its results.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. The text is in model_card.md.j2. Every number
comes from the results of the stages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from jinja2 import UndefinedError

from inkproof.config.schema import Augmentation, Component, Rendering, Renderings
from inkproof.evaluation.results import (
    CanvasFile,
    DrawnResult,
    ExportResult,
    ImageFile,
    RejectionResult,
    RuleAtThreshold,
)
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES
from inkproof.reporting.pretrained import PretrainedRun, command
from inkproof.reporting.results import CREDITS, by_method, credits_for, in_order
from inkproof.reporting.tables import SHOWN_METHOD
from inkproof.reporting.wording import (
    MISSING,
    SETS,
    count,
    fill_markdown,
    from_template,
    kilobytes,
    measured,
    percent,
    set_title,
)
from inkproof.runtime.errors import UserError

CARD = "README.md"
# The licenses ask for a note on changes.
_CHANGES = {
    "pens": "The normalizer then converted them to 28 x 28.",
    "mnist": "Changed: converted to 28 x 28 again by the normalizer.",
}
_LIMITS = {
    "rotation": "rotated by up to {:g} degrees",
    "zoom": "scaled by up to {:.0%} along each axis",
    "shift": "shifted by up to {:.0%} of the side",
    "slant": "slanted by up to {:g} degrees",
    "elastic": "bent by a smooth displacement with a standard deviation of {:g} pixels",
    "width": "thickened at the edges of its strokes by up to {:g} pixels, or thinned by half of that",
}
_MEANINGS = {
    "maximum_probability": "the largest probability",
    "margin": "the largest probability minus the second",
    "negative_entropy": "the negative entropy of the probabilities, in nats",
    "energy": "the negative free energy of the logits",
}
_WORST = 5  # corruptions shown
_NOT_REPORTED = ("mine", "pens_validation")  # the user's own, and those that models were selected on


@dataclass(frozen=True)
class Share:
    """A source's part of a split: `images` from a number of different `digits` by a number of `writers`.

    `source` is a key of `CREDITS`. `writers` is None if the source does not identify them.
    """

    source: str
    images: int
    digits: int
    writers: int | None


def shares(names: Sequence[str], data: str, images: int) -> list[Share]:
    """Return each source's part of a split, in order of appearance.

    `names` come from `data.digits.sources_of`: MNIST's digits, pen digits and glyph templates, identified by the
    beginning of their names. Without names, all `images` are from the dataset `data` itself.
    """
    if not names:
        return [Share(data, images, images, None)]
    found = []
    for begin, own in pd.Series(names).groupby([name.partition("-")[0] for name in names], sort=False):
        # "pens-tra-w01-0001" is by the writer tra-w01.
        writers = len({tuple(name.split("-")[:3]) for name in own}) if begin == "pens" else None
        found.append(Share("styles" if begin == "style" else str(begin), len(own), own.nunique(), writers))
    return found


def model_card(run: PretrainedRun, sources: Mapping[str, Sequence[Share]], renderings: Renderings) -> str:
    """Return the model card of a run as Markdown; the same arguments give the same text.

    Args:
        run: the run, after the checks of `reporting.pretrained`.
        sources: each source's part of the splits `train` and `val`.
        renderings: how each set of drawings was rendered, from conf/sets.

    Raises:
        UserError: a result is missing from a report.
    """
    try:
        return fill_markdown(_rendered(run, sources, renderings))
    except (KeyError, UndefinedError) as error:
        message = f"a file there lacks a result ({error}); run `{command(run.name)}` again"
        raise UserError(f"{run.report}: {message}") from error


def _rendered(run: PretrainedRun, sources: Mapping[str, Sequence[Share]], renderings: Renderings) -> str:
    config, rejection, train = run.metadata.config, run.rejection, sources["train"]
    monitor = config.callbacks["keep_best"].arguments.get("monitor") if "keep_best" in config.callbacks else None
    shown = reported_sets(run.drawn)
    first = CREDITS.get(train[0].source)  # whose test digits they are
    minutes, seconds = round(run.metadata.seconds / 60), round(run.metadata.seconds)
    return from_template(
        "model_card.md.j2",
        run=run,
        config=config,
        exports=f"exports/{config.data.name}/{run.name.removeprefix(f'{config.data.name}-')}",
        metrics=run.metadata.metrics,
        test=run.test,
        corruptions=run.corruptions,
        kb={path.name: kilobytes(path.stat().st_size / 1024) for path in (run.canvas, run.weights)},
        sizes=_values(config.model.build.arguments),
        rule={
            "meaning": _MEANINGS.get(rejection.rule, rejection.rule.replace("_", " ")),
            "threshold": f"{rejection.threshold:.4g}",
            "temperature": f"{rejection.temperature:.4g}",
            "result": rejection.rules[rejection.rule],
        },
        sources=_sources(sources),
        credits=credits_for([share.source for share in train]),
        # A dataset of a single source is unchanged.
        changes={CREDITS[name].title: change for name, change in _CHANGES.items()} if len(train) > 1 else {},
        limits=", ".join(_limits(config.aug)),
        monitor=monitor,
        optimizer=_optimizer(config.optimizer),
        time=count(minutes, "minute") if run.metadata.seconds >= 90 else count(seconds, "second"),
        sets=[
            (set_title(name), run.drawn[name], by_method(run.drawn[name])[SHOWN_METHOD], _drawn(renderings.get(name)))
            for name in shown
        ],
        tested=first.title if first else run.test.data,
        mixed=len(train) > 1,
        worst=sorted(run.corruptions.corruptions.items(), key=lambda item: (item[1].accuracy, item[0]))[:_WORST],
        accepted=rejection.chosen.digits,
        rejected=rejection.chosen.rejected["all"],
        kinds=[_kind(kind) for kind in rejection.chosen.rejected if kind != "all"],
        rejection=rejection_rows(rejection),
        files=_quantizations(run.export, run.test.n),
        latency=run.timing.median("canvas") if run.timing else None,
        hardest=hardest_digit(run.drawn, shown),
        writers=next((share.writers for share in train if share.source == "pens"), None),
    )


def reported_sets(drawn: DrawnResult) -> list[str]:
    """Return the sets of drawings with a result for the method `classic`, without sets for model selection."""
    return [
        name
        for name in in_order(set(drawn), SETS)
        if name not in _NOT_REPORTED and drawn[name].n and SHOWN_METHOD in drawn[name].methods
    ]


def rejection_rows(rejection: RejectionResult) -> list[tuple[str, str, str]]:
    """Return rows of what the chosen rule and the 60% rule accept and reject."""
    chosen, sixty = rejection.chosen, rejection.sixty_percent
    n = chosen.digits.n

    def row(what: str, cell: Callable[[RuleAtThreshold], str]) -> tuple[str, str, str]:
        return what, cell(chosen), cell(sixty)

    def rejected(kind: str, name: str) -> tuple[str, str, str]:
        def cell(rule: RuleAtThreshold) -> str:
            own = rule.rejected[kind]
            return _with_interval(own.share, own.low, own.high, own.n)

        return row(f"{count(chosen.rejected[kind].n)} {name}: rejected", cell)

    def accuracy(rule: RuleAtThreshold) -> str:
        return _with_interval(rule.digits.accuracy, rule.digits.low, rule.digits.high, rule.digits.n)

    return [
        row(f"{count(n)} drawn digits: accepted", lambda rule: percent(rule.digits.coverage, n)),
        row("accepted digits: accuracy", accuracy),
        rejected("all", "out-of-distribution samples"),
        *(rejected(kind, _kind(kind)) for kind in chosen.rejected if kind != "all"),
    ]


def hardest_digit(drawn: DrawnResult, shown: Sequence[str]) -> tuple[str, str, float] | None:
    """Return the preferred set, its digit with the lowest accuracy and that accuracy; None if all are correct."""
    name = "pens" if "pens" in shown else next(iter(shown), None)
    if name is None:
        return None
    per_digit = drawn[name].methods[SHOWN_METHOD].per_digit
    digits = {digit: own for digit, own in per_digit.items() if own is not None}
    digit = min(digits, key=lambda one: (digits[one], one))
    return (set_title(name), digit, digits[digit]) if digits[digit] < 1 else None


def _drawn(rendering: Rendering | None) -> str:
    if rendering is None:
        return "unchanged"
    brush = f"a brush of {rendering.brush:g} pixels on a 280 x 280 canvas"
    pen = "hard one-pixel lines at 28 x 28, as in Paint" if rendering.pixels else brush
    return f"{pen}, {'white on black' if rendering.inverted else 'black on white'}"


def _kind(kind: str) -> str:
    return {"digits": "several digits at once", "blank": "blanks and specks"}.get(kind, f"{kind}s")


def _with_interval(fraction: float | None, low: float, high: float, n: int) -> str:
    return "{} ({})".format(*measured(fraction, low, high, n))


def _quantizations(export: ExportResult, digits: int) -> list[dict[str, str]]:
    """Return a row for each exported file with its size and agreement; there are `digits` test digits."""
    canvases = {"canvas" if kind == "float32" else f"canvas_{kind}": file for kind, file in CANVAS_FILES.items()}
    rows = []
    for kind, file in {**canvases, **MODEL_FILES, "coreml": COREML_FILE}.items():
        entry = export.get(kind)
        if isinstance(entry, ImageFile | CanvasFile):
            n = entry.n
            compared = count(n, "drawing" if kind in canvases else "test digit") if n else "every test digit"
            agreement = percent(entry.agreement, n or digits)
            rows.append({"file": file, "kb": kilobytes(entry.kb), "agreement": agreement, "on": compared})
    return rows


def _values(settings: Mapping[str, object]) -> str:
    """Write settings in a line: "filters 32, 64; dense 128"."""
    parts = []
    for key, value in settings.items():
        if key == "name" or value is None:
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        parts.append(f"{key.replace('_', ' ')} {shown}")
    return "; ".join(parts)


def _optimizer(optimizer: Component) -> str:
    parts = (optimizer.arguments.get("name"), _values(optimizer.arguments))
    return ", ".join(str(part) for part in parts if part)


def _limits(aug: Augmentation) -> list[str]:
    """Return a text for each limit of the augmentation that is not 0."""
    limits = {key: aug.limits[key] for key in in_order(aug.limits, _LIMITS)}
    return [_LIMITS.get(key, f"{key} of up to {{:g}}").format(limit) for key, limit in limits.items() if limit]


def _sources(sources: Mapping[str, Sequence[Share]]) -> list[dict[str, str]]:
    by_split = {split: {share.source: share for share in shares} for split, shares in sources.items()}
    rows = []
    for name in dict.fromkeys(share.source for shares in sources.values() for share in shares):
        train, val = by_split["train"].get(name), by_split["val"].get(name)
        credit = CREDITS.get(name)
        rows.append(
            {
                "title": credit.title if credit else name,
                "train": count(train.images if train else None),
                "val": count(val.images if val else None),
                "made": _made(train, val),
                "license": credit.license if credit else MISSING,
            }
        )
    return rows


def _made(train: Share | None, val: Share | None) -> str:
    """Return from how many digits and writers the images of a source were made."""
    parts = []
    for share, use in ((train, "for training"), (val, "for validation")):
        if share is not None and (share.writers or share.images != share.digits):
            by = f" by {count(share.writers, 'writer')}" if share.writers else ""
            parts.append(f"{count(share.digits, 'digit')}{by} {use}")
    return ", ".join(parts) or "one image of each"
