"""Every beast of the zoo gets its error and nothing else: no file outside the cache, and nothing left over within."""

from __future__ import annotations

import pytest
from hostile import zoo_folders, zoo_names, zoo_texts, zoo_zips
from hostile.beasts import Beast
from hostile.meeting import met
from hostile.sandbox import Sandbox

ZOO: list[Beast] = [*zoo_names.BEASTS, *zoo_zips.BEASTS, *zoo_texts.BEASTS, *zoo_folders.BEASTS]


@pytest.mark.parametrize("beast", ZOO, ids=lambda beast: beast.name)
async def test_a_beast_is_refused_and_leaves_no_trace(
    beast: Beast, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in beast.variables.items():
        monkeypatch.setenv(variable, value)
    await met(beast, sandbox)


def test_there_are_many_beasts_and_no_two_of_one_name() -> None:
    assert len({beast.name for beast in ZOO}) == len(ZOO) >= 40
