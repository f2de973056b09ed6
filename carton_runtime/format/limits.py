"""How much a carton may hold: more is refused, since a small file can take memory, disk or time without end."""

from __future__ import annotations

from dataclasses import dataclass

from carton_runtime.errors import FormatError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of everything is allowed. Sizes are in bytes; for each of these there is a setting.

    Attributes:
        entries: files in a carton.
        directory_size: an archive's directory, which lists them.
        path_length: the name of one file, or the target of a symlink.
        expanded_size: all files together, once expanded.
        compression_ratio: how many times larger than its compressed form one file may be. zstd itself stores 128 KiB of
            one repeated byte in four.
        total_ratio: how many times larger than a zip all its files together may be, where they are more than 1 GiB.
        symlink_chain: links to pass until a file is reached; 40, as Linux follows.
        manifest_size: ``MANIFEST``.
        links_size: ``LINKS``.
        toml_size: any other TOML file that describes something.
        toml_depth: levels of tables and lists in a TOML file.
        string_file_size: the file of a stored tensor of strings.
        read_size: one file, or one tensor, that is taken into memory as a whole.
    """

    entries: int = 1_000_000
    directory_size: int = 1 << 28
    path_length: int = 4096
    expanded_size: int = 1 << 44
    compression_ratio: int = 100_000
    total_ratio: int = 1_000
    symlink_chain: int = 40
    manifest_size: int = 1 << 26
    links_size: int = 1 << 24
    toml_size: int = 1 << 23
    toml_depth: int = 32
    string_file_size: int = 1 << 26
    read_size: int = 1 << 32

    def excess(self, limit: str, what: str, *, where: str = "", line: int | None = None) -> FormatError:
        """The error to raise where there is more than is allowed: it names the limit, which the user may raise.

        Args:
            limit: the attribute here.
            what: what there is too much of, as the beginning of a sentence.
            where: as for `FormatError`.
            line: likewise.
        """
        return FormatError(f"{what}, more than limit_{limit} = {getattr(self, limit):,} allows", where=where, line=line)


DEFAULTS = Limits()
"""What holds where nothing else is said."""
