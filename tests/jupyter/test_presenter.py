from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import Loader, Packed
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

import carton_runtime as carton
from carton_jupyter.presenter import html, markdown, text, view
from carton_jupyter.presenter.panel_states import kernel_strip
from carton_jupyter.presenter.pictures import LARGEST, picture, thumbnail

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>"

X = carton.TensorSpec("x", "float64", ["n"], "numbers")
OUT = carton.TensorSpec("out", "float64", ["n"])
ONES = {"inputs": {"x": np.ones(2)}, "name": "ones", "description": "two of them"}

Shown = Callable[[Any], dict[str, str]]


def png(width: int = 4, height: int = 3) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "#0b60c5").save(file, "PNG")
    return file.getvalue()


def everything() -> dict[str, Any]:
    return {
        "model_name": "Double",
        "short_description": "Twice what it was.",
        "model_description": "# More\n\n![curve](@misc/curve.png) and *words*",
        "license": "MIT",
        "homepage": "https://example.com/home",
        "required_platforms": [],
        "inputs": [X],
        "outputs": [OUT],
        "self_tests": [carton.SelfTest(**ONES, expected_out={"out": np.full(2, 2.0)})],
        "examples": [carton.Example(**ONES, sample_out={"out": png()})],
        "misc_files": {"curve.png": png()},
    }


@pytest.fixture
def shown(shell: InteractiveShell) -> Shown:
    """What the shell shows of a value, by mimetype."""

    def show(value: Any) -> dict[str, str]:
        data, _ = shell.display_formatter.format(value)
        return dict(data)

    return show


def info_of(packed: Packed, **options: Any) -> carton.CartonInfo:
    return carton.sync.get_model_info(packed(**{**everything(), **options}))


def test_a_card_says_what_a_carton_is(packed: Packed, shown: Shown) -> None:
    card = shown(info_of(packed))["text/html"]
    for part in ("Double", "Twice what it was.", "MIT", "float64 [n]", "numbers", "two of them", "<em>words</em>"):
        assert part in card
    assert card.count("data:image/png;base64,") == 2
    assert 'href="https://example.com/home"' in card


def test_plain_text_says_the_same_on_a_few_lines(packed: Packed, shown: Shown) -> None:
    assert shown(info_of(packed))["text/plain"] == (
        "Double\n"
        "  Twice what it was.\n"
        "  inputs:\n"
        "    x: float64 [n]  numbers\n"
        "  outputs:\n"
        "    out: float64 [n]\n"
        "  1 example, 1 self test"
    )


def test_a_model_adds_how_it_is(loaded: Loader, packed: Packed, shown: Shown) -> None:
    model = loaded(packed(**everything()))
    data = shown(model)
    assert data["text/plain"].startswith("Double (idle)\n")
    assert "<strong>idle</strong>" in data["text/html"]
    assert f"numpy {model.kernel.numpy}" in data["text/html"]
    assert shown(carton.sync.Carton(model)) == data
    carton.sync.Carton(model).close()
    assert shown(model)["text/plain"].startswith("Double (dead)\n")


def test_neither_text_nor_card_of_a_model_has_a_process_or_an_address(
    loaded: Loader, packed: Packed, shown: Shown
) -> None:
    model = loaded(packed(**everything()))
    told = re.sub(r"base64,[^\"]*", "", "".join(shown(model).values()))
    assert str(model.kernel.pid) not in re.findall(r"\d+", told)
    assert "0x" not in told


def test_a_model_without_self_tests_passes_none(loaded: Loader, shown: Shown) -> None:
    report = carton.sync.Carton(loaded.code()).run_self_tests()
    assert shown(report)["text/plain"] == "0 of 0 self tests pass"


def test_a_report_tells_what_failed_and_why(loaded: Loader, packed: Packed, shown: Shown) -> None:
    tests = [
        *everything()["self_tests"],
        carton.SelfTest({"x": np.ones(2)}, "only runs"),
        carton.SelfTest({"x": np.ones(2)}, "wrong", None, {"out": np.full(2, 3.0)}),
    ]
    model = loaded(packed(**{**everything(), "self_tests": tests}))
    data = shown(carton.sync.Carton(model).run_self_tests())
    assert data["text/plain"].splitlines() == [
        "2 of 3 self tests pass",
        "  ones, out: within 1e-05",
        "  only runs: ran",
        "  wrong, out: FAILED, 2 of 2 values differ; largest error 1 (relative 0.333), tolerance 1e-05",
    ]
    assert "2 of 3 pass" in data["text/html"]
    assert "2 of 2 values differ" in data["text/html"]


def test_what_a_model_raised_in_a_self_test_is_shown_in_full() -> None:
    error = carton.ModelError("the model raised ValueError: <b>", remote_traceback="File main.py")
    from carton_runtime.selftest import SelfTestResult

    report = carton.SelfTestReport((SelfTestResult("one", False, (), 0.1, error),))
    card = html.report(view.report_view(report))
    assert "ValueError: &lt;b&gt;" in card
    assert "<pre>File main.py</pre>" in card


@pytest.mark.parametrize(
    ("shape", "told"),
    [(None, "any shape"), ([], "scalar"), (["n", None, 3], "[n, *, 3]"), ("like", "shape like")],
)
def test_a_spec_tells_its_shape(shown: Shown, shape: Any, told: str) -> None:
    assert shown(carton.TensorSpec("x", "int8", shape))["text/plain"] == f"x: int8 {told}"


def test_specs_in_a_list_are_told_one_by_one(shown: Shown) -> None:
    assert shown([X, OUT])["text/plain"] == "[x: float64 [n]  numbers, out: float64 [n]]"


def test_nothing_that_a_carton_says_becomes_html(packed: Packed) -> None:
    names = {
        "model_name": HOSTILE,
        "short_description": HOSTILE[:100],
        "model_description": f"{HOSTILE}\n\n[link](javascript:alert(1)) ![picture](javascript:alert(1))",
        "license": HOSTILE,
        "homepage": "javascript:alert(1)",
        "repository": '" onmouseover="alert(1)',
        "inputs": [carton.TensorSpec("x", "float64", [HOSTILE], HOSTILE)],
        "outputs": [carton.TensorSpec("out", "float64", HOSTILE, HOSTILE)],
        "self_tests": [carton.SelfTest({"x": np.ones(2)}, HOSTILE, HOSTILE)],
        "examples": [
            carton.Example({"x": np.array([HOSTILE])}, {"out": b"\x89PNG\r\n\x1a\n no picture"}, HOSTILE, HOSTILE)
        ],
    }
    card = html.card(view.info_view(info_of(packed, **names)))
    tags = set(re.findall(r"<(\w+)[^>]*", card))
    files = {"details", "summary", "table", "tbody", "tr", "td"}
    assert tags <= {"div", "span", "strong", "code", "style", "p", "a"} | files
    assert not re.findall(r"<[^>]*\son\w+=", card)
    assert not re.findall(r"(?:href|src)=\"javascript", card)


SAFE = 'rel="noopener noreferrer" target="_blank"'


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[a](https://example.com/?x=1&y=2)", f'<a href="https://example.com/?x=1&amp;y=2" {SAFE}>a</a>'),
        ("[a](secrets.html)", "<span>a</span>"),
        ("[a](https://e.com) [b](file:///x)", "[b](file:///x)"),
        ("![a](https://example.com/track.png)", f'<a href="https://example.com/track.png" {SAFE}>a</a>'),
        ("![a](@misc/a.png)", '<img class="carton-picture" src="data:image/png;base64,AA==" alt="a">'),
        ("![a](<@misc/b ä.png>)", '<img class="carton-picture" src="data:image/png;base64,BB==" alt="a">'),
        ("![a](@misc/b%20%C3%A4.png)", '<img class="carton-picture" src="data:image/png;base64,BB==" alt="a">'),
        ("[a](HTTPS://example.com/)", f'<a href="HTTPS://example.com/" {SAFE}>a</a>'),
        ("![a *b*](@misc/other.png)", '<span class="carton-faint">[a b]</span>'),
        ("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
        ("| a |\n| - |\n| 1 |", "<td>1</td>"),
    ],
)
def test_a_description_can_do_nothing(source: str, shown: str) -> None:
    pictures = {"a.png": "data:image/png;base64,AA==", "b ä.png": "data:image/png;base64,BB=="}
    rendered = markdown.render(source, pictures)
    assert shown in rendered
    assert rendered.count("<a ") == rendered.count("</a>")


@pytest.mark.parametrize("named", ["<@misc/a picture.png>", "@misc/a%20picture.png"])
def test_a_picture_may_have_any_name(named: str, packed: Packed) -> None:
    said = {"model_description": f"![curve]({named})", "misc_files": {"a picture.png": png()}, "examples": []}
    assert html.card(view.info_view(info_of(packed, **said))).count("data:image/png;base64,") == 1


def test_pictures_are_small_and_of_known_kinds() -> None:
    assert picture(png()).startswith("data:image/png;base64,")
    assert picture(png() + bytes(LARGEST)) == ""
    assert picture(b"<svg onload='alert(1)'/>") == ""


def test_a_large_example_picture_becomes_a_thumbnail() -> None:
    large = png(2000, 1000)
    assert thumbnail(large).startswith("data:image/png;base64,")
    assert len(thumbnail(large)) < 2000


@pytest.mark.parametrize("data", [b"", b"text", png()[:40], b"\xff\xd8\xff nothing more"])
def test_what_is_no_picture_has_no_thumbnail(data: bytes) -> None:
    assert thumbnail(data) == ""


def test_small_tensors_show_their_values_and_large_ones_their_kind(packed: Packed) -> None:
    example = carton.Example({"x": np.array([1.0, 0.5])}, {"out": np.zeros(100)}, "e")
    (shown,) = view.info_view(info_of(packed, examples=[example]))["examples"]
    assert shown["inputs"][0]["text"] == "[1, 0.5] float64 [2]"
    assert shown["outputs"][0]["text"] == "float64 [100]"


def test_a_card_survives_files_that_are_broken(changed: Callable[..., Path], packed: Packed) -> None:
    path = packed(**everything())
    broken = changed({"misc/curve.png": b"other"}, of=path, honest=False)
    card = html.card(view.info_view(carton.sync.get_model_info(broken)))
    assert "[curve]" in card


def test_every_selector_is_about_what_is_ours() -> None:
    from carton_jupyter.presenter.html import _style

    style = _style().removeprefix("<style>")
    rules = re.sub(r"/\*.*?\*/|@media[^{]*", "", style, flags=re.DOTALL)
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", rules) for part in rule.split(",")]
    assert len(selectors) > 20
    assert all(part.startswith(".carton-card") or ":has(.carton-static)" in part for part in selectors if part), (
        selectors
    )


def test_text_and_cards_need_no_shell(packed: Packed) -> None:
    assert text.card(view.info_view(info_of(packed))).startswith("Double")


def test_the_last_error_of_a_model_stands_below_it_and_cannot_break_out() -> None:
    fine: view.KernelView = {
        "name": "Fine", "state": "idle", "pid": "1", "python": "3.11.7", "device": "cpu",
        "memory": "40 MB", "calls": "3", "latency": "", "waiting": "0", "error": "",
    }  # fmt: skip
    table = html.kernels([fine, {**fine, "name": "Failing", "error": HOSTILE}])
    rows = re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2])
    assert [re.search(r"Fine|Failing|last error", row)[0] for row in rows] == ["Fine", "Failing", "last error"]  # type: ignore[index]
    assert len(re.findall("<td", rows[0])) == len(re.findall("<th>", table))
    assert "<script" not in table


async def test_the_latency_of_a_slow_model_can_be_read(loaded: Loader) -> None:
    model = loaded.function("import time\n\ndef run(tensors):\n    time.sleep(0.12)\n    return tensors\n")
    await model.infer(x=1.0)
    await model.infer(x=1.0)
    assert re.fullmatch(r"p50 [\d.]+ m?s", kernel_strip(model.kernel)["latency"])
    assert re.fullmatch(r"[\d.]+ m?s · [\d.]+ m?s", view.kernels_view([model.kernel])[0]["latency"])
