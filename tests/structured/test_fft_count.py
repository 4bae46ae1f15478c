"""How many FFTs a Toeplitz-like layer takes, counted in TensorFlow's graph.

2(rb + b + r) forward, as the paper says, and no more than that again for the gradient: automatic
differentiation already does what a gradient written by hand would.
"""

import keras
import numpy as np
import pytest

from kws.structured import ToeplitzLike

if keras.backend.backend() != "tensorflow":
    pytest.skip("counts operations of a TensorFlow graph", allow_module_level=True)
import tensorflow as tf

N = 64


def transforms(function, x) -> int:
    graph = function.get_concrete_function(x).graph.as_graph_def(add_shapes=True)
    nodes = list(graph.node)
    for inner in graph.library.function:
        nodes += inner.node_def
    count = 0
    for node in nodes:
        if "FFT" in node.op:
            shape = [d.size for d in node.attr["_output_shapes"].list.shape[0].dim]
            count += int(np.prod(shape[:-1]))
            if node.op in ("FFT", "IFFT"):
                assert shape[-1] == N // 2, "complex transforms are half as long as the data"
    return count


@pytest.mark.parametrize(("rank", "batch"), [(1, 1), (2, 5), (4, 3)])
def test_fft_count(rank, batch):
    layer = ToeplitzLike(N, rank=rank)
    layer.use_fast_product = lambda batch: True
    x = tf.constant(np.ones((batch, N), "float32"))
    layer(x)

    @tf.function
    def forward(x):
        return layer(x)

    @tf.function
    def backward(x):
        weights = [v.value for v in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, [x, *weights], y)

    paper = 2 * (rank * batch + batch + rank)
    assert transforms(forward, x) == paper
    assert transforms(backward, x) == 2 * paper
