from __future__ import annotations

import io
import stat
import tracemalloc

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format.archive import ArchiveWriter, Decompressor, Method, data_start, symlink_target


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


class Sink(io.RawIOBase):
    """A file that forgets everything but its ends."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.position += len(data)
        return len(data)


def written(*, size: bool = True) -> bytes:
    file = io.BytesIO()
    with ArchiveWriter(file) as archive:
        for method in Method:
            content = b"content" * 100
            chunks = [content[:5], memoryview(content)[5:]]
            archive.add(f"model/{method.name}", chunks, method=method, size=len(content) if size else None)
        archive.add("empty", [], method=Method.ZSTD, size=0 if size else None)
        archive.add_symlink("model/link", "../empty")
    return file.getvalue()


@pytest.mark.parametrize("size", [True, False])
def test_what_is_written_is_read_back(opened: type, size: bool) -> None:
    archive = opened(written(size=size))
    entries = archive.index().entries
    assert list(entries) == ["model/STORED", "model/DEFLATE", "model/ZSTD", "empty", "model/link"]
    assert [entries[f"model/{method.name}"].method for method in Method] == list(Method)
    assert {archive.read(f"model/{method.name}") for method in Method} == {b"content" * 100}
    assert archive.read("empty") == b""
    assert entries["model/link"].is_symlink
    assert symlink_target("model/link", archive.read("model/link")) == "empty"


def test_the_same_files_give_the_same_bytes() -> None:
    assert written() == written()


def test_only_the_link_is_a_link(opened: type) -> None:
    links = {name for name, entry in opened(written()).index().entries.items() if entry.is_symlink}
    assert links == {"model/link"}


def test_a_file_that_cannot_seek_will_do(opened: type) -> None:
    pipe = Pipe()
    with ArchiveWriter(pipe) as archive:
        archive.add("a", [b"x" * 1000], method=Method.ZSTD)
        archive.add("b", [b"y"], method=Method.STORED, size=1)
    archive = opened(bytes(pipe.data))
    assert (archive.read("a"), archive.read("b")) == (b"x" * 1000, b"y")


@pytest.mark.parametrize("name", ["../a", "/a", "a/", "", "a\nb", "\udc80"])
def test_an_unsafe_name_is_not_written(name: str) -> None:
    with ArchiveWriter(io.BytesIO()) as archive:
        with pytest.raises(FormatError, match="path"):
            archive.add(name, [b"x"], method=Method.STORED)
        with pytest.raises(FormatError, match="path"):
            archive.add_symlink(name, "b")


def test_a_name_is_written_once() -> None:
    with ArchiveWriter(io.BytesIO()) as archive:
        archive.add("a", [], method=Method.STORED)
        with pytest.raises(FormatError, match="a: is in the archive already"):
            archive.add_symlink("a", "b")


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "", "\udc80"])
def test_a_link_that_leads_out_is_not_written(target: str) -> None:
    with ArchiveWriter(io.BytesIO()) as archive, pytest.raises(FormatError, match="symlink"):
        archive.add_symlink("a", target)


@pytest.mark.parametrize("content", [b"", b"abcd"])
def test_content_must_have_the_size_announced(content: bytes) -> None:
    with pytest.raises(FormatError, match="3 were announced"), ArchiveWriter(io.BytesIO()) as archive:
        archive.add("a", [content], method=Method.STORED, size=3)


def test_an_error_while_writing_reaches_the_caller() -> None:
    file = io.BytesIO()
    with pytest.raises(RuntimeError, match="disk"), ArchiveWriter(file) as archive:
        archive.add("a", fail_after_one(), method=Method.ZSTD)
    file.close()  # must not make the writer complain when it is collected


def fail_after_one() -> object:
    yield b"x"
    raise RuntimeError("disk")


@pytest.mark.parametrize("method", [Method.STORED, Method.ZSTD])
def test_memory_does_not_grow_with_the_file(method: Method) -> None:
    block = bytes(1 << 20)
    tracemalloc.start()
    try:
        with ArchiveWriter(Sink()) as archive:
            archive.add("big", (block for _ in range(64)), method=method)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_an_archive_of_more_than_4_gib_is_zip64(opened: type) -> None:
    class Sparse(io.RawIOBase):
        """Keeps what is not the big file's zeros."""

        def __init__(self) -> None:
            super().__init__()
            self.parts: dict[int, bytes] = {}
            self.at = 0

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            if len(data) < len(block):
                self.parts[self.at] = bytes(data)
            self.at += len(data)
            return len(data)

        def read_at(self, start: int, length: int) -> bytes:
            data = bytearray(length)
            for at, part in self.parts.items():
                first, last = max(at, start), min(at + len(part), start + length)
                if first < last:
                    data[first - start : last - start] = part[first - at : last - at]
            return bytes(data)

    block = memoryview(bytes(256 << 20))
    file = Sparse()
    with ArchiveWriter(file) as writer:
        writer.add("big", (block for _ in range(17)), method=Method.STORED, size=17 * len(block))
        writer.add("after", [b"x"], method=Method.STORED, size=1)
    archive = opened(b"")
    archive.size = file.at
    archive.fetch = lambda wanted: file.read_at(wanted.start, wanted.length)
    entries = archive.index().entries
    assert entries["big"].size == entries["big"].compressed_size == 17 * len(block)
    assert entries["after"].header_offset > 1 << 32
    assert archive.run_entry(entries["after"]) == b"x"


def test_an_entry_can_be_read_in_pieces(opened: type) -> None:
    archive = opened(written())
    entry = archive.index().entries["model/ZSTD"]
    start = archive.run(data_start(entry))
    decompressor = Decompressor(entry)
    data = archive.data[start : start + entry.compressed_size]
    content = b"".join(piece for at in range(0, len(data), 3) for piece in decompressor.feed(data[at : at + 3]))
    decompressor.finish()
    assert content == b"content" * 100


def test_files_are_plain_and_old(opened: type) -> None:
    data = written()
    mode = (stat.S_IFREG | 0o644) << 16
    assert data.count(mode.to_bytes(4, "little")) == 4
    assert data.count(((stat.S_IFLNK | 0o777) << 16).to_bytes(4, "little")) == 1
