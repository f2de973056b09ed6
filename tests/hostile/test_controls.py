"""The harness itself: it lets an honest carton pass, and it notices a check that is gone and every kind of trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile.beasts import Beast
from hostile.corpus import streamed
from hostile.drafts import FILES, Draft, links_of
from hostile.meeting import everything_of, met
from hostile.sandbox import CANARIES, Sandbox
from hostile.zoo_folders import unpack
from hostile.zoo_names import UP
from hostile.zoo_zips import BIG_CONTENT
from raw_zips import RawEntry

import carton_runtime as carton
from carton_runtime.format import paths

X = np.arange(3, dtype=np.float32)
LINKED = Draft(links={"model/link.bin": "weights.bin", "model/code/up": "../link.bin"}).with_files(
    {"LINKS": links_of(FILES["model/weights.bin"], "https://x.example/weights.bin")}
)


def zipped(draft: Draft, sandbox: Sandbox) -> Path:
    path = sandbox.cartons / "honest.carton"
    path.write_bytes(draft.zipped())
    return path


def unpacked(draft: Draft, sandbox: Sandbox) -> Path:
    folder = unpack(Draft(draft.files), sandbox.cartons / "honest")
    for path, target in draft.links.items():
        (folder / path).symlink_to(target)
    (folder / "MANIFEST").write_bytes(draft.manifest_bytes())
    return folder


HONEST = {
    "zstd": Draft(),
    "deflated": Draft(method=8),
    "stored": Draft(method=0),
    "with links that stay inside, and LINKS": Draft(LINKED.files, links={"model/link.bin": "weights.bin"}),
    "with a chain of links": Draft(
        links={"model/a": "b", "model/b": "code/up", "model/code/up": "../weights.bin"},
        promises=dict.fromkeys(
            ("model/a", "model/b"),
            next(
                line.partition("=")[2]
                for line in Draft().manifest_bytes().decode().splitlines()
                if line.startswith("model/weights.bin=")
            ),
        ),
    ),
    "with large numbers": Draft(zip={"zip64": True}, method=8),
    "of a stream": streamed(),
    "with large files": Draft(method=0).with_files({"model/a.bin": BIG_CONTENT, "model/b.bin": BIG_CONTENT + b"b"}),
}


@pytest.mark.parametrize("make", [zipped, unpacked])
@pytest.mark.parametrize("name", HONEST)
async def test_an_honest_carton_passes(name: str, make: Callable[[Draft, Sandbox], Path], sandbox: Sandbox) -> None:
    location = make(HONEST[name], sandbox)
    sandbox.start()
    async with await carton.load(location, visible_device="cpu") as model:
        assert ((await model.infer({"x": X}))["x"] == X).all()
        await everything_of(model.info, "misc")
        await everything_of(model.info, "tensor")
    sandbox.check_untouched()
    with pytest.raises(AssertionError, match="the cache was left with"):  # the model, which is there to stay
        sandbox.check_no_remains()


@pytest.mark.parametrize("name", [f"model/{UP}escaped", f"model/{UP}canary", f"model/{UP}home/.profile"])
async def test_a_check_of_names_that_is_gone_is_noticed(
    name: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = Beast("evil", lambda _: Draft().with_files({name: b"evil"}), "is not normalised")
    await met(evil, sandbox)
    monkeypatch.setattr(paths, "_unsafe", lambda _: "")
    location = evil.location(sandbox)
    sandbox.start()
    async with await carton.load(location, visible_device="cpu"):
        pass
    assert (sandbox.root / name.removeprefix(f"model/{UP}")).read_bytes() == b"evil", "the breach is a real one"
    with pytest.raises(AssertionError, match="outside of the cache these were written, removed or changed"):
        sandbox.check_untouched()


async def test_a_beast_that_gets_through_is_noticed(sandbox: Sandbox) -> None:
    for reach in ("open", "misc", "tensor"):
        tame = Beast("tame", lambda _: Draft(), "anything", reach=reach)  # type: ignore[arg-type]
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await met(tame, sandbox)


async def test_a_beast_with_another_error_is_noticed(sandbox: Sandbox) -> None:
    evil = Beast("evil", lambda _: Draft(added=[RawEntry("../canary", b"evil")]), "other words")
    with pytest.raises(AssertionError, match="Regex pattern did not match"):
        await met(evil, sandbox)


def _relink(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def _rewrite(path: Path) -> None:
    seen, content = path.stat(), path.read_bytes()
    path.write_bytes(content[::-1])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


TRACES: dict[str, Callable[[Path], object]] = {
    "written": lambda path: path.write_text("evil"),
    "rewritten with its time kept": _rewrite,
    "touched": lambda path: path.touch(),
    "removed": lambda path: path.unlink(),
    "opened to all": lambda path: path.chmod(0o777),
    "made a link": _relink,
    "linked": lambda path: (path.parent / "more").hardlink_to(path),
    "joined by a file": lambda path: (path.parent / ".new").write_text(""),
    "joined by a link": lambda path: (path.parent / ".new").symlink_to("/"),
    "joined by a folder": lambda path: (path.parent / "new").mkdir(),
}


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("trace", TRACES)
def test_every_trace_outside_the_cache_is_noticed(trace: str, canary: str, sandbox: Sandbox) -> None:
    sandbox.start()
    sandbox.check_untouched()
    TRACES[trace](sandbox.root / canary)
    with pytest.raises(AssertionError, match="outside of the cache"):
        sandbox.check_untouched()


@pytest.mark.parametrize(
    "remains", ["models/x/model/main.py", "files/ab/.tmp-x", "partial/x", f"files/{'a' * 64}", "x"]
)
def test_everything_left_in_the_cache_is_noticed(remains: str, sandbox: Sandbox) -> None:
    sandbox.check_no_remains()
    (sandbox.cache / remains).parent.mkdir(parents=True)
    (sandbox.cache / remains).write_text("half of it")
    with pytest.raises(AssertionError, match="the cache was left with"):
        sandbox.check_no_remains()
