"""The model card of a run: its results, its sources, and that it claims nothing else."""

import re
from functools import cache
from pathlib import Path

import pytest

from inkproof.config.compose import composing
from inkproof.config.stages import PretrainedConfig, Renderings
from inkproof.data.digits import sources_of
from inkproof.evaluation.results import NumbersResult, write_result
from inkproof.reporting.model_card import Share, model_card, shares
from inkproof.reporting.pretrained import PretrainedRun
from inkproof.reporting.wording import fill_markdown
from inkproof.runtime.errors import UserError
from inkproof.runtime.files import sha256_of
from inkproof.stages.numbers import summary
from inkproof.synthetic.digit_strings import GAPS
from support.pretrained_run import NAME, PENS, change, load, write_run

LIMITS = ("rotation", "zoom", "shift", "slant", "elastic", "width")


@pytest.fixture
def typed(tmp_path: Path) -> dict[str, str]:
    return write_run(tmp_path)


@cache
def renderings() -> Renderings:
    with composing() as compose:
        return compose(PretrainedConfig).sets


def card(typed: dict[str, str], run: PretrainedRun | None = None) -> str:
    digits = Path(typed["digits"])
    sources = {split: shares(sources_of(digits, split), "mnist_plus_strokes", 0) for split in ("train", "val")}
    return model_card(run or load(typed), sources, renderings())


def section(text: str, title: str) -> str:
    """The text under a heading, up to the next heading of its level or above, in one line."""
    level, rest = re.split(rf"^(#+) {re.escape(title)}$", text, maxsplit=1, flags=re.MULTILINE)[1:]
    return " ".join(re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0].split())


def row(text: str, first: str) -> list[str]:
    """The cells of the table row with this first cell."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_set_has_its_accuracy_and_interval(typed: dict[str, str]):
    text = card(typed)
    assert row(text, "MNIST, test digits")[1:3] == ["10,000", "99.53%"]
    assert row(text, "Starter set")[1:3] == ["270", "98.9%"]
    for title, wrong in {
        "Pen tablet": 12,
        "Pen tablet, thin brush": 20,
        "Pen tablet, single pixels": 35,
        "Pen tablet, white on black": 12,
    }.items():
        _, n, accuracy, interval = row(text, title)
        assert (n, accuracy) == ("2,800", f"{100 * (1 - wrong / PENS):.2f}%")
        low, high = map(float, interval.split("–"))
        assert low < 100 * (1 - wrong / PENS) < high
    evaluated = section(text, "Evaluation data")
    assert (
        "**Pen tablet, thin brush:** 2,800 drawings by 14 writers, a brush of 8 pixels on a 280 x 280 canvas"
        in evaluated
    )
    assert "**Pen tablet, single pixels:** 2,800 drawings by 14 writers, hard one-pixel lines" in evaluated
    assert "**Pen tablet, white on black:** 2,800 drawings by 14 writers, a brush of 20" in evaluated
    assert "validation writers" not in text and "Your drawings" not in text
    assert "**MNIST" not in evaluated and "digits of MNIST, converted to 28 x 28 by the normalizer" in evaluated
    assert "classifies 47 test digits wrong" in text
    assert 'In the set "Pen tablet" the digit 0 has the lowest accuracy, 95.7%.' in " ".join(text.split())


def test_corruptions_rejection_agreement_and_latency_have_their_results(typed: dict[str, str]):
    text = card(typed)
    corruptions = section(text, "Corruptions")
    assert "accuracy on clean canvases is 100%, the mean corruption accuracy 91.0%" in corruptions
    assert "The worst of 7 corruptions:" in corruptions
    assert "Of 500 images, 480 are blank at shot noise 5." in corruptions
    assert row(text, "translate") == ["translate", "82.0%", "94.0%", "88.0%", "82.0%", "76.0%", "70.0%"]
    assert "| scale |" in text and "| grid paper |" not in text, "only the worst five"
    assert "Its AUROC is 0.8750" in section(text, "Rejection")
    assert row(text, "400 drawn digits: accepted")[1:] == ["100%", "100%"]
    assert row(text, "80 out-of-distribution samples: rejected")[1].startswith("75.0% (")
    assert row(text, "40 blanks and specks: rejected")[1].startswith("100% (")
    assert row(text, "40 letters: rejected")[1].startswith("50.0% (")
    measured = section(text, "Metrics")
    assert "test digits are by writers whom the digits file does not name." in measured.replace("\n", " ")
    assert "on 99.97% of 3,070 drawings. The largest difference of a probability is 1.3e-06." in measured
    assert "takes 2.3 ms (median, one thread) on A Processor, 2 cores." in section(text, "Latency")
    use = section(text, "How to use it")
    assert "python src/predict.py digit.png" in use and "uint8 (1, 280, 280)" in use
    assert "divided by 1.25" in use and "from 4.5 on" in use


def test_every_file_has_its_code_and_its_results(typed: dict[str, str]):
    text = card(typed)
    code = section(text, "In an app or a web page")
    for language in ("dart", "kotlin", "swift", "js"):
        assert f"```{language}" in code
    assert code.count(">= 4.5") == 4, "the threshold of this very file, on every platform"
    assert code.count("A test vector of examples/vectors.json") == 4 and "examples/read_digits.py" in code
    assert row(text, "`canvas_int8.tflite`")[1:] == ["640 KB", "99.63%", "3,070 drawings"]
    assert row(text, "`model_int8.tflite`")[1:] == ["252 KB", "99.95%", "every test digit"]
    assert row(text, "`model.mlpackage`")[1:] == ["958 KB", "100%", "500 test digits"]
    assert "| `model_float16.tflite` |" not in text, "not exported, so not claimed"
    assert "Core ML predicts on macOS only" in section(text, "Other files")


def test_the_training_comes_from_the_metadata_of_the_run(typed: dict[str, str]):
    text = card(typed)
    assert row(text, "MNIST") == ["MNIST", "6", "5", "one image of each", "CC BY-SA 3.0"]
    pens = row(text, "Pen-Based Recognition of Handwritten Digits")
    assert pens[1:] == [
        "12",
        "2",
        "4 drawings by 2 writers for training, 2 drawings by 2 writers for validation",
        "CC BY 4.0",
    ]
    assert row(text, "Glyph templates")[1:3] == ["10", "–"]
    data = section(text, "Training data")
    assert "https://doi.org/10.24432/C5MG6K The normalizer then converted them to 28 x 28" in data
    assert "Y. LeCun" in data and "MIT, as the repository" in data and "`conf/data/mnist_plus_strokes.yaml`" in data
    training = section(text, "Training procedure")
    assert "rotated by up to 12 degrees, scaled by up to 12% along each axis, thickened at the edges" in training
    assert "shifted" not in training and "clip" not in training
    assert "adam, learning rate 0.002. Batch size 128, seed 3, float32" in training
    assert "20 epochs of at most 25. The weights are from epoch 17, the best by `val_accuracy`." in training
    assert "21 minutes on A Processor" in training
    assert "(widths 32, 64; dropout 0.5) with 242,058 parameters" in section(text, "Model details")
    assert "by only 2 writers" in section(text, "Ethical considerations")


def test_what_was_not_measured_is_not_claimed(typed: dict[str, str]):
    report = Path(typed["report"])
    (report / "timing.json").unlink()
    change(Path(typed["run"]) / "run.json", config__aug={"name": "off", **dict.fromkeys(LIMITS, 0.0)})
    change(report / "test.json", aug="off")
    change(Path(typed["run"]) / "run.json", config__callbacks={})
    text = card(typed)
    assert "Latency" not in text and " ms " not in text
    assert "**Augmentation** `off`: none." in text and "the best by" not in text


def test_numbers_are_those_of_the_same_files(typed: dict[str, str]):
    report = Path(typed["report"])
    tries = [(f"w{number % 6}", number > 1, 1.0) for number in range(20)]
    rows = [summary("pens", "white", gap, length, tries) for gap in GAPS for length in (4, None)]
    sha = sha256_of(report / "export.json")
    write_result(report / "numbers.json", NumbersResult(seed=1, export_sha256=sha, rows=rows))
    _, own = card(typed).split("### Numbers of several digits", 1)
    shown = row(own.partition("###")[0], "Pen tablet")
    assert shown[1] == "white" and [cell[:7] for cell in shown[2:5]] == ["90.0%, "] * 3
    write_result(report / "numbers.json", NumbersResult(seed=1, export_sha256="another", rows=rows))
    assert "Numbers of several digits" not in card(typed)


def test_a_set_without_an_error_has_no_hardest_digit(typed: dict[str, str]):
    change(Path(typed["report"]) / "drawn.json", pens__learned__per_digit={str(digit): 1.0 for digit in range(10)})
    assert "has the lowest accuracy" not in card(typed)


def test_a_rule_that_accepts_nothing_has_no_accuracy(typed: dict[str, str]):
    accepts_nothing = {"coverage": 0.0, "accuracy": None, "low": 0.0, "high": 1.0}
    change(
        Path(typed["report"]) / "rejection.json",
        **{f"chosen__digits__{key}": value for key, value in accepts_nothing.items()},
    )
    text = card(typed)
    assert row(text, "400 drawn digits: accepted")[1] == "0%"
    assert row(text, "accepted digits: accuracy")[1] == "– (0–100)"


def test_the_same_files_give_the_same_text_in_lines_of_120(typed: dict[str, str]):
    text = card(typed)
    assert text == card(typed)
    assert text.endswith("\n") and "\n\n\n" not in text and "{{" not in text and "None" not in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120
    tables = [lines for lines in text.split("\n\n") if lines.startswith("|")]
    assert len(tables) == 7
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table
    assert text.startswith(f"# Model card: {NAME}, ")


def test_a_report_that_lacks_a_result_is_one_line(typed: dict[str, str]):
    report = Path(typed["report"])
    change(report / "rejection.json", rules={})
    with pytest.raises(
        UserError, match=r"models/vgg_bn: a file there lacks a result \('energy'\); run `make pretrained` again"
    ):
        card(typed)
    change(report / "corruptions.json", mca={})
    with pytest.raises(UserError, match=r"corruptions\.json: mca\.accuracy: expected a value; run its stage again$"):
        card(typed)


def test_shares_count_images_digits_and_writers():
    names = ["mnist-train-00001", "pens-tra-w01-0001", "pens-tra-w02-0001", "pens-tra-w01-0001", "style-1998-00000-3"]
    assert shares(names, "mnist_plus_strokes", 5) == [
        Share("mnist", 1, 1, None),
        Share("pens", 3, 2, 2),
        Share("glyphs", 1, 1, None),
    ]
    names = ["unipen-ap-07-1a/apa/x/1-2", "unipen-ap-07-1b/apa/y/3", "unipen-ibm-02-1a/ibm/z/4", "pens-tra-w01-0001"]
    assert shares(names, "mnist_plus_strokes", 4) == [Share("pens", 1, 1, 1), Share("unipen", 3, 3, 2)][::-1]
    assert shares([], "optdigits", 7) == [Share("optdigits", 7, 7, None)]


def test_markdown_is_wrapped_except_tables_code_and_headings():
    text = (
        "# A heading that stays\none two\nthree `four five`\n- an item\nof two lines\n- another\n\n\n\n| a |\n|---|\n\n"
    )
    text += "```sh\nfirst  line\n\n\nlast\n```\nafter"
    filled = (
        "# A heading that stays\none two three\n`four five`\n- an item of two\n  lines\n- another\n\n| a |\n|---|\n\n"
    )
    assert fill_markdown(text, 16) == filled + "```sh\nfirst  line\n\n\nlast\n```\nafter\n"
