"""The model card of models/pretrained: what the file is, how it was trained and its results.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. The text is in model_card.md.j2. Every number
comes from the results of the stages.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from jinja2 import UndefinedError

from inkproof.config.stages import Renderings
from inkproof.evaluation.results import DrawnResult, NumbersResult, StringsResult
from inkproof.exporting.files import CANVAS_FILES, COREML_FILE, MODEL_FILES
from inkproof.reporting.pretrained import PretrainedRun, command
from inkproof.reporting.results import CREDITS, by_method, credits_for, in_order
from inkproof.reporting.tables import SHOWN_METHOD
from inkproof.reporting.wording import SETS, fill_markdown, from_template, kilobytes, set_title
from inkproof.runtime.errors import UserError
from inkproof.runtime.paths import ROOT

CARD = "README.md"
_MASK = ROOT / "models" / "pretrained" / "ink_mask.keras"  # committed beside the card
# The licenses ask for a note on changes.
_CHANGES = {
    "pens": "The normalizer then converted them to 28 x 28.",
    "unipen": "The normalizer then converted them to 28 x 28. Letters, symbols and digits side by side are labeled as "
    "no digit.",
    "mnist": "Changed: converted to 28 x 28 again by the normalizer.",
}
_WORST = 5  # corruptions shown
_NOT_REPORTED = (
    "mine",
    "pens_validation",
    "unipen_validation",
    "paper_validation",
)  # the user's own, and those that models were selected on


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

    `names` come from `data.digits.sources_of`: MNIST's digits, pen digits, UNIPEN and glyph templates, identified by
    the beginning of their names. Without names, all `images` are from the dataset `data` itself.
    """
    if not names:
        return [Share(data, images, images, None)]
    found = []
    for begin, own in pd.Series(names).groupby([name.partition("-")[0] for name in names], sort=False):
        # "pens-tra-w01-0001" is by the writer tra-w01, "unipen-ap-07-1a/..." by ap-07.
        writers = len({tuple(name.split("-")[:3]) for name in own}) if begin in ("pens", "unipen") else None
        found.append(Share("glyphs" if begin == "style" else str(begin), len(own), own.nunique(), writers))
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
        message = (
            f"a file there lacks a result ({error}); run `{command(run.name, 'drawn', 'evaluate', 'export')}` again"
        )
        raise UserError(f"{run.report}: {message}") from error


def _rendered(run: PretrainedRun, sources: Mapping[str, Sequence[Share]], renderings: Renderings) -> str:
    config, rejection, train = run.metadata.config, run.rejection, sources["train"]
    monitor = config.callbacks["keep_best"].arguments.get("monitor") if "keep_best" in config.callbacks else None
    shown = reported_sets(run.drawn)
    first = CREDITS.get(train[0].source)  # whose test digits they are
    by_split = {split: {share.source: share for share in shares} for split, shares in sources.items()}
    canvases = {"canvas" if kind == "float32" else f"canvas_{kind}": file for kind, file in CANVAS_FILES.items()}
    return from_template(
        "model_card.md.j2",
        run=run,
        config=config,
        exports=f"exports/{config.data.name}/{run.name.removeprefix(f'{config.data.name}-')}",
        metrics=run.metadata.metrics,
        mask=json.loads(_MASK.with_suffix(".json").read_text(encoding="utf-8")),
        test=run.test,
        corruptions=run.corruptions,
        kb={path.name: kilobytes(path.stat().st_size / 1024) for path in (run.canvas, run.weights, _MASK)},
        rejection=rejection,
        threshold=f"{rejection.threshold:.4g}",
        rule=rejection.rules[rejection.rule],
        sources={name: (by_split["train"].get(name), by_split["val"].get(name)) for name in _names(sources)},
        known_sources=CREDITS,
        credits=credits_for([share.source for share in train]),
        # A dataset of a single source is unchanged.
        changes={CREDITS[name].title: change for name, change in _CHANGES.items()} if len(train) > 1 else {},
        monitor=monitor,
        sets=[(name, run.drawn[name], by_method(run.drawn[name])[SHOWN_METHOD]) for name in shown],
        renderings=renderings,
        tested=first.title if first else run.test.data,
        mixed=len(train) > 1,
        worst=sorted(run.corruptions.corruptions.items(), key=lambda item: (item[1].accuracy, item[0]))[:_WORST],
        all_rejected=rejection.chosen.rejected["all"],
        files={**canvases, **MODEL_FILES, "coreml": COREML_FILE},
        latency=run.timing.median("canvas") if run.timing else None,
        hardest=hardest_digit(run.drawn, shown),
        fours=_fours(run.numbers),
        writers=next((share.writers for share in train if share.source == "pens"), None),
    )


def _fours(numbers: NumbersResult | None) -> list[tuple[str, str, list[StringsResult]]]:
    """Return the set, the form and the results by gap of strings of four digits."""
    rows = [row for row in numbers.rows if row.length == 4] if numbers else []
    keys = dict.fromkeys((row.drawings, row.form) for row in rows)
    return [(*key, [row for row in rows if (row.drawings, row.form) == key]) for key in keys]


def _names(sources: Mapping[str, Sequence[Share]]) -> list[str]:
    """Return the sources of all splits, each once, in order of appearance."""
    return list(dict.fromkeys(share.source for shares in sources.values() for share in shares))


def reported_sets(drawn: DrawnResult) -> list[str]:
    """Return the sets of drawings with a result for the method of `canvas.tflite`, without sets for model selection."""
    return [
        name
        for name in in_order(set(drawn), SETS)
        if name not in _NOT_REPORTED and drawn[name].n and SHOWN_METHOD in drawn[name].methods
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
