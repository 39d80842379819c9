"""The verdict of a study: verdict.md.j2, a Jinja2 template beside study.yaml, written into README.md.

Every figure of a result is computed from the results table. A row is named by its labels, as in "dense, on". A template
can use these names, and `study("01-ancestors").values(...)` for those of another study:

- `values(row, metric)`: a pandas Series with a value per seed, shares as fractions: `[seed]`, `.mean()`, `.min()`.
- `mean(values)`: mean ± sd as the table shows it. `difference(these, those)`: the same of the paired differences.
- `p(these, those)`: the p-value of the paired t-test. With `holm=True`, as the table of tests corrects it.
- `tests`: the lines of that table, each with `where`, `this`, `that`, `metric`, `mean`, `p`, `holm`.
- `interval(values)`: low and high of the 95% interval of the mean by Student's t. With `single=True`, of one more run.
- `misread(network, way)`: from misread.csv, the set of training digits that a network misclassifies.
- `mcnemar(digits, digits)`: the p-value of McNemar's exact test for two such sets.
- `evaluations[number]`: from evaluations.yaml, the evaluation of a selection.
- `p | p_value`: a p-value with three decimals.
"""

import math
import traceback
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from scipy import stats

from inkproof.evaluation import statistics
from inkproof.reporting.wording import fill_markdown, p_value
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.studies.comparison import Difference, Group, differences, groups_of, paired_t, spread
from inkproof.studies.definition import FILE, Study, read_study
from inkproof.studies.evaluations import read_evaluations
from inkproof.studies.grid import GridRun, plan
from inkproof.studies.metrics import closest, formatted
from inkproof.studies.results import Row, read_results
from inkproof.studies.table import split, write_results

TEMPLATE = "verdict.md.j2"
BEGIN, END = f"<!-- verdict: written by src/study.py from {TEMPLATE} -->", "<!-- end of verdict -->"


@dataclass(frozen=True)
class StudyResults:
    """The results of a study, as templates see them. A wrong name raises UserError with the choices."""

    study: Study
    groups: Sequence[Group]

    def values(self, row: str, metric: str) -> pd.Series:
        """Return a metric of a row by seed."""
        rows = {group.title(): group for group in self.groups}
        if row not in rows:
            raise UserError(f"{self.study.name} has no row {row}; {closest(row, rows)}")
        metrics = {str(name) for name, values in rows[row].values.items() if values.notna().any()}
        if metric not in metrics:
            raise UserError(f"{self.study.name}, {row}: no seed has {metric}; {closest(metric, metrics)}")
        return rows[row].of(metric)

    @property
    def tests(self) -> list[Difference]:
        """The lines of the table of tests."""
        return differences(self.groups, self.study.compare) if self.study.compare else []

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
        digits = {f"{network}, {way}": own for network, way, own in table[["network", "way", "digits"]].to_numpy()}
        if (name := f"{network}, {way}") not in digits:
            raise UserError(f"misread.csv has no {name}; {closest(name, digits)}")
        return frozenset(map(int, digits[name].split()))


def study_results(folder: Path) -> StudyResults:
    """Return the results of the study in `folder`; raises UserError, with the choices, where there is none."""
    if not (folder / FILE).exists():
        names = [path.parent.name for path in folder.parent.glob(f"*/{FILE}")]
        raise UserError(f"no study is called {folder.name}; {closest(folder.name, names)}")
    study = read_study(folder)
    rows = read_results(study.results)
    return StudyResults(study, groups_of(plan(study, rows), rows))


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


def verdict(results: StudyResults) -> str:
    """Render the template of a study; raises UserError with file and line for a mistake in it."""
    folder = results.study.folder
    path = folder / TEMPLATE
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["p_value"] = p_value
    own = (results.values, results.p, results.misread, mean, difference, interval, mcnemar)
    environment.globals |= {function.__name__: function for function in own}
    environment.globals |= {"tests": results.tests, "study": lambda name: study_results(folder.with_name(name))}
    environment.globals["evaluations"] = {one.selection: one for one in read_evaluations(folder)}
    try:
        return fill_markdown(environment.get_template(TEMPLATE).render())
    except Exception as error:  # whatever a template can get wrong
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        raise UserError(f"{path}, line {lines[-1] if lines else 1}: {error}") from error


def write_readme(study: Study, grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> Path:
    """Write results.png and README.md, and return its path.

    The verdict is written if there is a template and no grid run is missing. Raises UserError if markers are not a
    pair, or for a mistake in the template: then the results are written already.
    """
    readme = write_results(study, grid_runs, rows)
    done = all(grid_run.row_in(rows) for grid_run in grid_runs)
    if done and (study.folder / TEMPLATE).exists():
        before, after = split(readme, readme.read_text(encoding="utf-8"), BEGIN, END)
        text = verdict(StudyResults(study, groups_of(grid_runs, rows)))
        write_text(readme, f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    return readme
