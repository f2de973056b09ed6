"""Version requirements as Cargo reads them: ``VersionReq`` of the Rust crate `semver` 1.0.

Grammar, meaning and canonical text follow that crate (``parse.rs``, ``eval.rs`` and ``display.rs`` of
github.com/dtolnay/semver); no other Python library reads Cargo's ranges as Cargo does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion
from packaging.version import Version as PythonVersion
from semver import Version

from carton_runtime.errors import VersionReqError

_MAX_TEXT = 4000  # below the 4,300 digits at which Python refuses to read an integer
_MAX_COMPARATORS = 32  # the crate's own limit
_U64 = 2**64

_NUMBER = r"(?:0|[1-9][0-9]*)"
_WILD = r"[*xX]"
_PRE_PART = rf"(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|{_NUMBER})"
_SUFFIX = rf"(?:-(?P<pre>{_PRE_PART}(?:\.{_PRE_PART})*))?(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_VERSION = re.compile(rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER}){_SUFFIX}")
# No number after a wildcard, and a pre-release or a build only after a patch number
_COMPARATOR = re.compile(
    rf"(?P<op>[=~^]|[<>]=?)? *(?P<major>{_NUMBER})"
    rf"(?:(?P<wild>\.{_WILD}(?:\.{_WILD})?)"
    rf"|\.(?P<minor>{_NUMBER})(?:(?P<wild_patch>\.{_WILD})|\.(?P<patch>{_NUMBER}){_SUFFIX})?)? *"
)
_ANY = re.compile(rf" *{_WILD} *")
_PRE_NAMES = {"a": "alpha", "b": "beta", "rc": "rc"}


class VersionReq:
    """A version requirement, such as ``>=1.2, <2``.

    Args:
        text: the requirement; a bare ``1.2`` means ``^1.2``, a comma means "and".

    Raises:
        VersionReqError: Cargo would not parse the text either.
    """

    __slots__ = ("_comparators",)

    def __init__(self, text: str) -> None:
        self._comparators = () if _ANY.fullmatch(text) else tuple(map(_comparator, _split(text)))

    def matches(self, version: str) -> bool:
        """Whether a full version is inside; a pre-release only where a comparator names one of the same three numbers.

        Raises:
            VersionReqError: `version` is not ``x.y.z`` with an optional pre-release and build; see `normalise_version`.
        """
        parsed = _version(version)
        if not all(comparator.matches(parsed) for comparator in self._comparators):
            return False
        return not parsed.prerelease or any(comparator.admits_pre_of(parsed) for comparator in self._comparators)

    def __str__(self) -> str:
        return ", ".join(map(str, self._comparators)) or "*"

    def __repr__(self) -> str:
        return f"VersionReq({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._comparators == other._comparators if isinstance(other, VersionReq) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._comparators)


def normalise_version(text: str) -> str:
    """Turn a version as Python packages spell it into a semantic version: ``2.13`` → ``2.13.0``.

    A pre-release becomes one (``3.14.0rc1`` → ``3.14.0-rc.1``) and a local part (``+cpu``) is kept as the build;
    post-releases and numbers after the third, which semantic versions cannot have, go there as well. A text that is a
    semantic version already is returned as it is.

    Raises:
        VersionReqError: the text is neither a semantic version nor one that PEP 440 allows, or has an epoch.
    """
    if len(text) <= _MAX_TEXT and _VERSION.fullmatch(text):
        return text
    try:
        version = PythonVersion(text)
    except (InvalidVersion, ValueError) as error:
        raise VersionReqError(f"{text[:100]!r} is not a version") from error
    if version.epoch:
        raise VersionReqError(f"{text[:100]!r} has an epoch, which no semantic version can have")
    return _semantic(version)


@dataclass(frozen=True, slots=True)
class _Comparator:
    op: str
    major: int
    minor: int | None
    patch: int | None
    pre: str | None

    def __str__(self) -> str:
        numbers = ".".join(str(number) for number in (self.major, self.minor, self.patch) if number is not None)
        return f"{numbers}.*" if self.op == "*" else f"{self.op}{numbers}" + (f"-{self.pre}" if self.pre else "")

    def matches(self, version: Version) -> bool:
        if self.op == "^":
            return self._caret(version)
        if self.op == "~":
            return self._tilde(version)
        if self.op[-1] in "=*" and self._exact(version):
            return True
        order = self._order(version)
        return (self.op[0] == ">" and order > 0) or (self.op[0] == "<" and order < 0)

    def admits_pre_of(self, version: Version) -> bool:
        return bool(self.pre) and _numbers(version) == (self.major, self.minor, self.patch)

    def _order(self, version: Version) -> int:
        """Whether the version is below (-1), above (1) or inside (0) what the comparator spans: all 1.y.z for ``1``."""
        for mine, other in zip((self.major, self.minor, self.patch), _numbers(version), strict=True):
            if mine is None:
                return 0
            if mine != other:
                return 1 if other > mine else -1
        return _compare_pre(version.prerelease, self.pre)

    def _same(self, version: Version, count: int) -> bool:
        own = (self.major, self.minor, self.patch)[:count]
        return all(mine in (None, other) for mine, other in zip(own, _numbers(version), strict=False))

    def _exact(self, version: Version) -> bool:
        return self._same(version, 3) and _compare_pre(version.prerelease, self.pre) == 0

    def _tilde(self, version: Version) -> bool:
        if self.patch is None:
            return self._exact(version)
        return self._same(version, 2) and self._order(version) >= 0

    def _caret(self, version: Version) -> bool:
        if self.patch is None:
            return self._same(version, 1 if self.major else 2) and (self.minor is None or version.minor >= self.minor)
        # Everything up to the leftmost number that is not zero must be the same
        return self._same(version, 1 if self.major else 2 if self.minor else 3) and self._order(version) >= 0


def _split(text: str) -> list[str]:
    if len(text) > _MAX_TEXT:
        raise VersionReqError(f"the version requirement {text[:100]!r}… is too long")
    parts = text.lstrip(" ").split(",")
    if len(parts) > _MAX_COMPARATORS:
        raise VersionReqError(f"the version requirement {text[:100]!r} has more than {_MAX_COMPARATORS} comparators")
    return [parts[0], *(part.lstrip(" ") for part in parts[1:])]


def _comparator(text: str) -> _Comparator:
    match = _COMPARATOR.fullmatch(text)
    if match is None:
        raise VersionReqError(_complaint(text))
    wild = match["wild"] or match["wild_patch"]
    op = match["op"] or ("*" if wild else "^")
    major, minor, patch = (_number(match[name]) for name in ("major", "minor", "patch"))
    return _Comparator(op, major or 0, minor, patch, match["pre"])


def _complaint(text: str) -> str:
    if not text.strip():
        return "the version requirement is empty, or a comma in it has nothing on one side; any version is '*'"
    if _ANY.fullmatch(text):
        return "a version requirement with '*' can have no other part"
    return f"{text[:100]!r} is not a Cargo version requirement; write one like '>=1.2, <2', '^1.2', '=3.10' or '1.*'"


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    # The length first: Python refuses to read integers of more than 4,300 digits
    if len(text) > 20 or int(text) >= _U64:
        raise VersionReqError(f"the number {text[:30]} in a version does not fit in 64 bits")
    return int(text)


def _version(text: str) -> Version:
    match = _VERSION.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise VersionReqError(f"{text[:100]!r} is not a full version such as 1.2.3 or 1.2.3-rc.1")
    major, minor, patch = (_number(match[name]) or 0 for name in ("major", "minor", "patch"))
    return Version(major, minor, patch, match["pre"], match["build"])


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _compare_pre(left: str | None, right: str | None) -> int:
    return Version(0, prerelease=left).compare(Version(0, prerelease=right))


def _semantic(version: PythonVersion) -> str:
    release = (*version.release, 0, 0)[: max(3, len(version.release))]
    pre = [str(part) for part in (_PRE_NAMES[version.pre[0]], version.pre[1])] if version.pre else []
    if version.dev is not None:
        pre += ["dev", str(version.dev)]
    build = [str(number) for number in release[3:]]
    if version.post is not None:
        build += ["post", str(version.post)]
    if version.local:
        build.append(version.local)
    text = ".".join(str(number) for number in release[:3])
    return text + (f"-{'.'.join(pre)}" if pre else "") + (f"+{'.'.join(build)}" if build else "")
