"""What a program writes into a README stands between two markers; what people write, around them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from inkproof.reporting.style import save
from inkproof.reporting.tables import markdown_table
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.studies.comparison import Difference, Group, differences, groups_of, heading, is_share
from inkproof.studies.definition import Study
from inkproof.studies.figure import study_figure
from inkproof.studies.grid import GridRun
from inkproof.studies.results import Row

BEGIN, END = "<!-- results: written by src/study.py -->", "<!-- end of results -->"


def split(path: Path, text: str, begin: str = BEGIN, end: str = END) -> tuple[str, str]:
    """Return what stands before and after the markers in `text`; where there are none, they come last.

    Raises UserError, naming the file `path`, where they are not a pair.
    """
    if text.count(begin) > 1 or text.count(begin) != text.count(end) or text.find(end) < text.find(begin):
        raise UserError(f"{path}: the markers `{begin}` and `{end}` are not a pair; put them right")
    if begin not in text:
        return text.rstrip("\n") + "\n\n", "\n"
    before, _, rest = text.partition(begin)
    return before, rest.partition(end)[2]


def check_markers(path: Path) -> None:
    """Raise UserError where a README that is there has its markers wrong: before hours of training, not after."""
    if path.exists():
        split(path, path.read_text(encoding="utf-8"))


FIGURE = "results.png"


def write_results(study: Study, grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> Path:
    """Write results.png and the grid of README.md between the markers; return the README's path.

    A README that is not there is begun with the question. Raises UserError where the markers are not a pair.
    """
    readme = study.folder / "README.md"
    begun = f"# {study.question}\n\n{BEGIN}\n\n{END}\n\n**Verdict.** Not written yet.\n"
    text = readme.read_text(encoding="utf-8") if readme.exists() else fill_markdown(begun)
    before, after = split(readme, text)
    groups = groups_of(grid_runs, rows)
    save(study_figure(groups, study.figure), study.folder / FIGURE, scale=2)
    write_text(readme, f"{before}{BEGIN}\n\n{results(study, grid_runs, rows, groups)}\n{END}{after}")
    return readme


def results(study: Study, grid_runs: Sequence[GridRun], rows: Mapping[str, Row], groups: Sequence[Group]) -> str:
    """Return the grid between the markers: figure, table, tests, cost."""
    done = [rows[grid_run.key] for grid_run in grid_runs if grid_run.done_by(rows.get(grid_run.key))]
    title = study.question.replace("[", "(").replace("]", ")")
    grids = [f"![{title}]({FIGURE})", table(study, groups)]
    found = differences(groups, study.compare) if study.compare else []
    if found:
        grids.append(tests(found))
    grids.append(_caption(study, grid_runs, done, found))
    return "\n\n".join(grid for grid in grids if grid) + "\n"


def table(study: Study, groups: Sequence[Group]) -> str:
    """Return the table of mean ± sd over seeds, one line a group."""
    lines = [
        [*(group.labels.get(axis, "") for axis in study.axes), str(group.n), *map(group.written, study.metrics)]
        for group in groups
    ]
    align = "l" * len(study.axes) + "r" * (1 + len(study.metrics))
    return markdown_table([*study.axes, "n", *map(heading, study.metrics)], align, lines)


def tests(found: Sequence[Difference]) -> str:
    """Return the table of paired comparisons."""
    lines = []
    for one in found:
        names = (heading(one.this), heading(one.that)) if one.this == one.metric else (one.this, one.that)
        metric = "" if one.this == one.metric else heading(one.metric)
        lines.append([one.where, " − ".join(names), metric, str(one.n), _gap(one), _p(one.p), _p(one.holm)])
    heads = ["rows", "compared", "metric", "n", "difference", "p", "p, Holm"]
    filled = [column for column in zip(heads, "lllrrrr", *lines, strict=True) if any(column[2:])]
    heads, align, *lines = map(list, zip(*filled, strict=True))
    return markdown_table(heads, "".join(align), lines)


def _gap(one: Difference) -> str:
    scale, digits = (100, 2) if is_share(one.metric) else (1, 3)
    spread = "" if one.sd is None else f" ± {one.sd * scale:.{digits}f}"
    return f"{one.mean * scale:+.{digits}f}{spread}"


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _caption(study: Study, grid_runs: Sequence[GridRun], done: Sequence[Row], found: Sequence[Difference]) -> str:
    commits = list(dict.fromkeys(row.commit[:10] + ("+" if row.commit.endswith("+") else "") for row in done))
    machines = list(dict.fromkeys(row.machine for row in done))
    hours = sum(row.seconds for row in done) / 3600
    untested = "; without one: a single seed, or no spread" if any(one.p is None for one in found) else ""
    said = [
        f"Mean ± standard deviation over seeds, bars in the figure; n grid runs a row, {len(done)} of {len(grid_runs)} in all.",
        f"p: two-sided paired t-test over the seeds both have{untested}." if study.compare else "",
        f"Cost: {hours:.2f} hours of grid runs on {'; '.join(machines)}." if done else "",
        f"Code: {', '.join(commits)}." if done else "",
        f"Made by `python src/study.py run experiments/{study.name}` from [results.csv](results.csv).",
    ]
    return fill_markdown(" ".join(grid for grid in said if grid)).rstrip("\n")
