from __future__ import annotations

import pytest

from carton_jupyter.magics.call_line import Input, take_apart


@pytest.mark.parametrize(
    ("line", "words", "inputs"),
    [
        ("m", "m", {}),
        ("m x=1", "m", {"x": "1"}),
        ("m x = 1", "m", {"x": "1"}),
        ("m x=np.ones((2, 3)) y=a", "m", {"x": "np.ones((2, 3))", "y": "a"}),
        ("m x=a + b y=c if d else e", "m", {"x": "a + b", "y": "c if d else e"}),
        ("m x=1, y=2", "m", {"x": "1", "y": "2"}),
        ("m x=1,y=2", "m", {"x": "1", "y": "2"}),
        ("m x=(1,) y=f(k=1, **more)", "m", {"x": "(1,)", "y": "f(k=1, **more)"}),
        ("m x='a y=1 --to' z=\"it's (\"", "m", {"x": "'a y=1 --to'", "z": '"it\'s ("'}),
        ('m x="""a "b" c""" y=\'\\\' \'', "m", {"x": '"""a "b" c"""', "y": "'\\' '"}),
        ("m x={'a': 1}['a'] y=[i for i in r if i == 2]", "m", {"x": "{'a': 1}['a']", "y": "[i for i in r if i == 2]"}),
        ("m x=a == b y=a <= b", "m", {"x": "a == b", "y": "a <= b"}),
        ("m x=a ** 2 y=-b", "m", {"x": "a ** 2", "y": "-b"}),
        ("m images:0=a input.1=b", "m", {"images:0": "a", "input.1": "b"}),
        ("m --timeout 5 x=1 --to out", "m --timeout 5 --to out", {"x": "1"}),
        ("x=1 --example 'a b=c' --stream", "--example 'a b=c' --stream", {"x": "1"}),
        ("m x=1;", "m", {"x": "1"}),
        ("m x='#;' # why y=2", "m", {"x": "'#;'"}),
        ("m x=", "m", {"x": ""}),
        ("m x=(1 y=2", "m", {"x": "(1 y=2"}),
    ],
)  # fmt: skip
def test_words_and_inputs_are_told_apart(line: str, words: str, inputs: dict[str, str]) -> None:
    call = take_apart(line)
    assert call.words.split() == words.split()
    assert call.inputs == [Input(name, expression) for name, expression in inputs.items()]


def test_a_dict_of_inputs_stands_behind_two_stars() -> None:
    assert take_apart("m **batch **{'a b': 1} x=2").inputs == [
        Input(None, "batch"),
        Input(None, "{'a b': 1}"),
        Input("x", "2"),
    ]


@pytest.mark.parametrize(
    ("line", "in_input", "is_open"),
    [
        ("m ", False, False),
        ("m x=1", True, False),
        ("m x=f(1", True, True),
        ("m x='a", True, True),
        ("m x=1 --to ", False, False),
        ("m --example 'two", False, True),
    ],
)
def test_what_a_line_ends_with_is_known(line: str, in_input: bool, is_open: bool) -> None:
    call = take_apart(line)
    assert (call.in_input, call.is_open) == (in_input, is_open)


def test_an_input_is_written_as_it_was() -> None:
    assert [str(one) for one in take_apart("m x=a+1 **more").inputs] == ["x=a+1", "**more"]
