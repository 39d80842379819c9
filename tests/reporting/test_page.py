import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.schema import Credit, DataConfig
from inkproof.config.stages import ReportConfig
from inkproof.reporting.page import write_page
from inkproof.reporting.results import load_models
from inkproof.reporting.style import PALETTE
from inkproof.reporting.wording import HERE
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import write_json

pytestmark = pytest.mark.xdist_group("page")  # writing it takes seconds


def data_config(name: str) -> DataConfig:
    with composing() as compose:
        return compose(ReportConfig, (f"data={name}",)).data


MNIST, OPTDIGITS = data_config("mnist"), data_config("optdigits")
VOID = {"meta", "link", "img", "br", "wbr"}


class Outline(HTMLParser):
    """Collects elements and fails if a tag is closed in the wrong order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.seen for key, value in attrs.items() if key == name and value]


@pytest.fixture(scope="module")
def mnist_page(mnist_report: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "mnist"
    shutil.copytree(mnist_report, folder)
    return write_page(folder, MNIST, load_models(folder / "models"), "cnn")


def test_the_page_is_well_formed_and_its_links_have_targets(mnist_page: Path) -> None:
    outline = Outline(mnist_page.read_text())
    ids = outline.values("id")
    assert len(ids) == len(set(ids))
    inside = {link[1:] for link in outline.values("href") if link.startswith("#")}
    assert inside <= set(ids)
    assert {"leaderboard", "drawings", "cnn", "dense-2x128", "methods", "sources"} <= inside


def test_the_page_needs_no_network_and_all_of_it_is_there_without_the_script(mnist_page: Path) -> None:
    page = mnist_page.read_text()
    outline = Outline(page)
    assert [attrs for tag, attrs in outline.seen if tag == "script"] == [{}], "one script, in the page itself"
    # Without the script the titles of columns are no buttons that do nothing.
    assert "button" not in {tag for tag, _ in outline.seen} and outline.values("hidden") == []
    assert all(source.startswith("data:image/png;base64,") for source in outline.values("src"))
    assert not re.search(r"@import|url\((?!#)", page)
    fetched = [attrs["href"] for tag, attrs in outline.seen if tag == "link"]
    assert fetched == ["data:,"]


def test_the_page_has_figures_and_numbers_of_every_model(mnist_page: Path) -> None:
    page = mnist_page.read_text()
    outline = Outline(page)
    labels = outline.values("aria-label")
    for beginning in ("Learning curves", "Confusion matrix", "Reliability diagram", "Accuracy on drawings"):
        assert sum(label.startswith(beginning) for label in labels) == 4
    ablations = [label for label in labels if label.startswith("Accuracy on ") and "one line per model" in label]
    # The ablation of the pens at the top. Then the starter set, the validation writers and four variants of the pens.
    assert len(ablations) == len(set(ablations)) == 1 + 2 + 4
    images = [attrs for tag, attrs in outline.seen if tag == "img"]
    # For every model the worst errors, and before and after of the starter set and the pens.
    assert len(images) == 4 * 3
    assert all(attrs["alt"] and attrs["width"] == "640" for attrs in images)
    for folder in (mnist_page.parent / "models").iterdir():
        test = json.loads((folder / "test.json").read_text())
        assert f"{100 * test['accuracy']:.1f}%" in outline.text
        assert f"{test['parameters']:,}" in outline.text
    assert "AMD EPYC, 2 cores, Linux" in outline.text
    assert "drawings.py import my_folder, then dvc repro report@mnist." in outline.text
    assert re.search(r"All 4 models improve: .* are correct with <code>tutorial</code>, between ", page)
    assert re.search("Starter set<small>[0-9]+ drawings?</small><small>authored by the developers</small></th>", page)
    assert "10.24432/C5MG6K" in page
    assert "LeCun" in outline.text


def test_exported_files_have_a_row_each_with_the_compared_images(mnist_page: Path) -> None:
    table = mnist_page.read_text().split('aria-label="Exported files of')[1].split("</table>")[0]
    rows = {
        re.sub(r"<.*", "", row.split('scope="row">')[1], flags=re.DOTALL): row
        for row in table.split("<tr>")
        if 'scope="row"' in row
    }
    assert list(rows) == [
        *("SavedModel", "LiteRT float32", "LiteRT int8, uint8 input and output"),
        *("LiteRT, canvas input", "LiteRT, canvas input, network int8", "Core ML float32"),
    ]
    canvas = rows["LiteRT, canvas input, network int8"]
    assert "<small>3,768 drawings</small>" in canvas and "<td>99.63%</td>" in canvas
    assert "<td>1,400</td><td>1,512</td>" in canvas, "the median and the 95th percentile"
    assert "<small>500 test digits</small>" in rows["Core ML float32"]
    assert "<td></td><td></td></tr>" in rows["Core ML float32"], "a file that cannot run here has no times"
    assert "<small>" not in rows["LiteRT float32"]
    assert "Core ML predicts on macOS only" in mnist_page.read_text()


def test_the_ablation_is_between_the_opening_and_the_leaderboard(mnist_page: Path) -> None:
    page = mnist_page.read_text()
    places = [page.index(mark) for mark in ('class="lede"', 'class="ablation"', 'id="leaderboard"', 'id="drawings"')]
    assert places == sorted(places)
    assert "preprocessed as in tutorials" in page[: places[1]]


def test_variants_corruptions_and_rejection_have_a_row_per_model(mnist_page: Path) -> None:
    page = mnist_page.read_text()
    for label in (
        "Rendering variants of the pen digits, by model",
        "Corruptions, by model",
        "Rejection of out-of-distribution samples, by model",
    ):
        (table,) = re.findall(rf'aria-label="{label}">(.*?)</table>', page, re.DOTALL)
        rows = re.findall(r'<th scope="row">.*?</svg>(.*?)</th>', table.replace("<wbr>", ""))
        assert sorted(rows) == ["cnn", "dense", "dense_2x128", "tflearn_cnn"]
    assert {"corruptions", "rejection"} <= set(Outline(page).values("id"))


def test_models_of_another_dataset_are_shown_and_credited(
    mnist_report: Path, strokes_models: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(mnist_report, folder, ignore=shutil.ignore_patterns("dense_2x128", "tflearn_cnn"))
    models = load_models(folder / "models", {"mnist_plus_strokes": strokes_models})
    page = write_page(folder, MNIST, models, "cnn").read_text()
    outline = Outline(page)
    assert {"mnist-plus-strokes-cnn", "cnn"} <= set(outline.values("id"))
    # Its test digits are MNIST's own. Those of data=mnist_normalized are not, and the page says so.
    assert (
        "mnist_plus_strokes-cnn was trained on MNIST and drawn strokes, so it cannot be the champion here.</p>" in page
    )
    normalized = write_page(folder, MNIST, load_models(folder / "models", {"mnist_normalized": strokes_models}), "cnn")
    assert "so it cannot be the champion here: its test digits pass through the normalizer" in normalized.read_text()
    assert "mnist_plus_strokes-cnn, trained on MNIST and drawn strokes, classifies" in outline.text
    badges = re.findall(r'">([^<]+)</a><span class="badge">(.*?)</span><', page.replace("<wbr>", ""))
    assert sorted(badges) == [("cnn", "champion"), ("mnist_plus_strokes-cnn", "to deploy")]
    for credited in ("LeCun", "Alimoglu", "Glyph templates."):
        assert outline.text.count(credited) == 1
    with pytest.raises(UserError, match=r"choose from (?!.*mnist_plus_strokes-cnn)"):
        write_page(
            folder,
            MNIST,
            load_models(folder / "models", {"mnist_plus_strokes": strokes_models}),
            "mnist_plus_strokes-cnn",
        )


def test_without_a_champion_and_files_the_opening_is_about_an_own_model(
    mnist_report: Path, strokes_models: Path, tmp_path: Path
) -> None:
    folder, best = tmp_path / "mnist", tmp_path / "mnist_plus_strokes"
    shutil.copytree(mnist_report, folder, ignore=shutil.ignore_patterns("dense_2x128", "tflearn_cnn"))
    shutil.copytree(strokes_models, best)
    path = best / "cnn" / "test.json"
    write_json(path, json.loads(path.read_text()) | {"accuracy": 1.0, "accuracy_high": 1.0, "errors": 0})
    for exported in tmp_path.glob("**/export.json"):
        exported.unlink()
    page = write_page(folder, MNIST, load_models(folder / "models", {"mnist_plus_strokes": best})).read_text()
    page = page.replace("<wbr>", "")
    subject = re.search(r'<div class="lede">\s*<p>(\S+) classifies', page)
    names = re.findall(r'</svg><a href="#[\w-]+">([^<]+)</a>', page)
    assert subject is not None
    assert names[:2] == ["mnist_plus_strokes-cnn", subject[1]]


@pytest.fixture(scope="module")
def five_models(mnist_report: Path, strokes_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("five") / "mnist"
    shutil.copytree(mnist_report, folder)
    return write_page(folder, MNIST, load_models(folder / "models", {"mnist_plus_strokes": strokes_models}), "cnn")


def test_models_are_folded_and_the_leaderboard_leads_into_them(five_models: Path) -> None:
    page = five_models.read_text()
    models = page[page.index('<section id="models">') :].split("</section>")[0]
    names = re.findall(r'<details class="model"><summary>.*?</svg>(.*?)</summary>\s*<div id="([\w-]+)">', models)
    assert len(names) == models.count('<details class="model">') == 5
    # A browser opens a fold if a link leads to an element inside it, so the target is not the fold itself.
    assert set(re.findall(r'<a href="#([\w-]+)">', page.split('id="leaderboard"')[1].split("</table>")[0])) == {
        target for _, target in names
    }
    assert 'class="model" open' not in page


def test_the_leaderboard_says_how_it_is_sorted(five_models: Path) -> None:
    head, body = five_models.read_text().split('class="board wide sortable"')[1].split("</table>")[0].split("<tbody>")
    assert head.count("aria-sort=") == 1 and '<th scope="col" aria-sort="descending">Test digits<' in head
    shown = [float(row.split("<td>")[1].split("%")[0]) for row in body.split("<tr>")[1:]]
    assert shown == sorted(shown, reverse=True) and len(shown) == 5
    # A click first shows the smallest file, but the highest accuracy.
    assert re.findall(r'data-first="ascending">([\w.]+)', head) == ["Model", "canvas.tflite", "Time", "Weights"]


def test_accuracy_is_drawn_against_size_and_against_time_if_it_was_measured(broken: Path) -> None:
    def figures() -> list[str]:
        labels = Outline(write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()).values("aria-label")
        return [label for label in labels if "against" in label]

    sizes = [
        "Accuracy: Starter set against size, a point per model",
        f"Accuracy: {OPTDIGITS.title} test digits against size, a point per model",
    ]
    timed = [*sizes, "Accuracy: Starter set against time, a point per model"]
    assert figures() == timed
    # A file that was exported again, and a time that was not measured again.
    for exported in broken.glob("models/*/export.json"):
        assert figures() == timed
        exported.write_text(exported.read_text() + "\n")
    assert figures() == sizes
    for times in broken.glob("models/*/timing.json"):
        times.unlink()
    assert figures() == sizes
    text = Outline((broken / "index.html").read_text()).text
    assert "AMD EPYC" not in text and "Time" not in text
    for exported in broken.glob("models/*/export.json"):
        exported.unlink()
    assert figures() == []


def test_every_table_can_scroll(mnist_page: Path) -> None:
    page = mnist_page.read_text()
    assert page.count("<table") == len(re.findall(r'<div class="scroll"[^>]*>\s*<table', page)) > 8


def test_a_page_of_four_models_is_small(mnist_page: Path) -> None:
    assert mnist_page.stat().st_size < 1_400_000


def test_the_same_folder_gives_the_same_bytes(mnist_page: Path, tmp_path: Path) -> None:
    shutil.copytree(mnist_page.parent, tmp_path / "elsewhere")
    again = write_page(tmp_path / "elsewhere", MNIST, load_models(tmp_path / "elsewhere" / "models"), "cnn")
    assert again.read_bytes() == mnist_page.read_bytes()


def test_p_is_corrected_for_the_number_of_comparisons(mnist_report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(mnist_report, folder)
    # Of three models each is worse than the first on so many digits alone: p = 0.031, 0.0625 and 1.
    names = [model.name for model in load_models(folder / "models")]
    for name, wrong in zip(names, (0, 6, 5, 0), strict=True):
        lines = [f"{i},{i % 10},{(i + (i < wrong)) % 10}" for i in range(100)]
        table = folder / "models" / name / "test" / "predictions.csv"
        table.write_text("\n".join(["index,label,prediction", *lines]) + "\n")
    outline = Outline(write_page(folder, MNIST, load_models(folder / "models"), "cnn").read_text())
    rows = outline.text.split("p, Holm")[1].split("Accuracy against")[0].split("\n")
    assert [row for row in rows if row] == [
        f"{names[1]}600.0310.094could be chance",
        f"{names[2]}500.0620.125could be chance",
        f"{names[3]}001.0001.000could be chance",
    ]
    assert "corrects p for 3 comparisons" in outline.text


def test_the_page_says_whose_digits_the_intervals_are_over(broken: Path) -> None:
    text = Outline(write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()).text
    assert "The test digits of cnn, dense are by writers whom the digits file does not name." in text
    path = broken / "models" / "cnn" / "test.json"
    write_json(path, json.loads(path.read_text()) | {"writers": 297, "interval": "writers"})
    text = Outline(write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()).text
    assert "The test digits of cnn are by 297 writers." in text
    assert "The test digits of dense are by writers whom the digits file does not name." in text


def test_small_differences_are_not_called_clear(broken: Path) -> None:
    # The first model twice, except for one prediction: one discordant digit is no evidence.
    first, other = (broken / "models" / name for name in ("cnn", "dense"))
    lines = (first / "test" / "predictions.csv").read_text().splitlines()
    row = lines[1].split(",")
    row[2] = str((int(row[1]) + 1) % 10)
    (other / "test" / "predictions.csv").write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n")
    page = write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()
    assert "could be chance" in page
    assert "a clear difference" not in page


def test_a_demo_report_without_pens_or_own_drawings(broken: Path) -> None:
    outline = Outline(write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text())
    assert "This report has no drawings of your own yet" in outline.text
    assert "drawings.py import my_folder, then make demo." in outline.text, "dvc repro would download MNIST"
    assert "dvc repro" not in outline.text
    assert "Starter set" in outline.text
    assert "Pen tablet" not in outline.text
    assert "Glyph templates" not in outline.text
    assert "Rendering variants" not in outline.text
    assert "Optical Recognition" in outline.text
    assert "LeCun" not in outline.text
    assert "champion" not in outline.text


def test_a_model_with_nothing_but_its_test_json_still_has_its_section(broken: Path) -> None:
    for path in (broken / "models").glob("*/*"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "test.json":
            path.unlink()
    outline = Outline(write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text())
    assert {"cnn", "dense", "leaderboard"} <= set(outline.values("id"))
    assert not {"drawings", "corruptions", "rejection"} & set(outline.values("id"))
    assert "img" not in {tag for tag, _ in outline.seen}


def test_curves_without_validation_do_not_mention_it(broken: Path) -> None:
    assert ">validation<" in write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()
    for folder in (broken / "models").iterdir():
        (folder / "test" / "history.csv").write_text("epoch,accuracy,loss\n1,0.5,2\n2,0.6,1\n")
    page = write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()
    assert ">training<" in page and ">validation<" not in page


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("test/history.csv", "epoch,accuracy\n1,0.5\n"),
        ("test/confusion.csv", "label,0,1,2,3,4,5,6,7,8,9\n0,1,2,3,4,5,6,7,8,9,10\n"),
        ("test/reliability.csv", "low,high,n,confidence,accuracy\n0,1,many,0.5,0.5\n"),
        ("test/per_class.csv", "digit,n,recall,precision,f1\n0,1\n"),
        ("test/predictions.csv", "index,label,prediction\n0,one,1\n"),
        ("test/mistakes.png", "not an image"),
        ("drawn/per_writer.csv", "set,writer,method,n,accuracy\nstarter,ann,mnist,x,0.5\n"),
        ("export.json", "{"),
        ("timing.json", "7"),
        ("corruptions.json", '{"n": 100}'),
        ("rejection.json", '{"rule": "margin"}'),
    ],
)
def test_a_broken_file_is_named_and_no_page_is_written(broken: Path, part: str, content: str) -> None:
    path = broken / "models" / "cnn" / part
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        write_page(broken, OPTDIGITS, load_models(broken / "models"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (broken / "index.html").exists()


def test_a_champion_without_results_is_named(optdigits_report: Path) -> None:
    with pytest.raises(UserError, match=r"'resnet'.*choose from"):
        write_page(optdigits_report, OPTDIGITS, load_models(optdigits_report / "models"), "resnet")


def test_names_cannot_break_the_page(broken: Path) -> None:
    path = broken / "models" / "cnn" / "test.json"
    write_json(path, json.loads(path.read_text()) | {"aug": '"on" & <b>off</b>'})
    page = write_page(broken, OPTDIGITS, load_models(broken / "models")).read_text()
    assert "<b>off" not in page
    assert "&lt;b&gt;off" in page
    Outline(page)


def test_every_color_has_a_value_for_the_dark_page() -> None:
    css = (HERE / "page.css").read_text()
    dark = css[css.index("prefers-color-scheme: dark") :].split("} }")[0]
    assert {f"--{name}" for name in PALETTE} <= set(re.findall(r"(--[\w-]+):", dark))


def test_the_page_has_a_datasets_own_credit_and_the_overrides_of_its_runs(mnist_report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(mnist_report, folder)
    credit = Credit("My scans", "A. Writer, 2026.", "CC0", "")
    data = MNIST.model_copy(update={"credit": credit})
    words = {"cnn": "optimizer=lion training.label_smoothing=0.05", "dense": ""}
    text = Outline(write_page(folder, data, load_models(folder / "models"), "cnn", words).read_text()).text
    assert "My scans. A. Writer, 2026. License: CC0." in text
    assert text.count("Trained with") == 1 and f"Trained with {words['cnn']}." in text
