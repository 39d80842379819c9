"""The README of a study. A program writes results, verdict and evaluations between markers, people write around them.

The verdict is a Jinja2 template beside study.yaml, verdict.md.j2. Every figure of a result is computed from the results
table. experiments/README.md lists the functions that a template can use.
"""

import math
import traceback
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import pandas as pd
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from scipy import stats

from inkproof.evaluation import statistics
from inkproof.reporting.style import save
from inkproof.reporting.tables import markdown_table
from inkproof.reporting.wording import fill_markdown, p_value
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.studies.comparison import Difference, Group, differences, groups_of, paired_t, spread
from inkproof.studies.definition import FILE, Study, read_study
from inkproof.studies.evaluations import KINDS, METHOD, Evaluation, read_evaluations
from inkproof.studies.figure import study_figure
from inkproof.studies.grid import GridRun, plan
from inkproof.studies.metrics import closest, formatted, heading, is_share
from inkproof.studies.results import Row, read_results

FIGURE, TEMPLATE = "results.png", "verdict.md.j2"
RESULTS = "<!-- results: written by src/study.py -->", "<!-- end of results -->"
VERDICT = f"<!-- verdict: written by src/study.py from {TEMPLATE} -->", "<!-- end of verdict -->"
EVALUATIONS = "<!-- evaluations: written by src/study.py select -->", "<!-- end of evaluations -->"
YARDSTICKS = (
    " Published results on MNIST, of C. Deotte's MNIST-CNN-99.75: 99.641 ± 0.047 for a single network, "
    "99.745 ± 0.020 for fifteen."
)
SHOWN = ("pens", "pens_thin", "pens_pixels", "pens_validation", "starter")


@dataclass(frozen=True)
class StudyResults:
    """The results of a study, as templates see them. A wrong name raises UserError with the choices."""

    study: Study
    grid_runs: Sequence[GridRun]
    rows: Mapping[str, Row]

    @cached_property
    def done(self) -> list[Row]:
        """The rows of the finished grid runs."""
        return [row for grid_run in self.grid_runs if (row := grid_run.row_in(self.rows))]

    @cached_property
    def groups(self) -> list[Group]:
        """The grid runs that differ by seed alone, together."""
        return groups_of(self.grid_runs, self.rows)

    @cached_property
    def tests(self) -> list[Difference]:
        """The lines of the table of tests."""
        return differences(self.groups, self.study.compare) if self.study.compare else []

    def values(self, row: str, metric: str) -> pd.Series:
        """Return a metric of a row by seed."""
        rows = {group.title(): group for group in self.groups}
        if row not in rows:
            raise UserError(f"{self.study.name} has no row {row}; {closest(row, rows)}")
        metrics = {str(name) for name, values in rows[row].values.items() if values.notna().any()}
        if metric not in metrics:
            raise UserError(f"{self.study.name}, {row}: no seed has {metric}; {closest(metric, metrics)}")
        return rows[row].of(metric)

    def p(self, these: pd.Series, those: pd.Series, holm: bool = False) -> float:
        """Return the p-value of the paired t-test over the seeds that both have, with `holm` the corrected one."""
        both = (these - those).dropna().index
        p = paired_t(these[both], those[both])
        if p is None:
            raise UserError("no test: fewer than two seeds, or equal differences")
        if not holm:
            return p
        # Holm's correction depends on the p-values alone, so a test is found by its p-value.
        corrected = next((one.holm for one in self.tests if one.p is not None and math.isclose(one.p, p)), None)
        if corrected is None:
            raise UserError(f"{self.study.name}: these are not compared in the table of tests")
        return corrected

    def misread(self, network: str, way: str) -> frozenset[int]:
        """Return the digits that a network misclassifies in its first cross-validation; `way` is plain or tta."""
        table = pd.read_csv(self.study.folder / "misread.csv").query("repeat == 0")
        digits = dict(zip(table["network"] + ", " + table["way"], table["digits"], strict=True))
        if (name := f"{network}, {way}") not in digits:
            raise UserError(f"misread.csv has no {name}; {closest(name, digits)}")
        return frozenset(map(int, digits[name].split()))


def study_results(folder: Path) -> StudyResults:
    """Return the results of the study in `folder`; raises UserError, with the choices, where there is none."""
    if not (folder / FILE).exists():
        names = [path.parent.name for path in folder.parent.glob(f"*/{FILE}")]
        raise UserError(f"no study is called {folder.name}; {closest(folder.name, names)}")
    return results_of(read_study(folder))


def results_of(study: Study) -> StudyResults:
    """Return what the results table of a study holds."""
    rows = read_results(study.results)
    return StudyResults(study, plan(study, rows), rows)


def filled(path: Path, text: str, markers: tuple[str, str], new: str) -> str:
    """Return the `text` of the file `path` with `new` between the markers; without markers they come at the end.

    Raises UserError, naming the file, where the markers are not a pair.
    """
    begin, end = markers
    if text.count(begin) > 1 or text.count(begin) != text.count(end) or text.find(end) < text.find(begin):
        raise UserError(f"{path}: the markers `{begin}` and `{end}` are not a pair; keep one of each, in this order")
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    if begin not in text:
        before, after = text.rstrip("\n") + "\n\n", "\n"
    return f"{before}{begin}\n\n{new}\n{end}{after}"


def check_markers(path: Path) -> None:
    """Raise UserError if the markers of a README are not a pair: before hours of training, not after."""
    if path.exists():
        filled(path, path.read_text(encoding="utf-8"), RESULTS, "")


def write_readme(found: StudyResults) -> Path:
    """Write results.png and README.md, and return its path. A missing README begins with the question as its title.

    The verdict is written if there is a template and no grid run is missing. Raises UserError if markers are not a
    pair, or for a mistake in the template: then the results are written already.
    """
    study = found.study
    readme = study.folder / "README.md"
    begun = f"# {study.question}\n\n{RESULTS[0]}\n\n{RESULTS[1]}\n\n**Verdict.** Not written yet.\n"
    text = readme.read_text(encoding="utf-8") if readme.exists() else fill_markdown(begun)
    text = filled(readme, text, RESULTS, results(found))
    save(study_figure(found.groups, study.figure), study.folder / FIGURE, scale=2)
    write_text(readme, text)
    if len(found.done) == len(found.grid_runs) and (study.folder / TEMPLATE).exists():
        write_text(readme, filled(readme, text, VERDICT, verdict(found)))
    return readme


def results(found: StudyResults) -> str:
    """Return the part between the markers: figure, table, tests, cost."""
    title = found.study.question.replace("[", "(").replace("]", ")")
    parts = [f"![{title}]({FIGURE})", _table(found), _tests(found.tests) if found.tests else "", _caption(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(found: StudyResults) -> str:
    """Return the table of mean ± sd over seeds, one line per group."""
    axes, metrics = found.study.axes, found.study.metrics
    lines = [
        [*(group.labels.get(axis, "") for axis in axes), str(group.n), *map(group.formatted, metrics)]
        for group in found.groups
    ]
    return markdown_table([*axes, "n", *map(heading, metrics)], "l" * len(axes) + "r" * (1 + len(metrics)), lines)


def _tests(found: Sequence[Difference]) -> str:
    """Return the table of paired comparisons."""
    lines = []
    for one in found:
        names = (heading(one.this), heading(one.that)) if one.this == one.metric else (one.this, one.that)
        metric = "" if one.this == one.metric else heading(one.metric)
        lines.append([one.where, " − ".join(names), metric, str(one.n), _gap(one)])
        lines[-1] += ["" if p is None else p_value(p) for p in (one.p, one.holm)]
    heads = ["rows", "compared", "metric", "n", "difference", "p", "p, Holm"]
    filled = [column for column in zip(heads, "lllrrrr", *lines, strict=True) if any(column[2:])]
    heads, align, *lines = map(list, zip(*filled, strict=True))
    return markdown_table(heads, "".join(align), lines)


def _gap(one: Difference) -> str:
    scale, digits = (100, 2) if is_share(one.metric) else (1, 3)
    spread = "" if one.sd is None else f" ± {one.sd * scale:.{digits}f}"
    return f"{one.mean * scale:+.{digits}f}{spread}"


def _caption(found: StudyResults) -> str:
    done = found.done
    commits = dict.fromkeys(row.commit[:10] + ("+" if row.commit.endswith("+") else "") for row in done)
    machines = dict.fromkeys(row.machine for row in done)
    hours = sum(row.seconds for row in done) / 3600
    sentences = [
        "Mean ± standard deviation over seeds, which the bars of the figure show.",
        f"n: finished grid runs of a row, {len(done)} of {len(found.grid_runs)} in all.",
        "p: two-sided paired t-test over the seeds that both have." if found.study.compare else "",
        "No p: only one seed, or no spread." if any(one.p is None for one in found.tests) else "",
        f"Cost: {hours:.2f} hours of grid runs on {'; '.join(machines)}." if done else "",
        f"Code: {', '.join(commits)}." if done else "",
        f"Made by `python src/study.py run experiments/{found.study.name}` from [results.csv](results.csv).",
    ]
    return fill_markdown(" ".join(sentence for sentence in sentences if sentence)).rstrip("\n")


def mean(values: pd.Series) -> str:
    """Return mean ± sd of a metric as the table shows it."""
    return formatted(str(values.name), *spread(values))


def difference(these: pd.Series, those: pd.Series) -> str:
    """Return mean ± sd of the differences of a metric, over the seeds that both have."""
    return mean((these - those).dropna().rename(str(these.name)))


def interval(values: Sequence[float], single: bool = False) -> tuple[float, float]:
    """Return the 95% interval (low, high) of the mean by Student's t, or with `single` that of one more value."""
    known = pd.Series(values).dropna()
    scale = known.std() * math.sqrt(1 / len(known) + single)
    low, high = stats.t.interval(0.95, len(known) - 1, known.mean(), scale)
    return float(low), float(high)


def mcnemar(these: AbstractSet[int], those: AbstractSet[int]) -> float:
    """Return the p-value of McNemar's exact test for two networks, by the digits that they misclassify."""
    digits = these | those
    return statistics.mcnemar([digit in these for digit in digits], [digit in those for digit in digits])


def verdict(found: StudyResults) -> str:
    """Render the template of a study; raises UserError with file and line for a mistake in it."""
    folder = found.study.folder
    path = folder / TEMPLATE
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["p_value"] = p_value
    own = (found.values, found.p, found.misread, mean, difference, interval, mcnemar)
    environment.globals |= {function.__name__: function for function in own}
    environment.globals |= {"tests": found.tests, "study": lambda name: study_results(folder.with_name(name))}
    environment.globals["evaluations"] = {one.selection: one for one in read_evaluations(folder)}
    try:
        return fill_markdown(environment.get_template(TEMPLATE).render())
    except Exception as error:  # whatever a template can get wrong
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        raise UserError(f"{path}, line {lines[-1] if lines else 1}: {error}") from error


def write_evaluations(folder: Path) -> Path:
    """Write the table of all evaluations into the README between its markers; return the README's path."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else f"# {folder.name}\n"
    write_text(readme, filled(readme, text, EVALUATIONS, evaluations_table(read_evaluations(folder), folder.name)))
    return readme


def evaluations_table(evaluations: Sequence[Evaluation], name: str) -> str:
    """Return the table, one line per selection and kind, the latest selection first."""
    if not evaluations:
        return "Nothing is evaluated yet.\n"
    drawn = {key for evaluation in evaluations for kind in KINDS for key in evaluation.of_kind(kind).drawn}
    shown = [key for key in SHOWN if key in drawn]
    heads = ["selection", "what", "members", "cross-validated (%)", "hours", "n", "test (%)", "errors", *shown]
    lines = []
    for evaluation, kind in product(reversed(evaluations), KINDS):
        one = evaluation.of_kind(kind)
        chosen = one.chosen
        lines.append(
            [
                f"{evaluation.selection}, {evaluation.date}",
                kind,
                one.members,
                f"{chosen.accuracy * 100:.3f} ({chosen.low * 100:.3f} to {chosen.high * 100:.3f})",
                f"{chosen.hours:.2f}",
                str(one.n),
                one.accuracy.percent(3),
                ", ".join(map(str, one.errors)),
                *(one.drawn[key].percent(1) if key in one.drawn else "" for key in shown),
            ]
        )
    yardsticks = YARDSTICKS if any(one.data == "mnist" for one in evaluations) else ""
    caption = (
        "Mean ± standard deviation over n networks or ensembles that share no training. In brackets: the 95% Wilson "
        "interval, which treats all digits as independent, also those of one writer. Hours: the time of training "
        "on all digits, teachers included, with as many trainings at once as the candidates had. Drawn sets: accuracy "
        f"in percent with the method `{METHOD}`.{yardsticks} "
        f"Made by `python src/study.py select evaluate experiments/{name}`."
    )
    return f"{markdown_table(heads, 'lll' + 'r' * (len(heads) - 3), lines)}\n\n{fill_markdown(caption)}"
