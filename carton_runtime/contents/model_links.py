"""The symlinks of a model, followed and checked before any of its files is fetched."""

from __future__ import annotations

from collections.abc import Mapping

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.errors import FormatError, IntegrityError


async def model_links(files: CartonFiles, paths: Mapping[str, str]) -> dict[str, str]:
    """The links among some of a model's files.

    Args:
        files: the carton.
        paths: path → the sha256 that the MANIFEST promises, which for a link is that of the file it finally leads to.

    Returns:
        The path of each link → the path that it points to.

    Raises:
        FormatError: a link leads out of the model, in a circle, to a folder, or nowhere.
        IntegrityError: it leads to a file with another hash.
    """
    links = {}
    for path, sha256 in paths.items():
        target = await _target(files, path)
        if target is not None:
            end = await _end_of(files, path)
            _check_end(files, path, end)
            if files.manifest.entries[end] != sha256:
                raise IntegrityError(f"{path} links to {target}, which is not what the MANIFEST promises for the link")
            links[path] = target
    return links


async def _target(files: CartonFiles, path: str) -> str | None:
    return await files.contents.link_target(path) if path in files.contents.paths else None


async def _end_of(files: CartonFiles, path: str) -> str:
    """The file that a chain of links leads to."""
    passed = {path}
    while (target := await _target(files, path)) is not None:
        if target in passed or not target.startswith("model/"):
            raise FormatError(f"{path} links to {target}: in a circle, or out of the model", where=files.contents.name)
        passed.add(target)
        if len(passed) > files.contents.limits.symlink_chain:
            what = f"{path} is reached through {len(passed):,} symlinks"
            raise files.contents.limits.excess("symlink_chain", what, where=files.contents.name)
        path = target
    return path


def _check_end(files: CartonFiles, path: str, end: str) -> None:
    if end not in files.manifest.entries:
        is_folder = any(other.startswith(f"{end.rstrip('/')}/") for other in files.manifest.entries)
        what = "a folder, and a link may only lead to a file" if is_folder else "not in the carton"
        raise FormatError(f"{path} links to {end}, which is {what}", where=files.contents.name)
