"""Cards of cartons far away: there before anything is downloaded, and cheap."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import DOUBLE, Packed
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

import carton_runtime as carton
from carton_runtime.testing.range_server import RangeServer

MOST_REQUESTS = 3
MOST_BYTES = 200_000
NAME = "far.carton"

Run = Callable[[str], Any]


def picture(size: int) -> bytes:
    """A PNG that does not compress."""
    file = io.BytesIO()
    Image.frombytes("RGB", (size, size), random.Random(size).randbytes(3 * size * size)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("CARTON_PROGRESS", "off")
    with RangeServer() as server:
        yield server


@pytest.fixture(scope="module")
def pictured(packed: Packed) -> Path:
    """A carton with two pictures, of which the larger does not come along with what describes it."""
    return packed(
        {"main.py": DOUBLE, "weights": random.Random(1).randbytes(3_000_000)},
        model_name="Pictured",
        model_description="![curve](@misc/curve.png)",
        inputs=[carton.TensorSpec("x", "float64", ["n"])],
        outputs=[carton.TensorSpec("out", "float64", ["n"])],
        examples=[carton.Example({"x": np.array([1.0, 0.5])}, {"out": picture(20)}, "small")],
        misc_files={"curve.png": picture(300)},
    )


def shown(shell: InteractiveShell, value: object) -> str:
    data, _ = shell.display_formatter.format(value)
    return str(data["text/html"])


def test_a_card_shows_what_came_along_and_fetches_nothing_more(
    shell: InteractiveShell, run: Run, server: RangeServer, pictured: Path
) -> None:
    info = run(f"%carton_info {server.serve(NAME, pictured)}")
    card = shown(shell, info)
    assert "[1, 0.5] float64 [2]" in card
    assert card.count("data:image/png;base64,") == 1, "the picture of the example"
    assert "One value or picture is not fetched yet; %carton_info --all fetches them" in card
    assert len(server.requests(NAME)) <= MOST_REQUESTS
    assert server.sent(NAME) <= MOST_BYTES


def test_all_of_a_card_is_fetched_when_that_is_asked_for(
    shell: InteractiveShell, run: Run, server: RangeServer, pictured: Path
) -> None:
    info = run(f"%carton_info {server.serve(NAME, pictured)} --all")
    asked = len(server.requests(NAME))
    card = shown(shell, info)
    assert card.count("data:image/png;base64,") == 2
    assert "not fetched" not in card
    assert len(server.requests(NAME)) == asked, "showing it asks for nothing"
    assert server.sent(NAME) < pictured.stat().st_size / 2


def test_a_picture_that_was_read_is_on_the_next_card(
    shell: InteractiveShell, run: Run, server: RangeServer, pictured: Path
) -> None:
    info = run(f"%carton_info {server.serve(NAME, pictured)}")
    info.misc_files["curve.png"].read_blocking()
    assert shown(shell, info).count("data:image/png;base64,") == 2


def test_a_card_appears_before_the_download(
    run: Run, server: RangeServer, pictured: Path, changed: Callable[..., Path]
) -> None:
    broken = changed({"model/weights": bytes(3_000_000)}, of=pictured, honest=False)
    with capture_output() as captured, pytest.raises(carton.IntegrityError):
        run(f"m = %carton_load {server.serve(NAME, broken)}")
    (card,) = captured.outputs
    assert "Pictured" in card.data["text/html"]


def test_the_model_of_a_url_has_its_card_as_well(
    shell: InteractiveShell, run: Run, server: RangeServer, pictured: Path
) -> None:
    url = server.serve(NAME, pictured)
    with capture_output() as captured:
        run(f"m = %carton_load {url}")
    assert [card.data["text/plain"].split("\n")[0] for card in captured.outputs] == ["Pictured"]
    asked = len(server.requests(NAME))
    assert "Pictured" in shown(shell, shell.user_ns["m"])
    assert len(server.requests(NAME)) == asked
    run("%carton_unload m")


@pytest.mark.parametrize(("line", "updates"), [("%carton_load {} --to m", 1), ("m = %carton_load {}", 0)])
def test_in_a_notebook_one_card_is_left(
    kernel: Any, server: RangeServer, pictured: Path, line: str, updates: int
) -> None:
    _, outputs = kernel.run(line.format(server.serve(NAME, pictured)))
    cards = [output for output in outputs if "Pictured" in output.get("data", {}).get("text/plain", "")]
    assert len(cards) == 1 + updates
    assert cards[0]["type"] == "display_data"
    gone = [output for output in outputs if output["type"] == "update_display_data"]
    assert [output["transient"] for output in gone] == [cards[0]["transient"]] * updates
    assert [output["data"] for output in gone] == [{"text/plain": ""}] * updates
    kernel.run("%carton_unload m")


def test_a_carton_that_is_here_needs_no_card_before(run: Run, pictured: Path) -> None:
    with capture_output() as captured:
        run(f"m = %carton_load {pictured}")
    assert captured.outputs == []
    run("%carton_unload m")


def test_options_ask_no_second_time_whose_they_are(run: Run, server: RangeServer, packed: Packed) -> None:
    url = server.serve(NAME, packed(DOUBLE.replace("get_model()", "get_model(gain)")))
    with capture_output():
        run(f"m = %carton_load {url} --opt gain=2")
    assert len(server.requests(NAME)) == 2, "for the card, and for the model"
    run("%carton_unload m")
