from __future__ import annotations

import hashlib
import tomllib

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format.manifest import Links, Manifest

A, B = "a" * 64, "0123456789abcdef" * 4


def test_each_line_is_a_path_and_a_hash() -> None:
    manifest = Manifest.parse(f"carton.toml={A}\nmodel/a b=c.bin={B}\n".encode())
    assert manifest.entries == {"carton.toml": A, "model/a b=c.bin": B}


def test_it_is_written_sorted_by_bytes() -> None:
    manifest = Manifest({"model/é": A, "model/a": B, "carton.toml": A, "model/Z": A, "model/𐀀": B, "model/\uffff": A})
    lines = manifest.serialise().splitlines()
    assert lines == sorted(lines, key=lambda line: line.rpartition(b"=")[0])
    assert manifest.serialise().endswith(b"\n")
    assert Manifest.parse(manifest.serialise()) == manifest


def test_the_model_hash_is_that_of_the_bytes() -> None:
    unsorted = f"b={A}\na={B}\n".encode()
    manifest = Manifest.parse(unsorted)
    assert manifest.model_hash == hashlib.sha256(unsorted).hexdigest()
    assert Manifest(manifest.entries).model_hash == hashlib.sha256(f"a={B}\nb={A}\n".encode()).hexdigest()
    assert Manifest(manifest.entries) == manifest


def test_an_empty_manifest_lists_nothing() -> None:
    assert Manifest.parse(b"").entries == {}
    assert Manifest({}).serialise() == b""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("carton.toml", "is not 'path=sha256'"),
        (f"={A}", "is empty"),
        (f"../x={A}", "not normalised"),
        (f"/x={A}", "absolute"),
        (f"a\\b={A}", "backslash"),
        ("a=" + "a" * 63, "not 64 hex digits"),
        ("a=" + "g" * 64, "not 64 hex digits"),
        (f"a= {A}", "not 64 hex digits"),
        (f"a={A} ", "not 64 hex digits"),
        (f"ok={A}", "twice"),
        (f"MANIFEST={A}", "lists MANIFEST"),
        (f"LINKS={A}", "lists LINKS"),
    ],
)
def test_a_line_that_is_wrong_is_named_by_its_number(line: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        Manifest.parse(f"ok={A}\n{line}\n".encode())
    assert (caught.value.where, caught.value.line) == ("MANIFEST", 2)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(FormatError, match="is not UTF-8") as caught:
        Manifest.parse(b"\n\n\xff")
    assert caught.value.line == 3


@pytest.mark.parametrize("entries", [{"../x": A}, {"a\nb": A}, {"a": "x"}, {"MANIFEST": A}])
def test_what_could_not_be_read_is_not_made(entries: dict[str, str]) -> None:
    with pytest.raises(FormatError, match="MANIFEST"):
        Manifest(entries)


def test_links_are_read_in_the_order_of_their_mirrors() -> None:
    text = f'version = 1\n[urls]\n{A} = ["https://a.example/x", "http://b.example/x"]\n{B} = ["file:///x"]\n'
    assert Links.parse(text.encode()).urls == {A: ("https://a.example/x", "http://b.example/x"), B: ("file:///x",)}


def test_links_are_written_sorted() -> None:
    links = Links({A: ("https://a.example/x",), B: ("https://b.example/x", "file:///x")})
    data = links.serialise()
    assert tomllib.loads(data.decode()) == {
        "version": 1,
        "urls": {B: ["https://b.example/x", "file:///x"], A: ["https://a.example/x"]},
    }
    assert data.index(B.encode()) < data.index(A.encode())
    assert Links.parse(data) == links


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[urls]", "LINKS: version"),
        ("version = 2\n[urls]", "LINKS: version"),
        ("version = 1", "LINKS: urls"),
        ("version = 1\n[urls]\nabc = ['https://x']", "LINKS: urls.abc"),
        (f"version = 1\n[urls]\n{A} = 'https://x'", f"LINKS: urls.{A}"),
        (f"version = 1\n[urls]\n{A} = ['https://x', 'ftp://x']", f"LINKS: urls.{A}[1]"),
        (f"version = 1\n[urls]\n{A} = ['https://x y']", f"LINKS: urls.{A}[0]"),
        (f"version = 1\n[urls]\n{A} = [1]", f"LINKS: urls.{A}[0]"),
    ],
)
def test_links_that_are_wrong_are_named(text: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        Links.parse(text.encode())
    assert caught.value.where == where


@pytest.mark.parametrize("urls", [{"abc": ("https://x",)}, {A: ("x",)}, {A: ("https://x\udc80",)}])
def test_links_that_could_not_be_read_are_not_made(urls: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(FormatError, match="LINKS"):
        Links(urls)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:///x"])
def test_links_from_elsewhere_may_not_name_files_of_this_machine(url: str) -> None:
    text = f'version = 1\n[urls]\n{A} = ["https://a.example/x", "{url}"]\n'.encode()
    assert Links.parse(text, files=True).urls[A][1] == url
    with pytest.raises(
        FormatError, match=r"urls\.a+\[1\] \(line 3\): is a file URL, which only a carton on this machine"
    ):
        Links.parse(text, files=False)
