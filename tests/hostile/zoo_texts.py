"""What describes a carton, lying: carton.toml, MANIFEST, LINKS, the index of stored tensors, and hashes of them all."""

from __future__ import annotations

from collections.abc import Callable

from hostile.beasts import Beast, draft, holding
from hostile.drafts import CARTON_TOML, FILES, Draft, links_of, sha256
from hostile.sandbox import Sandbox

from carton_runtime import IntegrityError

INDEX = "tensor_data/index.toml"
WEIGHTS = "model/weights.bin"
HASH = "0" * 64
FOUR = "shape = [\n    4,\n]"


def _toml(*, before: bytes = b"", after: bytes = b"") -> Callable[[Sandbox], Draft]:
    """Adds to carton.toml; the MANIFEST agrees."""
    return holding({"carton.toml": before + CARTON_TOML + after})


def _expanding_toml(_: Sandbox) -> Draft:
    return Draft().with_files({"carton.toml": CARTON_TOML + b"\n" * (64 << 20)})


def _expanding_manifest(_: Sandbox) -> Draft:
    return Draft(manifest=b"\n" * (65 << 20), changes={"MANIFEST": {"method": 93}})


def _index(old: str, new: str) -> Callable[[Sandbox], Draft]:
    """Changes the index of the stored tensors; the MANIFEST agrees."""
    text = FILES[INDEX].decode()
    assert old in text, text
    return holding({INDEX: text.replace(old, new, 1).encode()})


def _manifest(*lines: str, keep: bool = True) -> Callable[[Sandbox], Draft]:
    """Adds lines to an honest MANIFEST, or has them alone."""
    honest = Draft().manifest_bytes() if keep else b""
    return draft(manifest=honest + "".join(f"{line}\n" for line in lines).encode())


def _links(content: bytes) -> Callable[[Sandbox], Draft]:
    return holding({"LINKS": content})


def _url(url: str) -> Callable[[Sandbox], Draft]:
    return lambda _: Draft(left_out=[WEIGHTS]).with_files({"LINKS": links_of(FILES[WEIGHTS], url)})


def _promised(path: str) -> Callable[[Sandbox], Draft]:
    return draft(promises={path: sha256(b"something else")})


def _example(reference: str) -> Callable[[Sandbox], Draft]:
    return holding({"carton.toml": CARTON_TOML.replace(b"@misc/picture.png", reference.encode())})


ADDED_TENSOR = '[[tensor]]\nname = "more"\ndtype = "nested"\ninner = {inner}\n'

TOML = [
    Beast(
        "nesting without end",
        _toml(after=b"a = " + b"[" * 20_000 + b"]" * 20_000),
        "is nested too deeply, more than limit_toml_depth = 32",
    ),
    Beast("tables without end", _toml(after=b"a = " + b"{a = " * 200 + b"1" + b"}" * 200), "is nested too deeply"),
    Beast(
        "a key without end",
        _toml(after=b"[" + b"a." * 50_000 + b"a]\n"),
        "is nested too deeply, more than limit_toml_depth = 32",
    ),
    Beast("a number without end", _toml(before=b"more = " + b"9" * 100_000 + b"\n"), "is not TOML"),
    Beast(
        "a number beyond 64 bits",
        holding({"carton.toml": CARTON_TOML.replace(b"compat_version = 1", b"compat_version = 0x" + b"f" * 5000)}),
        "must be a whole number of 64 bits",
    ),
    Beast("a day that is none", _toml(before=b"day = 9999-99-99\n"), "is not TOML"),
    Beast("no text", _toml(before=b"\xff\xfe"), "carton.toml (line 1): is not UTF-8"),
    Beast("a text without end", _toml(after=b"#" * (9 << 20)), "more than limit_toml_size = 8,388,608 allows"),
    Beast("a text that expands without end", _expanding_toml, "more than limit_toml_size = 8,388,608 allows"),
    Beast("a text for a smaller limit", draft(), "more than limit_", variables={"CARTON_LIMIT_TOML_SIZE": "100"}),
    Beast(
        "a depth for a smaller limit",
        draft(),
        "more than limit_toml_depth = 2",
        variables={"CARTON_LIMIT_TOML_DEPTH": "2"},
    ),
    Beast(
        "another version",
        holding({"carton.toml": CARTON_TOML.replace(b"spec_version = 1", b"spec_version = 9")}),
        "spec_version (line 1): is 9; this release reads version 1 only",
    ),
    Beast("a picture outside", _example("@misc/../../canary"), "is not normalised"),
    Beast("a picture that is absolute", _example("@misc//etc/passwd"), "is absolute"),
    Beast("a tensor that is not there", _example("@tensor_data/gone"), "names the tensor 'gone'"),
]

MANIFESTS = [
    Beast("a hash that is none", _manifest("model/x=0123"), "the hash of 'model/x' is not 64 hex digits"),
    Beast("a hash in capitals", _manifest("model/x=" + "A" * 64), "the hash of 'model/x' is not 64 hex digits"),
    Beast("no hash", _manifest("model/x"), "'model/x' is not 'path=sha256'"),
    Beast("lines that end as on Windows", _manifest(f"model/x={HASH}\r"), "is not 64 hex digits"),
    Beast("a path twice", _manifest(f"model/x={HASH}", f"model/x={HASH}"), "'model/x' is there twice"),
    Beast("a path in two cases", _manifest(f"model/x={HASH}", f"model/X={HASH}"), "which are one file on many systems"),
    Beast("a path below a file", _manifest(f"{WEIGHTS}/x={HASH}"), "which is no folder"),
    Beast("a listed path outside", _manifest(f"model/../../../../canary={HASH}"), "is not normalised"),
    Beast("a listed absolute path", _manifest(f"/etc/passwd={HASH}"), "is absolute"),
    Beast("a listed device", _manifest(f"model/aux.py={HASH}"), "is a device on Windows"),
    Beast("a list of itself", _manifest(f"MANIFEST={HASH}"), "lists MANIFEST, which has no hash there"),
    Beast("a file that is not there", _manifest(f"model/x={HASH}"), "which it neither holds nor links to"),
    Beast("no MANIFEST", lambda _: Draft(changes={"MANIFEST": {"name": "other"}}).zipped(), "it has no MANIFEST"),
    Beast("an empty MANIFEST", _manifest(keep=False), "which its MANIFEST does not list"),
    Beast("a MANIFEST that is no text", draft(manifest=b"\xff\n"), "MANIFEST (line 1): is not UTF-8"),
    Beast("a large MANIFEST", draft(), "more than limit_", variables={"CARTON_LIMIT_MANIFEST_SIZE": "20"}),
    Beast(
        "a MANIFEST that expands without end",
        _expanding_manifest,
        "more than limit_manifest_size = 67,108,864 allows",
    ),
]

HASHES = [
    Beast("another carton.toml than was promised", _promised("carton.toml"), "the MANIFEST promises", IntegrityError),
    Beast("another index than was promised", _promised(INDEX), "the MANIFEST promises", IntegrityError),
    Beast("another model than was promised", _promised(WEIGHTS), "the MANIFEST promises", IntegrityError, "load"),
    Beast("another picture than was promised", _promised("misc/picture.png"), "promises", IntegrityError, "misc"),
    Beast(
        "another tensor than was promised", _promised("tensor_data/tensor_0.bin"), "promise", IntegrityError, "tensor"
    ),
    Beast("a large picture", draft(), "more than limit_", reach="misc", variables={"CARTON_LIMIT_READ_SIZE": "15"}),
]

LINKS = [
    *(
        Beast(f"a link to {url.partition(':')[0]}", _url(url), "is not an http, https or file URL")
        for url in ("ftp://x.example/a", "javascript:alert(1)", "data:text/plain,evil", "/etc/passwd", "ssh://x/y", "")
    ),
    Beast("a link with a newline", _url("https://x.example/a\\nHost: y"), "is not an http, https or file URL"),
    Beast("a link for no hash", _links(b'version = 1\n[urls]\n"../x" = []\n'), "is not a sha256 of 64 hex digits"),
    Beast("links of another version", _links(b"version = 2\n[urls]\n"), "is 2; this release reads version 1 only"),
    Beast("links that are no TOML", _links(b"\0" * 99), "LINKS (line 1): is not TOML"),
    Beast(
        "links of the wrong kind", _links(f'version = 1\n[urls]\n"{HASH}" = "https://x.example"\n'.encode()), "a list"
    ),
    Beast(
        "large links",
        _links(links_of(b"", "https://x.example/" + "a" * 999)),
        "more than limit_",
        variables={"CARTON_LIMIT_LINKS_SIZE": "999"},
    ),
]

TENSORS = [
    Beast(
        "a tensor smaller than its shape",
        _index(FOUR, "shape = [5]"),
        "has 16 bytes; a tensor of dtype float32 and shape [5] has 20",
        reach="tensor",
    ),
    Beast(
        "a tensor larger than memory",
        _index(FOUR, "shape = [4611686018427387904, 8]"),
        "has 16 bytes",
        reach="tensor",
    ),
    Beast(
        "a tensor of a negative size",
        _index(FOUR, "shape = [-4]"),
        "must be a whole number",
    ),
    Beast("a tensor of no size", _index(FOUR, "shape = 4"), "must be a list"),
    Beast("a tensor of a size beyond 64 bits", _index("    4,\n", f"    {1 << 63},\n"), "must be a whole number"),
    Beast("a tensor of half a size", _index("    4,\n", "    4.0,\n"), "must be a whole number"),
    Beast("a tensor of forty dimensions", _index("    4,\n", "    " + "1, " * 40), "has 40 dimensions; at most 32"),
    Beast(
        "a tensor of no width",
        _index(FOUR, f"shape = [0, {1 << 62}, {1 << 62}]"),
        "bytes; a tensor of dtype",
        reach="tensor",
    ),
    Beast(
        "a tensor without its file",
        holding({"tensor_data/tensor_0.bin": None}),
        "has no file 'tensor_data/tensor_0.bin'",
        reach="tensor",
    ),
    Beast("a tensor of objects", _index('"float32"', '"object"'), "is 'object'; it must be one of"),
    Beast("a tensor of another file", _index('"tensor_0.bin"', '"../../canary"'), "is not normalised"),
    Beast("a tensor of an absolute file", _index('"tensor_0.bin"', '"/etc/passwd"'), "is absolute"),
    Beast("a tensor twice", _index('"words"', '"numbers"'), "'numbers' is there twice"),
    Beast(
        "a tensor within itself",
        lambda _: Draft().with_files({INDEX: FILES[INDEX] + ADDED_TENSOR.format(inner='["more"]').encode()}),
        "nested tensors do not nest",
    ),
    Beast(
        "a tensor of what is not there",
        lambda _: Draft().with_files({INDEX: FILES[INDEX] + ADDED_TENSOR.format(inner='["gone"]').encode()}),
        "'gone' is not in the index",
    ),
    Beast(
        "strings that need more than memory",
        holding({"tensor_data/tensor_1.toml": b'data = ["", "' + b"x" * 100_000 + b'"]'}),
        "characters, has too many bytes, more than limit_read_size",
        reach="tensor",
        variables={"CARTON_LIMIT_READ_SIZE": "200 kB"},
    ),
    Beast(
        "more strings than its shape",
        holding({"tensor_data/tensor_1.toml": b'data = ["a", "b", "c"]'}),
        "has 3 strings; shape [2] asks for 2",
        reach="tensor",
    ),
    Beast(
        "a large file of strings",
        draft(),
        "more than limit_",
        reach="tensor",
        variables={"CARTON_LIMIT_STRING_FILE_SIZE": "9"},
    ),
]

BEASTS = [*TOML, *MANIFESTS, *HASHES, *LINKS, *TENSORS]
