"""The same beasts behind a URL get the same errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hostile import zoo_names, zoo_texts, zoo_zips
from hostile.beasts import Beast
from hostile.drafts import FILES, Draft, links_of
from hostile.sandbox import Sandbox

import carton_runtime as carton
from carton_runtime import FormatError
from carton_runtime.testing.range_server import RangeServer

ZIPPED = [beast for beast in [*zoo_names.BEASTS, *zoo_zips.BEASTS, *zoo_texts.BEASTS] if beast.reach == "open"]
WEIGHTS = "model/weights.bin"


@pytest.fixture(scope="module")
def server() -> Iterator[RangeServer]:
    with RangeServer() as running:
        yield running


@pytest.mark.parametrize("beast", ZIPPED, ids=lambda beast: beast.name)
async def test_a_beast_far_away_is_refused_alike(
    beast: Beast, sandbox: Sandbox, server: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = beast.location(sandbox)
    for variable, value in beast.variables.items():
        monkeypatch.setenv(variable, value)
    url = server.serve("beast.carton", location)
    sandbox.start()
    with pytest.raises(beast.error, match=re.escape(beast.words)):
        await carton.get_model_info(url)
    sandbox.check_untouched()
    sandbox.check_no_remains()


async def test_links_to_files_are_for_local_cartons_only(sandbox: Sandbox, server: RangeServer) -> None:
    secret = (sandbox.root / "etc" / "passwd").as_uri()
    draft = Draft(left_out=[WEIGHTS]).with_files({"LINKS": links_of(FILES[WEIGHTS], "https://x.example/a", secret)})
    path = sandbox.cartons / "linked.carton"
    path.write_bytes(draft.zipped())
    assert (await carton.get_model_info(path)).model_name == "honest"
    with pytest.raises(FormatError, match="is a file URL, which only a carton on this machine may have"):
        await carton.get_model_info(server.serve("linked.carton", path))


async def test_an_honest_carton_far_away_passes(sandbox: Sandbox, server: RangeServer) -> None:
    path = sandbox.cartons / "honest.carton"
    path.write_bytes(Draft().zipped())
    assert (await carton.get_model_info(server.serve("honest.carton", path))).model_name == "honest"
