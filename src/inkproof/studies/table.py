"""The results in a README: a program writes between two markers, people write around them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from inkproof.reporting.style import save
from inkproof.reporting.tables import markdown_table
from inkproof.reporting.wording import fill_markdown, p_value
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_text
from inkproof.studies.comparison import Difference, Group, differences, groups_of
from inkproof.studies.definition import Study
from inkproof.studies.figure import study_figure
from inkproof.studies.grid import GridRun
from inkproof.studies.metrics import heading, is_share
from inkproof.studies.results import Row

BEGIN, END = "<!-- results: written by src/study.py -->", "<!-- end of results -->"


def split(path: Path, text: str, begin: str = BEGIN, end: str = END) -> tuple[str, str]:
    """Return the parts of `text` before and after the markers; without markers they come at the end.

    Raises UserError, naming the file `path`, where they are not a pair.
    """
    if text.count(begin) > 1 or text.count(begin) != text.count(end) or text.find(end) < text.find(begin):
        raise UserError(f"{path}: the markers `{begin}` and `{end}` are not a pair; keep one of each, in this order")
    if begin not in text:
        return text.rstrip("\n") + "\n\n", "\n"
    before, _, rest = text.partition(begin)
    return before, rest.partition(end)[2]


def check_markers(path: Path) -> None:
    """Raise UserError if the markers of a README are not a pair: before hours of training, not after."""
    if path.exists():
        split(path, path.read_text(encoding="utf-8"))


FIGURE = "results.png"


def write_results(study: Study, grid_runs: Sequence[GridRun], rows: Mapping[str, Row]) -> Path:
    """Write results.png and the part of README.md between the markers; return the README's path.

    A missing README is created with the question as its title. Raises UserError if the markers are not a pair.
    """
    readme = study.folder / "README.md"
    new = f"# {study.question}\n\n{BEGIN}\n\n{END}\n\n**Verdict.** Not written yet.\n"
    text = readme.read_text(encoding="utf-8") if readme.exists() else fill_markdown(new)
    before, after = split(readme, text)
    groups = groups_of(grid_runs, rows)
    save(study_figure(groups, study.figure), study.folder / FIGURE, scale=2)
    write_text(readme, f"{before}{BEGIN}\n\n{results(study, grid_runs, rows, groups)}\n{END}{after}")
    return readme


def results(study: Study, grid_runs: Sequence[GridRun], rows: Mapping[str, Row], groups: Sequence[Group]) -> str:
    """Return the part between the markers: figure, table, tests, cost."""
    done = [row for grid_run in grid_runs if (row := grid_run.row_in(rows))]
    title = study.question.replace("[", "(").replace("]", ")")
    parts = [f"![{title}]({FIGURE})", table(study, groups)]
    found = differences(groups, study.compare) if study.compare else []
    if found:
        parts.append(tests(found))
    parts.append(_caption(study, grid_runs, done, found))
    return "\n\n".join(part for part in parts if part) + "\n"


def table(study: Study, groups: Sequence[Group]) -> str:
    """Return the table of mean ± sd over seeds, one line per group."""
    lines = [
        [*(group.labels.get(axis, "") for axis in study.axes), str(group.n), *map(group.formatted, study.metrics)]
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


def _caption(study: Study, grid_runs: Sequence[GridRun], done: Sequence[Row], found: Sequence[Difference]) -> str:
    commits = list(dict.fromkeys(row.commit[:10] + ("+" if row.commit.endswith("+") else "") for row in done))
    machines = list(dict.fromkeys(row.machine for row in done))
    hours = sum(row.seconds for row in done) / 3600
    untested = any(one.p is None for one in found)
    sentences = [
        "Mean ± standard deviation over seeds, which the bars of the figure show.",
        f"n: finished grid runs of a row, {len(done)} of {len(grid_runs)} in all.",
        "p: two-sided paired t-test over the seeds that both have." if study.compare else "",
        "No p: only one seed, or no spread." if untested else "",
        f"Cost: {hours:.2f} hours of grid runs on {'; '.join(machines)}." if done else "",
        f"Code: {', '.join(commits)}." if done else "",
        f"Made by `python src/study.py run experiments/{study.name}` from [results.csv](results.csv).",
    ]
    return fill_markdown(" ".join(sentence for sentence in sentences if sentence)).rstrip("\n")
