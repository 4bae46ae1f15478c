"""What a .tflite of this project carries besides the network.

Two metadata entries, which every TFLite runtime ignores and can hand out by name:

- ``kws``: compact JSON, beginning with ``{"crc32":"xxxxxxxx"``: labels, front end, op versions …
- ``kws.recipe``: the recipe's TOML text, zlib-compressed.

The CRC-32 is that of the whole file with the eight characters of the CRC itself as zeros. It is
checked before anything interprets the file, since runtimes crash on damaged ones.
"""

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

from flatbuffers.table import Table

from kws.tflite.pack import pack, unpack
from kws.utils.errors import KwsError

ENTRY, RECIPE_ENTRY = "kws", "kws.recipe"
_CRC = re.compile(rb'\{"crc32":"([0-9a-f]{8})"')
_NO_CRC = b"00000000"


def write_metadata(tflite: bytes, metadata: dict[str, Any]) -> bytes:
    """The file with ``metadata`` in place of any that it had.

    metadata: anything JSON can say; ``recipe``, if there, is TOML text and stored compressed.
    ``ops``, the versions of this project's operators that the file needs, is added.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = unpack(tflite)
    contents = {"crc32": _NO_CRC.decode(), "ops": _own_ops(model), **metadata}
    recipe = contents.pop("recipe", None)
    entries = {ENTRY: json.dumps(contents, separators=(",", ":"), ensure_ascii=False).encode()}
    if recipe is not None:
        entries[RECIPE_ENTRY] = zlib.compress(recipe.encode(), 9)

    _remove_metadata(model)
    for name, data in entries.items():
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, len(model.buffers)
        buffer = schema.BufferT()
        buffer.data = data
        model.buffers.append(buffer)
        model.metadata.append(entry)
    data = pack(model)
    crc, at = _checksum(data)
    return data[:at] + crc + data[at + len(crc) :]


def read_model(path: Path | str) -> tuple[bytes, dict[str, Any]]:
    """A model file's bytes and metadata. Raises KwsError as ``read_metadata`` does."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise KwsError(f"{path}: cannot be read ({error.strerror})", 2) from error
    return data, read_metadata(data, str(path))


def read_metadata(data: bytes, name: str = "the model") -> dict[str, Any]:
    """The metadata of a file's bytes, after checking that they are what was exported.

    name: what to call the file in errors. Raises KwsError if it is not a TFLite file, was not
    exported by this project, or was damaged since.
    """
    if data[4:8] != b"TFL3":
        raise KwsError(f"{name} is not a TFLite file")
    crc, at = _checksum(data)
    if at is None:
        raise KwsError(
            f"{name} carries no kws metadata: it was not exported by kws, or it is damaged; "
            "export it with kws export"
        )
    damaged = f"{name} is damaged: its checksum does not match its contents; export it again"
    if data[at : at + len(crc)] != crc:
        raise KwsError(damaged)
    try:
        entries = _entries(data)
        metadata = json.loads(entries[ENTRY])
        del metadata["crc32"]
        if RECIPE_ENTRY in entries:
            metadata["recipe"] = zlib.decompress(entries[RECIPE_ENTRY]).decode()
    except (KeyError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise KwsError(damaged) from error
    return metadata


def metadata_bytes(data: bytes) -> int:
    """How much of a file's bytes is metadata."""
    return sum(map(len, _entries(data).values()))


def _remove_metadata(model) -> None:
    dropped = {entry.buffer for entry in model.metadata or []}
    kept = [index for index in range(len(model.buffers)) if index not in dropped]
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = kept.index(tensor.buffer)
    model.buffers = [model.buffers[index] for index in kept]
    model.metadata = []


def _own_ops(model) -> dict[str, int]:
    """Name and version of this project's operators in the model."""
    codes = [code for code in model.operatorCodes if code.customCode]
    return {code.customCode.decode(): code.version for code in codes}


def _checksum(data: bytes) -> tuple[bytes, int | None]:
    """The CRC that ``data`` should carry, as text, and where; nowhere if it carries none."""
    match = _CRC.search(data)
    if match is None:
        return b"", None
    at = match.start(1)
    crc = zlib.crc32(data[:at])
    crc = zlib.crc32(_NO_CRC, crc)
    crc = zlib.crc32(data[at + len(_NO_CRC) :], crc)
    return b"%08x" % crc, at


def _entries(data: bytes) -> dict[str, bytes]:
    """Every metadata entry by name.

    Reads the two tables it needs by their place in TFLite's schema, so that a machine that only
    runs models needs no schema.
    """
    model = Table(data, struct.unpack_from("<I", data)[0])
    buffers, metadata = _tables(model, 4), _tables(model, 6)
    entries = {}
    for entry in metadata:
        name = entry.String(entry.Pos + entry.Offset(4)).decode()
        index = struct.unpack_from("<I", data, entry.Pos + entry.Offset(6))[0]
        start = buffers[index].Vector(buffers[index].Offset(4))
        length = buffers[index].VectorLen(buffers[index].Offset(4))
        entries[name] = data[start : start + length]
    return entries


def _tables(table: Table, field: int) -> list[Table]:
    """The vector of tables in a field, by the field's number in the schema."""
    offset = table.Offset(4 + 2 * field)
    if not offset:
        return []
    start = table.Vector(offset)
    places = (start + 4 * k for k in range(table.VectorLen(offset)))
    return [Table(table.Bytes, table.Indirect(place)) for place in places]
