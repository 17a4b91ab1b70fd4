"""Saving and loading: what comes back, what does not match, and what is no such file."""

import builtins
import json
import os
import pickle
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import funcnet as fn
from funcnet import nn, optim, random, serialize, tree
from funcnet.errors import MissingExtraError, SerializationError, TracerConversionError
from funcnet.serialize import safetensors as module
from funcnet.testing.backends import backend_params

PARAMS = {
    "dense_0": {"kernel": np.arange(6, dtype="float32").reshape(2, 3), "bias": np.zeros(3, dtype="float64")},
    "layers": [np.array(7, dtype="int64"), np.zeros((0, 2), dtype="float16"), np.array([True, False])],
    "key": np.array([1, 2**32 - 1], dtype="uint32"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def same(a, b):
    tree.map(np.testing.assert_array_equal, a, b)
    assert [leaf.dtype for leaf in tree.leaves(a)] == [leaf.dtype for leaf in tree.leaves(b)]
    assert [leaf.shape for leaf in tree.leaves(a)] == [leaf.shape for leaf in tree.leaves(b)]


@pytest.mark.requirement("D77", "P81")
def test_round_trip_with_structure(path):
    serialize.save(path, PARAMS)
    same(serialize.load(path, like=PARAMS), PARAMS)


def test_round_trip_without_structure_gives_dicts(path):
    serialize.save(path, PARAMS)
    expected = {**PARAMS, "layers": {str(i): leaf for i, leaf in enumerate(PARAMS["layers"])}}
    same(serialize.load(path), expected)


def test_other_programs_read_it_under_readable_names(path):
    serialize.save(path, PARAMS)
    read = load_file(path)
    assert sorted(read) == ["dense_0.bias", "dense_0.kernel", "key", "layers.0", "layers.1", "layers.2"]
    np.testing.assert_array_equal(read["dense_0.kernel"], PARAMS["dense_0"]["kernel"])


def test_files_of_other_programs_are_read(path):
    save_file({"a.b": np.ones(2)}, path)
    same(serialize.load(path), {"a": {"b": np.ones(2)}})
    assert serialize.metadata(path) == {}


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("DX14")
def test_from_and_to_every_backend(case, path):
    host = {"w": np.linspace(0, 1, 6, dtype="float32").reshape(2, 3), "n": np.array(3, dtype="int32")}
    with case.active():
        serialize.save(path, tree.map(case.asarray, host))
        got = serialize.load(path, like=tree.map(case.asarray, host))
        assert {fn.backends.backend_of(leaf).name for leaf in tree.leaves(got)} == {case.backend_name}
        same(tree.map(case.to_numpy, got), host)
    same(serialize.load(path), host)
    named = serialize.load(path, backend=case.backend_name, device=case.device)
    same(tree.map(case.to_numpy, named), host)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"],
)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (2, 0, 3)])
def test_data_types_and_shapes(path, dtype, shape):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    serialize.save(path, {"x": x})
    same(serialize.load(path), {"x": x})


def test_bfloat16_goes_between_backends(path):
    torch = pytest.importorskip("torch")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    serialize.save(path, {"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)})
    same(serialize.load(path), {"x": np.array([1.5, -2.0], dtype=ml_dtypes.bfloat16)})
    assert serialize.load(path, backend="torch")["x"].dtype == torch.bfloat16


def test_views_and_foreign_byte_orders(path):
    x = np.arange(12.0).reshape(3, 4).T[::2]
    serialize.save(path, {"x": x, "big": x.astype(">f8"), "scalar": np.float32(2)})
    got = serialize.load(path)
    np.testing.assert_array_equal(got["x"], x)
    np.testing.assert_array_equal(got["big"], x)
    assert got["scalar"] == 2


def test_result_has_memory_of_its_own(path):
    serialize.save(path, np.zeros(3))
    first, second = serialize.load(path), serialize.load(path)
    first += 1
    assert second.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.requirement("P64", "P65")
def test_model_and_optimizer_resume_exactly(path):
    model = nn.sequential(nn.dense(4), nn.tanh(), nn.dense(2))
    opt = optim.adam(0.1)
    params, _ = model.init(random.key(0), (1, 3))
    state = opt.init(params)
    grads = tree.map(np.ones_like, params)
    for _ in range(2):
        updates, state = opt.update(grads, state, params)
        params = optim.apply_updates(params, updates)
    serialize.save(path, {"params": params, "optimizer": state})
    loaded = serialize.load(path, like={"params": params, "optimizer": state})
    assert isinstance(loaded["optimizer"], optim.AdamState)
    one, two = opt.update(grads, state, params), opt.update(grads, loaded["optimizer"], loaded["params"])
    tree.map(np.testing.assert_array_equal, one, two)


def test_saving_again_gives_the_same_bytes(path, tmp_path):
    serialize.save(path, PARAMS, metadata={"a": "b"})
    other = tmp_path / "other"
    serialize.save(other, serialize.load(path, like=PARAMS), metadata={"a": "b"})
    assert path.read_bytes() == other.read_bytes()


def test_like_may_be_specs(path):
    serialize.save(path, PARAMS)
    specs = tree.map(lambda leaf: fn.Spec(leaf.shape, leaf.dtype), PARAMS)
    same(serialize.load(path, like=specs), PARAMS)


def test_metadata(path):
    serialize.save(path, np.zeros(2), metadata={"epoch": "3"})
    assert serialize.metadata(path) == {"format": "funcnet", "version": "1", "epoch": "3"}
    for wrong in ({"epoch": 3}, {3: "x"}, {"version": "2"}):
        with pytest.raises(SerializationError, match="Metadata of a file cannot hold"):
            serialize.save(path, np.zeros(2), metadata=wrong)


# ---------------------------------------------------------------------- what does not match


@pytest.mark.requirement("D77")
def test_missing_and_extra_names(path):
    serialize.save(path, {"a": np.zeros(2), "b": np.zeros(2)})
    with pytest.raises(SerializationError, match="does not match the tree") as error:
        serialize.load(path, like={"a": np.zeros(2), "c": {"d": np.zeros(2)}})
    assert "no array for .c.d" in str(error.value)
    assert "arrays that belong nowhere: b" in str(error.value)


@pytest.mark.requirement("D77", "DX15")
def test_shape_and_data_type(path):
    serialize.save(path, {"dense_0": {"kernel": np.zeros((2, 3))}})
    with pytest.raises(SerializationError, match=r"The shape of the array at \.dense_0\.kernel") as error:
        serialize.load(path, like={"dense_0": {"kernel": np.zeros((3, 2))}})
    assert "found:  float64 of shape (2, 3)" in str(error.value)
    assert "needed: float64 of shape (3, 2)" in str(error.value)
    with pytest.raises(SerializationError, match=r"The data type of the array at \.dense_0\.kernel"):
        serialize.load(path, like={"dense_0": {"kernel": np.zeros((2, 3), "float32")}})
    with pytest.raises(SerializationError, match=r"leaf of `like` at \.dense_0\.kernel"):
        serialize.load(path, like={"dense_0": {"kernel": "array"}})


def test_newer_files_are_refused(path):
    save_file({"a": np.zeros(1)}, path, metadata={"format": "funcnet", "version": "99"})
    with pytest.raises(SerializationError, match="another version of funcnet") as error:
        serialize.load(path)
    assert "'99'" in str(error.value)


@pytest.mark.requirement("DX13")
def test_leaves_that_cannot_be_saved(path):
    with pytest.raises(SerializationError, match=r"The leaf at \.a is no array"):
        serialize.save(path, {"a": "text"})
    with pytest.raises(SerializationError, match=r"The array at \.a has a data type") as error:
        serialize.save(path, {"a": np.zeros(2, complex)})
    assert "complex128" in str(error.value)
    with pytest.raises(TracerConversionError, match="cannot be saved inside a transformation"):
        fn.grad(lambda x: serialize.save(path, {"a": x}))(np.array(1.0))
    assert not path.exists()


# ---------------------------------------------------------------------- what is no such file


class Bomb:
    def __reduce__(self):
        return os.system, ("exit 1",)


def header(entries, data=b""):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "pickle": pickle.dumps(Bomb()),
    "npy": b"\x93NUMPY\x01\x00v\x00",
    "huge header": struct.pack("<Q", 2**62) + b"{}",
    "header beyond the end": struct.pack("<Q", 100) + b"{}",
    "no json": header(b"not json"),
    "list": header([1, 2]),
    "unknown type": header({"a": {"dtype": "OBJ", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
    "offsets beyond the end": header({"a": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}}, bytes(8)),
    "size and shape differ": header({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, bytes(8)),
    "negative shape": header({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}}, bytes(8)),
    "overflowing shape": header({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}, bytes(8)),
    "overlap": header(
        {
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        },
        bytes(12),
    ),
    "hole": header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
    "trailing bytes": header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(9)),
    "metadata of numbers": header({"__metadata__": {"a": 3}}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(path, name):
    path.write_bytes(HOSTILE[name])
    for read in (serialize.load, serialize.metadata):
        with pytest.raises(SerializationError, match="cannot be read as a safetensors file"):
            read(path)


def test_every_truncation_is_found(path):
    serialize.save(path, {"a": np.arange(3.0), "b": np.zeros((2, 2), "float32")})
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(SerializationError):
            serialize.load(path)


def test_flipped_bytes_never_raise_anything_else(path):
    like = {"a": np.arange(3.0), "b": np.zeros((2, 2), "float32")}
    serialize.save(path, like)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(whole)
        for position in rng.integers(0, len(whole), 2):
            broken[position] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        try:
            got = serialize.load(path, like=like)
        except SerializationError:
            continue
        # What was hit is data: the structure is what was asked for.
        assert [leaf.shape for leaf in tree.leaves(got)] == [(3,), (2, 2)]


def test_names_that_form_no_tree(path):
    save_file({"a": np.zeros(1), "a.b": np.zeros(1)}, path)
    with pytest.raises(SerializationError, match="do not form a tree"):
        serialize.load(path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        serialize.load(tmp_path / "none")


# ---------------------------------------------------------------------- interrupted, and without the package


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_interrupted_saving_leaves_the_old_file(path, monkeypatch, name):
    serialize.save(path, {"a": np.zeros(3)})

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.os, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        serialize.save(path, {"a": np.ones(3)})
    monkeypatch.undo()
    same(serialize.load(path), {"a": np.zeros(3)})
    assert os.listdir(path.parent) == [path.name]


def test_replaces_what_a_link_points_to(path, tmp_path):
    serialize.save(path, {"a": np.zeros(3)})
    link = tmp_path / "latest"
    link.symlink_to(path)
    serialize.save(link, {"a": np.ones(3)})
    assert link.is_symlink()
    same(serialize.load(path), {"a": np.ones(3)})


def test_file_has_ordinary_permissions(path, tmp_path):
    serialize.save(path, np.zeros(1))
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_missing_package(path, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("safetensors"):
            raise ImportError("No module named 'safetensors'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for call in (lambda: serialize.save(path, np.zeros(1)), lambda: serialize.load(path)):
        with pytest.raises(MissingExtraError, match="need the package safetensors") as error:
            call()
        assert 'pip install "funcnet[io]"' in str(error.value)
