"""To open a carton as a user would, in every way that reaches what it hides."""

from __future__ import annotations

import re

import pytest
from hostile.beasts import Beast
from hostile.sandbox import Sandbox

import carton_runtime as carton


async def met(beast: Beast, sandbox: Sandbox) -> None:
    """Open a beast as a user would, in all the ways that reach it, and demand its error of each."""
    location = beast.location(sandbox)
    sandbox.start()
    words = re.escape(beast.words)
    if beast.reach == "open":
        with pytest.raises(beast.error, match=words):
            await carton.get_model_info(location)
    info = None if beast.reach == "open" else await carton.get_model_info(location)
    if beast.reach in ("open", "load"):
        with pytest.raises(beast.error, match=words):
            await carton.load(location, visible_device="cpu")
    elif info is not None:
        with pytest.raises(beast.error, match=words):
            await everything_of(info, beast.reach)
    sandbox.check_untouched()
    sandbox.check_no_remains()


async def everything_of(info: carton.CartonInfo, reach: str) -> None:
    """Ask for every stored tensor, or for every file."""
    if reach == "misc":
        for file in info.misc_files.values():
            await file.read()
        return
    for test in info.self_tests:
        for tensor in test.inputs.values():
            await tensor.get()
    for example in info.examples:
        for value in example.sample_out.values():
            await value.get()  # type: ignore[union-attr]
