"""Names and symlinks that lead elsewhere, and names that are one file to some file systems."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

from hostile.beasts import Beast, draft
from hostile.drafts import SYMLINK, Draft
from hostile.sandbox import Sandbox
from raw_zips import RawEntry

from carton_runtime import IntegrityError

UP = "../../../../"
"""From where a model's files are put to the top of the sandbox."""


def _named(name: str | bytes, **fields: Any) -> Callable[[Sandbox], Draft]:
    return draft(added=[RawEntry(name, b"evil", **fields)])


def _absolute(sandbox: Sandbox) -> Draft:
    return Draft(added=[RawEntry(str(sandbox.root / "canary"), b"evil")])


def _through_a_link(sandbox: Sandbox) -> Draft:
    return Draft(links={"model/out": UP.rstrip("/")}, added=[RawEntry("model/out/canary", b"evil")])


def _absolute_link(sandbox: Sandbox) -> Draft:
    return Draft(links={"model/out": str(sandbox.root / "canary")})


def _other_name(name: bytes) -> bytes:
    return b"\x75\x70" + (5 + len(name)).to_bytes(2, "little") + b"\x01" + b"\0" * 4 + name


def _links(**links: str) -> Callable[[Sandbox], Draft]:
    return draft(links={f"model/{name}": target for name, target in links.items()})


CHAIN = {f"link{number:02}": f"link{number + 1:02}" for number in range(60)} | {"link60": "weights.bin"}

BEASTS = [
    Beast("an absolute path", _absolute, "is absolute; paths in a carton are relative"),
    Beast("a path with parents within", _named(f"model/{UP}canary"), "is not normalised"),
    Beast("a path with parents in front", _named("../canary"), "is not normalised"),
    Beast("a path with a parent that Windows sees", _named("model/.. /canary"), "is not normalised"),
    Beast("a drive in front", _named("C:/canary"), "is absolute"),
    Beast("a drive within", _named("model/C:canary"), "is absolute"),
    Beast("a share of another machine", _named("//server/share/canary"), "is absolute"),
    Beast("backslashes", _named("model\\..\\..\\canary"), "contains a backslash"),
    Beast("a NUL", _named("model/main.py\0.txt"), "contains a backslash, a NUL"),
    Beast("a newline", _named("model/a=0\nmodel/b"), "contains a backslash, a NUL, a newline"),
    Beast("an escape for the terminal", _named("model/\x1b[2J"), "another control character"),
    Beast("a device", _named("model/CON"), "is a device on Windows"),
    Beast("a device with an ending", _named("model/nul.txt"), "is a device on Windows"),
    Beast("a device as a folder", _named("model/com1/x"), "is a device on Windows"),
    Beast("bytes that are no text", _named(b"model/\xff\xfe"), "is not UTF-8"),
    Beast("no name", _named(""), "is empty"),
    Beast(
        "a name without end",
        _named("model/" + "x" * 5000),
        "has 5,006 bytes, more than limit_path_length = 4,096 allows",
    ),
    Beast("one name twice", draft(added=[RawEntry("model/weights.bin", b"evil")]), "is in the archive twice"),
    Beast("one name in two cases", _named("model/WEIGHTS.bin"), "which are one file on many systems"),
    Beast(
        "one name in two spellings",
        draft(added=[RawEntry("model/caf\u00e9", b"good"), RawEntry("model/cafe\u0301", b"evil")]),
        "which are one file on many systems",
    ),
    Beast("one name with a dot behind", _named("model/weights.bin."), "which are one file on many systems"),
    Beast("a file below a file", _named("model/weights.bin/x"), "lies below 'model/weights.bin', which is no folder"),
    Beast("a file through a link", _through_a_link, "lies below 'model/out', which is no folder"),
    Beast(
        "a file through a link in another case",
        draft(links={"model/OUT": ".."}, added=[RawEntry("model/out/canary", b"evil")]),
        "lies below 'model/OUT', which is no folder",
    ),
    Beast(
        "another name for other readers", _named("model/good", extra=_other_name(b"../canary")), "another name in an"
    ),
    Beast("a folder with content", _named("model/folder/"), "is a folder with 4 bytes in it"),
    Beast("a folder elsewhere", draft(added=[RawEntry(f"model/{UP}folder/", b"", method=0)]), "is not normalised"),
    Beast("a pipe", _named("model/p", made_by=3, attributes=(stat.S_IFIFO | 0o644) << 16), "is neither a file nor a"),
    Beast("a device node", _named("model/d", made_by=3, attributes=(stat.S_IFCHR | 0o644) << 16), "is neither a file"),
    Beast("a link to an absolute path", _absolute_link, "its target must be a relative path", reach="load"),
    Beast("a link that leads out", _links(out=f"../{UP}canary"), "which lies outside the carton", reach="load"),
    Beast("a link that leads out of the model", _links(out="../carton.toml"), "or out of the model", reach="load"),
    Beast("links in a circle", _links(a="b", b="c", c="a"), "in a circle", reach="load"),
    Beast("a link to itself", _links(a="a"), "in a circle", reach="load"),
    Beast("a chain of links", _links(**CHAIN), "more than limit_symlink_chain = 40 allows", reach="load"),
    Beast("a link to a folder", _links(a="code"), "which is a folder", reach="load"),
    Beast("a link to nowhere", _links(a="gone"), "which is not in the carton", reach="load"),
    Beast("a link to a device", _links(a="nul"), "is a device on Windows", reach="load"),
    Beast(
        "a link with a target without end",
        draft(added=[RawEntry("model/a", b"x/" * 9000, **SYMLINK)]),
        "is a symlink whose target has 18,000 bytes",
    ),
    Beast(
        "a link to another file than was promised",
        draft(links={"model/a": "weights.bin"}, promises={"model/a": "0" * 64}),
        "is not what the MANIFEST promises for the link",
        error=IntegrityError,
        reach="load",
    ),
    Beast(
        "a MANIFEST that is a link",
        draft(changes={"MANIFEST": {**SYMLINK, "content": b"carton.toml"}}),
        "its MANIFEST is a symlink",
    ),
]
