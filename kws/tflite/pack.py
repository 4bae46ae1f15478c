"""A ``ModelT`` becomes the bytes of a file, in which nothing is written twice."""

from collections import Counter

import flatbuffers


def unpack(tflite: bytes):
    """The file as the schema's ``ModelT``."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(tflite, 0)


def pack(model) -> bytes:
    """The file of a ``ModelT``, its constants aligned to 16 bytes."""
    builder = _SharingBuilder(1024)
    for buffer in model.buffers:
        # The schema asks for the alignment, but the generated Pack ignores that.
        buffer.Pack = lambda builder, data=buffer.data: _pack_buffer(builder, data)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _SharingBuilder(flatbuffers.Builder):
    """Writes equal strings, vectors of numbers and tables once.

    In a flatbuffer everything is reached by an offset, and nothing forbids two of them to meet.
    A small model is mostly made of parts that are alike: shapes, zero points, options, tensors
    that are computed.
    """

    def __init__(self, size: int):
        super().__init__(size)
        self._written: dict[tuple, int] = {}

    def CreateString(self, s, *args):
        key = ("string", s)
        if key not in self._written:
            # The base class ends a string as a vector of one size for all.
            self._vector = None
            self._written[key] = super().CreateString(s, *args)
        return self._written[key]

    def StartVector(self, elemSize, numElems, alignment):
        self._vector = (self.Offset(), elemSize * numElems, alignment)
        return super().StartVector(elemSize, numElems, alignment)

    def PrependUOffsetTRelative(self, off):
        self._vector = None  # offsets count from where they stand: equal ones mean other things
        super().PrependUOffsetTRelative(off)

    def EndVector(self, *args):
        offset = super().EndVector(*args)
        if self._vector is None:
            return offset
        before, length, alignment = self._vector
        contents = bytes(self.Bytes[self.head : self.head + 4 + length])
        key = ("vector", alignment, contents)
        if key in self._written:
            self.head = len(self.Bytes) - before
        return self._written.setdefault(key, offset)

    def StartObject(self, numfields):
        super().StartObject(numfields)
        self._fields: list[tuple] = []

    def PrependSlot(self, flags, o, x, d):
        if x != d:
            self._fields.append((o, flags.bytewidth, x))
        super().PrependSlot(flags, o, x, d)

    def PrependUOffsetTRelativeSlot(self, o, x, d):
        if x != d:
            self._fields.append((o, "offset", x))
        super().PrependUOffsetTRelativeSlot(o, x, d)

    def EndObject(self):
        key = ("table", *self._fields)
        if key not in self._written:
            self._written[key] = super().EndObject()
        else:
            self.head = len(self.Bytes) - self.objectEnd
            self.nested, self.current_vtable = False, None
        return self._written[key]


def _pack_buffer(builder: flatbuffers.Builder, data) -> int:
    from ai_edge_litert import schema_py_generated as schema

    vector = None
    if data is not None:
        contents = bytes(data)
        builder.StartVector(1, len(contents), 16)
        builder.head -= len(contents)
        builder.Bytes[builder.head : builder.head + len(contents)] = contents
        vector = builder.EndVector()
    schema.BufferStart(builder)
    if vector is not None:
        schema.BufferAddData(builder, vector)
    return schema.BufferEnd(builder)


def slim(model) -> None:
    """Drop names, empty buffers and quantizations from a ``ModelT``; name input and output.

    The converter names each tensor after every layer that was fused into it, gives each tensor
    that is computed an empty buffer and each one an empty quantization, and describes itself.
    """
    model.description = None
    model.metadata = []
    (graph,) = model.subgraphs
    graph.name = None

    _drop_unused_tensors(model)
    _drop_unused_codes(model)
    constants = {0: 0}
    for tensor in graph.tensors:
        tensor.name = None
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None
        tensor.shapeSignature = None
        tensor.hasRank = False  # only of use to tell a scalar's shape from none
        tensor.buffer = constants.setdefault(
            tensor.buffer if model.buffers[tensor.buffer].data is not None else 0, len(constants)
        )
    model.buffers = [model.buffers[old] for old in constants]
    graph.tensors[graph.inputs[0]].name = "features"
    graph.tensors[graph.outputs[0]].name = "scores"


def _drop_unused_codes(model) -> None:
    """Keep the codes of operators that are there, the commonest as number 0, the default."""
    (graph,) = model.subgraphs
    count = Counter(operator.opcodeIndex for operator in graph.operators)
    place = {old: new for new, (old, _) in enumerate(count.most_common())}
    model.operatorCodes = [model.operatorCodes[old] for old in place]
    for operator in graph.operators:
        operator.opcodeIndex = place[operator.opcodeIndex]


def _drop_unused_tensors(model) -> None:
    """Keep the tensors that some operator reads or writes, in their order."""
    (graph,) = model.subgraphs
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used.update(index for index in (*operator.inputs, *operator.outputs) if index >= 0)
    place = {old: new for new, old in enumerate(sorted(used))}
    graph.tensors = [graph.tensors[old] for old in place]
    graph.inputs = [place[old] for old in graph.inputs]
    graph.outputs = [place[old] for old in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [place.get(old, -1) for old in operator.inputs]
        operator.outputs = [place[old] for old in operator.outputs]
    for signature in model.signatureDefs or []:
        # A streaming network's states go by their order, without names.
        signature.inputs, signature.outputs = signature.inputs[:1], signature.outputs[:1]
        signature.inputs[0].name, signature.outputs[0].name = "features", "scores"
        signature.inputs[0].tensorIndex = graph.inputs[0]
        signature.outputs[0].tensorIndex = graph.outputs[0]
