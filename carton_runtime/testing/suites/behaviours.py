"""What models the suite wants to be given, and what they have to do."""

from __future__ import annotations

from enum import StrEnum


class Behaviour(StrEnum):
    """What a model does that a runner's author writes for the suite; one model may do several or all of it."""

    ECHO = "echo"
    """Gives its input ``x`` back under that name. Every runner has to be able to do this."""

    NAMES = "names"
    """Gives all its inputs back under their names, whatever those are and however many there are."""

    NESTED = "nested"
    """Gives its input ``x``, a nested tensor, back under that name."""

    FAILS = "fails"
    """Raises an exception when its input ``fail`` (int64, 0-d) is 1; else it gives ``fail`` back."""

    UNFIT = "unfit"
    """Cannot be loaded: a damaged file, or whatever makes a model of the framework unusable."""

    WAITS = "waits"
    """Takes as many seconds as its input ``seconds`` (float64, 0-d) says, unless it is interrupted; then it gives
    ``seconds`` back."""

    STREAMS = "streams"
    """Streams as many results as its input ``items`` (int64, 0-d) says: ``item`` (int64, 0-d) is 0, 1, 2, …"""

    PRINTS = "prints"
    """Prints its input ``text`` (string, 0-d) and the end of a line on standard output, and gives ``text`` back."""

    OPTIONS = "options"
    """Gives as ``option`` (string, 0-d) the value of the runner option that `RunnerSuite.option` names. Its input
    ``option`` (int64, 0-d) is 0 and says nothing."""

    ENVIRONMENT = "environment"
    """Gives as ``value`` (string, 0-d) the environment variable that its input ``name`` (string, 0-d) names; raises
    when there is none."""
