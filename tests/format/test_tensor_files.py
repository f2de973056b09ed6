from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.errors import FormatError
from carton_runtime.format.tensor_files import StoredTensor, TensorIndex, encode

NUMERIC = [name for name in DTYPES if name != "string"]
STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda text: not text.endswith("\0"))
ARRAYS = st.sampled_from(NUMERIC).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
STRING_ARRAYS = st.lists(STRINGS, min_size=6, max_size=6).map(lambda items: np.array(items).reshape(2, 3))

# Laid out as the original writes it, and with a nested tensor as it reads them
INDEX = """
[[tensor]]
name = "_tensor_0"
dtype = "float32"
shape = [2, 3]
file = "tensor_0.bin"
inner = []

[[tensor]]
name = "_tensor_1"
dtype = "string"
shape = [2]
file = "sub/tensor_1.toml"

[[tensor]]
name = "ragged"
dtype = "nested"
inner = ["r0", "r1"]

[[tensor]]
name = "r0"
dtype = "int8"
shape = [2]
file = "r.bin"
inner = []

[[tensor]]
name = "r1"
dtype = "int8"
shape = [1]
file = "r1.bin"
inner = []
"""
FILES = {
    "tensor_data/tensor_0.bin": np.arange(6, dtype="<f4").tobytes(),
    "tensor_data/sub/tensor_1.toml": b'data = ["a", "b\\u00e9"]',
    "tensor_data/r.bin": b"\x01\xff",
    "tensor_data/r1.bin": b"\x05",
}


def tensor(name: str = "t", dtype: str = "int8", shape: str = "[2]", more: str = 'file = "t.bin"') -> str:
    return f'[[tensor]]\nname = "{name}"\ndtype = "{dtype}"\nshape = {shape}\n{more}\n'


def parse(text: str) -> TensorIndex:
    return TensorIndex.parse(text.encode())


def test_the_index_lists_every_tensor() -> None:
    index = parse(INDEX)
    assert index.tensors["_tensor_0"] == StoredTensor("_tensor_0", "float32", (2, 3), "tensor_0.bin")
    assert index.tensors["ragged"] == StoredTensor("ragged", "nested", inner=("r0", "r1"))
    assert index.names == ("_tensor_0", "_tensor_1", "ragged")


def test_each_tensor_knows_its_files() -> None:
    index = parse(INDEX)
    assert index.files_of("_tensor_1") == ("tensor_data/sub/tensor_1.toml",)
    assert index.files_of("ragged") == ("tensor_data/r.bin", "tensor_data/r1.bin")


def test_tensors_become_arrays() -> None:
    index = parse(INDEX)
    numbers = index.decode("_tensor_0", FILES)
    assert (numbers.dtype, numbers.tolist()) == (np.float32, [[0, 1, 2], [3, 4, 5]])
    assert numbers.flags.writeable
    assert index.decode("_tensor_1", FILES).tolist() == ["a", "bé"]
    ragged = index.decode("ragged", FILES)
    assert isinstance(ragged, NestedTensor)
    assert ragged.tolist() == [[1, -1], [5]]


def test_only_the_files_of_a_tensor_are_needed() -> None:
    index = parse(INDEX)
    for name in index.tensors:
        index.decode(name, {path: FILES[path] for path in index.files_of(name)})


@pytest.mark.parametrize("text", ["", "tensor = []"])
def test_there_may_be_no_tensors(text: str) -> None:
    assert parse(text).tensors == {}


@pytest.mark.parametrize("ask", [lambda index: index.files_of("x"), lambda index: index.decode("x", {})])
def test_a_tensor_that_is_not_there_is_an_error(ask: object) -> None:
    with pytest.raises(FormatError, match=r"tensor_data/index\.toml: lists no tensor 'x'"):
        ask(parse(""))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("tensor = 1", "tensor"),
        (tensor() + tensor(), "tensor[1].name"),
        (tensor(name=""), "tensor[0].name"),
        (tensor(dtype="bool"), "tensor[0].dtype"),
        (tensor(shape="'*'"), "tensor[0].shape"),
        (tensor(shape="[-1]"), "tensor[0].shape[0]"),
        (tensor(shape="[1, true]"), "tensor[0].shape[1]"),
        (tensor(shape="[1.0]"), "tensor[0].shape[0]"),
        (tensor(shape=f"[{2**63}]"), "tensor[0].shape[0]"),
        (tensor(shape=str([1] * 33)), "tensor[0].shape"),
        (tensor(more=""), "tensor[0].file"),
        (tensor(more="file = 1"), "tensor[0].file"),
        (tensor(more="file = '../../x'"), "tensor[0].file"),
        (tensor(more="file = '/etc/passwd'"), "tensor[0].file"),
        ("[[tensor]]\nname = 'n'\ndtype = 'nested'", "tensor[0].inner"),
        ("[[tensor]]\nname = 'n'\ndtype = 'nested'\ninner = 't'", "tensor[0].inner"),
        (tensor(dtype="nested", more="inner = ['x']"), "tensor[0].inner[0]"),
        (tensor(dtype="nested", more="inner = ['t']"), "tensor[0].inner[0]"),
        (tensor() + tensor("n", "nested", more="inner = ['t', 't']"), "tensor[1].inner[1]"),
        (
            tensor() + tensor("n", "nested", more="inner = ['t']") + tensor("m", "nested", more="inner = ['t']"),
            "tensor[2].inner[0]",
        ),
        (
            tensor() + tensor("n", "nested", more="inner = ['t']") + tensor("m", "nested", more="inner = ['n']"),
            "tensor[2].inner[0]",
        ),
    ],
)
def test_an_index_that_is_wrong_is_named_by_its_key_path(text: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    assert caught.value.where == f"tensor_data/index.toml: {where}"


@pytest.mark.parametrize("data", [b"", b"x", b"xxx"])
def test_a_file_must_have_the_bytes_of_its_shape(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"t\.bin: has \d bytes; a tensor of dtype int8 and shape \[2\] has 2"):
        parse(tensor()).decode("t", {"tensor_data/t.bin": data})


@pytest.mark.parametrize(
    "shape", [[2**62], [2**62, 2**62], [0, 2**62, 2**62], [2**62, 2**62, 2**62, 0]], ids=["one", "two", "empty", "end"]
)
@pytest.mark.parametrize("dtype", ["float64", "string"])
def test_a_shape_without_end_allocates_nothing(shape: list[int], dtype: str) -> None:
    index = parse(tensor(shape=str(shape), dtype=dtype))
    with pytest.raises(FormatError, match=r"tensor_data/t\.bin"):
        index.decode("t", {"tensor_data/t.bin": b"data = []" if dtype == "string" else b""})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is missing"),
        (b"data = 'ab'", "must be a list"),
        (b"data = ['a', 1]", r"data\[1\].*must be a string"),
        (b"data = ['a']", r"has 1 strings; shape \[2\] asks for 2"),
        (b"data = [", "is not TOML"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_file_of_strings_must_hold_them(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse(tensor(dtype="string")).decode("t", {"tensor_data/t.bin": data})


def test_one_long_string_cannot_ask_for_all_memory() -> None:
    data = b"data = ['" + b"x" * 1_000_000 + b"'" + b",''" * 10_000 + b"]"
    with pytest.raises(FormatError, match="has too many bytes, more than limit_read_size"):
        parse(tensor(dtype="string", shape="[10001]")).decode("t", {"tensor_data/t.bin": data})


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FormatError, match=r"tensor_data/t\.bin: is missing; the tensor 't' needs it"):
        parse(tensor()).decode("t", {})


def test_inner_tensors_must_fit_together() -> None:
    index = parse(INDEX.replace('dtype = "int8"\nshape = [1]', 'dtype = "uint8"\nshape = [1]'))
    with pytest.raises(FormatError, match="'ragged' does not fit together"):
        index.decode("ragged", FILES)
    index = parse(INDEX.replace("shape = [1]", "shape = [1, 1]"))
    with pytest.raises(FormatError, match="one rank"):
        index.decode("ragged", FILES)


@given(st.dictionaries(STRINGS.filter(bool), ARRAYS | STRING_ARRAYS, max_size=3))
def test_what_is_written_is_read_back_equal(tensors: dict[str, np.ndarray]) -> None:
    files = {path: bytes(content) for path, content in encode(tensors).items()}
    index = TensorIndex.parse(files["tensor_data/index.toml"])
    assert set(index.names) == set(tensors)
    for name, array in tensors.items():
        read = index.decode(name, files)
        assert (read.shape, read.dtype.kind) == (array.shape, array.dtype.kind)
        np.testing.assert_array_equal(read, array)


def test_nested_tensors_are_entries_of_their_own() -> None:
    nested = NestedTensor([np.array(["a", "bcd"]), np.array(["e"])])
    files = encode({"n": nested, "n.0": np.array(1.5)})
    index = TensorIndex.parse(bytes(files["tensor_data/index.toml"]))
    assert index.names == ("n", "n.0")
    assert len(index.tensors) == 4
    assert index.decode("n", files).tolist() == nested.tolist()
    assert index.decode("n.0", files).tolist() == 1.5


def test_every_entry_says_what_is_inside_it() -> None:
    index = encode({"a": np.zeros(2), "n": NestedTensor([np.zeros(1)])})["tensor_data/index.toml"]
    inner = {row["name"]: row["inner"] for row in tomllib.loads(bytes(index).decode())["tensor"]}
    assert inner == {"a": [], "n": ["n.0"], "n.0": []}


def test_no_tensors_still_make_an_index() -> None:
    files = encode({})
    assert list(files) == ["tensor_data/index.toml"]
    assert tomllib.loads(bytes(files["tensor_data/index.toml"]).decode()) == {"tensor": []}


def test_an_array_in_order_is_not_copied() -> None:
    array = np.zeros(4, "<f4")
    content = encode({"a": array})["tensor_data/tensor_0.bin"]
    array[0] = 1
    assert bytes(content)[:4] == b"\0\0\x80\x3f"


def test_other_layouts_are_stored_in_order() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    assert bytes(encode({"a": array})["tensor_data/tensor_0.bin"]) == array.astype("<i4").tobytes(order="C")


@pytest.mark.parametrize(
    "tensors",
    [{"": np.zeros(1)}, {"a": np.zeros(1, bool)}, {"a": None}, {"\udc80": np.zeros(1)}, {"a": np.array("\udc80")}],
)
def test_what_cannot_be_stored_is_refused(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(FormatError):
        encode(tensors)
