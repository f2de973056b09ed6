from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from carton_jupyter.magics import load, pack
from carton_jupyter.magics.options import for_runner, need_runner, parse_options


def test_quotes_hold_values_with_spaces_together() -> None:
    arguments = load.PARSER.parse_line("'my model.carton' --device cpu")
    assert (arguments.path, arguments.device) == ("my model.carton", "cpu")


@pytest.mark.parametrize("line", ["x.carton;", "x.carton ;", "x.carton # why", "  x.carton  "])
def test_comments_and_a_last_semicolon_are_no_arguments(line: str) -> None:
    assert load.PARSER.parse_line(line).path == "x.carton"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--devcie", r"no option --devcie; did you mean --device\?"),
        ("x.carton --devcie cpu", r"no option --devcie; did you mean --device\?"),
        ("x.carton --devcie=cpu", r"no option --devcie; did you mean --device\?"),
        ("x.carton --dev cpu", "no option --dev"),
        ("x.carton y.carton", "'y.carton' is one argument too many"),
        ("'x.carton", 'no closing quotation in "\'x.carton"'),
        ("", r"required: PATH\|URL"),
        ("x.carton --device", "expected one argument"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        load.PARSER.parse_line(line)
    assert "\n" not in str(raised.value)
    assert "%carton_load --help" in str(raised.value)


@pytest.mark.parametrize("line", ["--help", "-h", "x.carton --help"])
def test_help_is_printed_and_nothing_else_happens(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load.PARSER.parse_line(line) is None
    assert "usage: %carton_load" in capsys.readouterr().out


def test_packages_may_be_several_and_given_again() -> None:
    assert pack.PARSER.parse_line("--requires a b --requires c -o out").requires == ["a", "b", "c"]
    assert pack.PARSER.parse_line("").requires == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("fast", "fast"),
        ("'3'", "3"),
        ("[1, 2]", "[1, 2]"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_an_option_is_typed_as_the_format_has_it(text: str, value: object) -> None:
    (found,) = parse_options([f"key={text}"]).values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("pair", ["fast", "=1", "x.carton"])
def test_an_option_without_key_or_value_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        parse_options([pair])


def test_a_bare_key_is_for_the_model_of_a_python_runner() -> None:
    options = {"gain": 1, "model.size": 2, "entrypoint_fn": "f"}
    assert for_runner(options, "python") == {"model.gain": 1, "model.size": 2, "entrypoint_fn": "f"}
    assert need_runner(options)


def test_another_runner_gets_its_options_as_they_are() -> None:
    assert for_runner({"num_threads": 4}, "torchscript") == {"num_threads": 4}
    assert not need_runner({"model.size": 2, "entrypoint_fn": "f"})
