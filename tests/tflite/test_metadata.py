"""Metadata in the file: round trip, and no damaged or foreign file gets past it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kws.runtime.model
from kws.runtime.model import Model
from kws.tflite.metadata import read_metadata, write_metadata
from kws.tflite.pack import unpack
from kws.utils.errors import KwsError
from tests.tiny_tflite import chain

G = np.ones((1, 3), np.float32)
TINY = chain([(G, G, None, 3)], (1, 2, 3))
METADATA = {
    "labels": ["yes", "größer", '"crc32":"00000000"'],
    "frontend": {"rate": 16000, "floor": 1e-3},
    "recipe": '[data]\nwords = ["yes"]\n' * 20,
}
FILE = write_metadata(TINY, METADATA)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_metadata_comes_back_with_the_ops_that_the_file_needs():
    assert read_metadata(FILE) == {**METADATA, "ops": {"KwsToeplitzLike": 1}}


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=5).map("x".__add__), plain), st.text())
def test_any_metadata_comes_back(metadata: dict, recipe: str):
    data = write_metadata(TINY, {**metadata, "recipe": recipe})
    assert read_metadata(data) == {
        **metadata,
        "recipe": recipe,
        "ops": {"KwsToeplitzLike": 1},
    }


def test_writing_again_replaces():
    again = write_metadata(FILE, {"labels": ["no"]})
    assert read_metadata(again)["labels"] == ["no"]
    assert "recipe" not in read_metadata(again)
    assert write_metadata(again, METADATA) == FILE


def test_another_reader_finds_the_entries():
    """The schema's own object API, as any TFLite tool would."""
    model = unpack(FILE)
    names = {entry.name.decode(): entry.buffer for entry in model.metadata}
    assert set(names) == {"kws", "kws.recipe"}
    assert bytes(model.buffers[names["kws"]].data).startswith(b'{"crc32":"')


def test_constants_are_aligned():
    model = unpack(FILE)
    for buffer in model.buffers:
        if buffer.data is not None:
            contents = bytes(buffer.data)
            assert any(
                at % 16 == 0 for at in range(len(FILE)) if FILE[at : at + len(contents)] == contents
            )


def test_every_flipped_bit_is_refused():
    for at in range(len(FILE)):
        for bit in range(8):
            damaged = FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :]
            with pytest.raises(KwsError):
                read_metadata(damaged)


def test_every_truncation_is_refused():
    for length in range(len(FILE)):
        with pytest.raises(KwsError):
            read_metadata(FILE[:length])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(FILE)), st.integers(0, 40), st.binary(max_size=40))
def test_every_replaced_stretch_is_refused(at: int, length: int, insert: bytes):
    damaged = FILE[:at] + insert + FILE[at + length :]
    if damaged != FILE:
        with pytest.raises(KwsError):
            read_metadata(damaged)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "m.tflite is not a TFLite file"),
        (b"RIFF....WAVE", "m.tflite is not a TFLite file"),
        (TINY, "m.tflite carries no kws metadata"),
        (FILE[:-1], "m.tflite is damaged: .* export it again"),
    ],
)
def test_messages_say_what_is_wrong(data: bytes, message: str, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    with pytest.raises(KwsError, match=message):
        Model(path)


def model_of(tmp_path, metadata: dict, data: bytes = TINY) -> Model:
    path = tmp_path / "m.tflite"
    path.write_bytes(write_metadata(data, metadata))
    return Model(path)


def test_runtime_refuses_what_it_cannot_run(tmp_path, monkeypatch):
    with pytest.raises(KwsError, match=r"cannot be read \(No such file"):
        Model(tmp_path / "missing.tflite")
    with pytest.raises(KwsError, match="does not take features"):
        model_of(tmp_path, {})
    with pytest.raises(KwsError, match="needs version 9 of the op KwsToeplitzLike; update kws"):
        model_of(tmp_path, {"ops": {"KwsToeplitzLike": 9}})
    with pytest.raises(KwsError, match=r"cannot be run: .*KwsToeplitzLike: g must be"):
        model_of(tmp_path, {}, chain([(G, G, None, 2)], (1, 2, 4)))
    monkeypatch.setattr(kws.runtime.model, "op_library", lambda: None)
    with pytest.raises(KwsError, match="op library, which is not built"):
        model_of(tmp_path, {})
