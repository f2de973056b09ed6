"""What breaks off is taken up again: by whoever comes next, from whatever mirror, and checked as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import zlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from carton_runtime.errors import FormatError, IntegrityError, StorageError
from carton_runtime.storage.cache import ContentStore, is_verified
from carton_runtime.storage.delivery import Delivery

PIECE = 10_000
CONTENT = bytes(range(256)) * 1_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Inflating:
    """Makes the file of a stream of zlib."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            if piece := self._stream.decompress(chunk):
                yield piece
        except zlib.error as error:
            raise FormatError(str(error)) from error

    def finish(self) -> None:
        if not self._stream.eof:
            raise FormatError("is cut short")


@dataclass
class Mirror:
    """Brings a file from far away, up to a point; says from where on it was asked, and what it sent.

    Args:
        travels: what travels.
        breaks_at: the offset at which it breaks off.
        form: as a delivery's.
    """

    travels: bytes = CONTENT
    breaks_at: int | None = None
    form: str = ""
    is_far: bool = True
    error: BaseException = field(default_factory=lambda: StorageError("the connection broke"))
    asked: list[int] = field(default_factory=list)
    sent: int = 0

    async def __call__(self) -> Delivery:
        expander = Inflating if self.form else None
        return Delivery(self._stream, len(self.travels), expander, self.form, self.is_far)

    async def _stream(self, offset: int) -> AsyncGenerator[bytes, None]:
        self.asked.append(offset)
        while offset < len(self.travels):
            if self.breaks_at is not None and offset >= self.breaks_at:
                raise self.error
            piece = self.travels[offset : offset + PIECE]
            self.sent += len(piece)
            offset += len(piece)
            yield piece


PACKED = zlib.compress(bytes(CONTENT), 0)
FORMS = {"as it is": {}, "compressed": {"travels": PACKED, "form": "zlib"}}


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path)


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request: pytest.FixtureRequest) -> dict[str, object]:
    return request.param


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("partial/*"))


async def broken_off(store: ContentStore, mirror: Mirror) -> None:
    with pytest.raises(type(mirror.error)):
        await store.ensure(SHA256, mirror, what="file")


async def test_what_broke_off_is_taken_up_where_it_stopped(
    store: ContentStore, tmp_path: Path, form: dict[str, object]
) -> None:
    await broken_off(store, Mirror(**form, breaks_at=100_000))
    other = Mirror(**form)
    path = await store.ensure(SHA256, other, what="file")
    assert path.read_bytes() == CONTENT
    assert other.asked == [100_000]
    assert other.sent == len(other.travels) - 100_000
    assert left(tmp_path) == []


async def test_what_was_cancelled_is_taken_up_as_well(store: ContentStore) -> None:
    await broken_off(store, Mirror(breaks_at=100_000, error=asyncio.CancelledError()))
    other = Mirror()
    await store.ensure(SHA256, other, what="file")
    assert other.asked == [100_000]


async def test_progress_tells_what_was_here_before_from_what_came(store: ContentStore, form: dict[str, object]) -> None:
    await broken_off(store, Mirror(**form, breaks_at=100_000))
    told: dict[bool, int] = {False: 0, True: 0}

    def tell(amount: int, *, is_new: bool) -> None:
        told[is_new] += amount

    await store.ensure(SHA256, Mirror(**form), what="file", told=tell)
    assert sum(told.values()) == len(CONTENT)
    assert 99_000 < told[False] <= 100_000


@pytest.mark.parametrize("harm", [b"\xff", b""], ids=["changed", "cut"])
async def test_a_beginning_that_is_wrong_is_fetched_anew(
    store: ContentStore, tmp_path: Path, harm: bytes, form: dict[str, object]
) -> None:
    """As after a power cut, which may leave anything in a file that was being written."""
    await broken_off(store, Mirror(**form, breaks_at=100_000))
    for path in tmp_path.glob("partial/*"):
        path.write_bytes(harm + path.read_bytes()[1:])
    other = Mirror(**form)
    told = 0

    def tell(amount: int, *, is_new: bool) -> None:
        nonlocal told
        told += amount

    assert (await store.ensure(SHA256, other, what="file", told=tell)).read_bytes() == CONTENT
    assert other.asked[-1] == 0
    assert told == len(CONTENT)
    assert left(tmp_path) == []


async def test_a_beginning_that_is_longer_than_the_file_is_fetched_anew(
    store: ContentStore, tmp_path: Path, form: dict[str, object]
) -> None:
    await broken_off(store, Mirror(**form, breaks_at=100_000))
    for path in tmp_path.glob("partial/*"):
        path.write_bytes(b"x" * 2 * len(CONTENT))
    other = Mirror(**form)
    assert (await store.ensure(SHA256, other, what="file")).read_bytes() == CONTENT
    assert other.asked == [0]


async def test_a_mirror_with_another_form_goes_on_from_what_the_file_has(store: ContentStore, tmp_path: Path) -> None:
    await broken_off(store, Mirror(PACKED, 100_000, "zlib"))
    plain = Mirror()
    assert (await store.ensure(SHA256, plain, what="file")).read_bytes() == CONTENT
    assert 99_000 < plain.asked[0] <= 100_000
    assert left(tmp_path) == []


async def test_two_forms_are_not_mixed(store: ContentStore, tmp_path: Path) -> None:
    await broken_off(store, Mirror(PACKED, 100_000, "zlib"))
    other = Mirror(zlib.compress(CONTENT, 9), None, "zlib-9")
    assert (await store.ensure(SHA256, other, what="file")).read_bytes() == CONTENT
    assert other.asked == [0]
    assert left(tmp_path) == []


async def test_what_is_near_is_not_kept(store: ContentStore, tmp_path: Path, form: dict[str, object]) -> None:
    await broken_off(store, Mirror(**form, breaks_at=100_000, is_far=False))
    assert left(tmp_path) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), IntegrityError("wrong")], ids=repr)
async def test_what_is_wrong_or_does_not_fit_is_not_kept(
    store: ContentStore, tmp_path: Path, error: Exception, form: dict[str, object]
) -> None:
    with pytest.raises((StorageError, IntegrityError)):
        await store.ensure(SHA256, Mirror(**form, breaks_at=100_000, error=error), what="file")
    assert left(tmp_path) == []


async def test_a_mirror_that_is_wrong_is_refused_and_nothing_is_kept(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        await store.ensure(SHA256, Mirror(CONTENT[::-1]), what="file")
    assert left(tmp_path) == []


async def test_a_wrong_mirror_after_a_good_beginning_is_tried_once_more_from_its_own_beginning(
    store: ContentStore, tmp_path: Path
) -> None:
    await broken_off(store, Mirror(breaks_at=100_000))
    wrong = Mirror(CONTENT[::-1])
    with pytest.raises(IntegrityError):
        await store.ensure(SHA256, wrong, what="file")
    assert wrong.asked == [100_000, 0]
    assert left(tmp_path) == []


FETCH = """
import asyncio, sys
from pathlib import Path
from carton_runtime.storage.cache import ContentStore
from carton_runtime.storage.delivery import Delivery

async def stream(offset):
    yield Path(sys.argv[3]).read_bytes()[offset:100_000]
    await asyncio.Event().wait()  # until the end

async def deliver():
    return Delivery(stream, 256_000, is_far=True)

def tell(amount, *, is_new):
    print(amount, flush=True)

asyncio.run(ContentStore(Path(sys.argv[1])).ensure(sys.argv[2], deliver, what="file", told=tell))
"""


def fetching(root: Path, source: Path) -> subprocess.Popen[str]:
    """Another process that has fetched 100,000 bytes and waits for more."""
    source.write_bytes(CONTENT)
    command = [sys.executable, "-c", FETCH, str(root), SHA256, str(source)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "100000\n"
    return process


async def test_what_a_killed_process_had_is_taken_up_by_another(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with fetching(root, tmp_path / "source") as process:
        process.kill()
    mirror = Mirror()
    assert is_verified(await ContentStore(root).ensure(SHA256, mirror, what="file"))
    assert mirror.asked == [100_000]
    assert left(root) == []


async def test_a_second_process_waits_for_the_first_and_goes_on_when_it_dies(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with fetching(root, tmp_path / "source") as process:
        mirror = Mirror()
        waiting = asyncio.create_task(ContentStore(root).ensure(SHA256, mirror, what="file"))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        assert mirror.asked == []
        process.kill()
        assert is_verified(await waiting)
    assert mirror.asked == [100_000]


async def test_a_fetch_that_is_cancelled_leaves_no_descriptor(store: ContentStore, nothing_left: object) -> None:
    is_asked = asyncio.Event()

    async def stream(offset: int) -> AsyncGenerator[bytes, None]:
        yield CONTENT[:PIECE]
        is_asked.set()
        await asyncio.Event().wait()

    async def deliver() -> Delivery:
        return Delivery(stream, len(CONTENT), is_far=True)

    fetching = asyncio.create_task(store.ensure(SHA256, deliver, what="file"))
    await is_asked.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
