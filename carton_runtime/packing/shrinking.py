"""`shrink`: a carton without the files that can be fetched from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from carton_runtime import background
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.opening import open_carton
from carton_runtime.events import OnEvent
from carton_runtime.format.manifest import Links
from carton_runtime.packing.linking import checked_links, chosen_links
from carton_runtime.packing.output import Output
from carton_runtime.packing.rewriting import Changes, Writing, rewrite, symlinks_of
from carton_runtime.settings import Settings
from carton_runtime.storage.locate import local_path


async def shrink(
    path: str | os.PathLike[str],
    urls: Mapping[str, Sequence[str]],
    *,
    output_path: str | os.PathLike[str] | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Make a carton that links to files instead of holding them. It is the same model, with the same hash.

    Args:
        path: the carton: its path or URL. It stays as it is.
        urls: sha256 in hex → URLs with that content, the best first: older readers try no other. Hashes of which the
            carton has no file are left out, with a warning.
        output_path: the carton to write, replacing what is there; a new temporary file unless given.
        on_event: told of the step ``model.pack``.

    Returns:
        The path of the new carton.

    Raises:
        FormatError: `urls` is something else, or names no file of the carton; or it is no carton, or a broken one.
        IntegrityError: a file is not what the carton's MANIFEST promises.
        StorageError: the carton cannot be read, or the new one not written.
    """
    links = checked_links(urls, "urls")
    output = None if output_path is None else local_path(output_path).absolute()
    return await background.run(_shrink(path, links, Output(output), on_event))


async def _shrink(path: str | os.PathLike[str], links: Links, output: Output, on_event: OnEvent | None) -> Path:
    files = await open_carton(path, Settings.load())
    try:
        chosen = chosen_links(links, set(files.manifest.entries.values()), "urls")
        targets = await symlinks_of(files)
        changes = Changes(_linked(files, chosen), links=_merged(chosen, files.mirrors.links))
        return await output.written(
            lambda archive: rewrite(
                files, targets, changes, Writing(archive, output.stop, "packing what is not linked to", on_event)
            )
        )
    finally:
        await files.aclose()


def _linked(files: CartonFiles, links: Links) -> set[str]:
    return {path for path, sha256 in files.manifest.entries.items() if sha256 in links.urls}


def _merged(links: Links, known: Links) -> Links:
    """New places before those that were known."""
    urls = {
        sha256: tuple(dict.fromkeys((*links.urls.get(sha256, ()), *known.urls.get(sha256, ()))))
        for sha256 in {**known.urls, **links.urls}
    }
    return Links(urls)
