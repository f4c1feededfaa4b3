"""Layers as sparse rows: which input each weight is multiplied with."""

import numpy as np

from state_of_sparsity.inference.sparse_rows import SparseRows


def test_rows_of_a_convolution():
    kernel = np.zeros((3, 3, 2, 2), "float32")
    kernel[0, 2, 1, 0], kernel[1, 1, 0, 1], kernel[2, 0, 1, 1] = 1, 2, 3
    rows = SparseRows.of_kernel(kernel, [5, 6], before=(1, 1))
    assert rows.starts.tolist() == [0, 1, 3]
    assert rows.values.tolist() == [1, 2, 3]
    assert rows.channels.tolist() == [1, 0, 1]
    assert rows.down.tolist() == [-1, 0, 1]
    assert rows.right.tolist() == [1, 0, -1]
    assert rows.reached() == (1, 1)
    assert rows.beyond((4, 4), (4, 4)) == (1, 1)
    assert rows.beyond((4, 4), (3, 4)) == (1, 1)
    assert rows.offsets(100, 10).tolist() == [91, 0, 109]


def test_what_only_outputs_outside_would_read_is_not_beyond():
    rows = SparseRows.of_kernel(np.ones((3, 3, 1, 1), "float32"), None)
    assert rows.reached() == (2, 2)
    assert rows.beyond((6, 6), (4, 4)) == (0, 0)


def test_strides_are_phases_of_which_those_that_are_needed_are_kept():
    kernel = np.zeros((3, 3, 2, 1), "float32")
    kernel[0, 0, 0, 0], kernel[2, 1, 1, 0] = 1, 2
    rows = SparseRows.of_kernel(kernel, None, strides=(2, 2))
    assert rows.phases.tolist() == [[0, 0], [0, 1]]
    assert rows.channels.tolist() == [0, 3]
    assert rows.down.tolist() == [0, 1]
    assert rows.inputs == 4
    empty = SparseRows.of_kernel(np.zeros((1, 1, 2, 3), "float32"), None, strides=(2, 2))
    assert (empty.phases.tolist(), empty.outputs, empty.inputs) == ([[0, 0]], 3, 2)


def test_groups_have_about_equally_many_weights():
    kernel = np.zeros((1, 1, 100, 10), "float32")
    kernel[..., 0] = 1
    assert SparseRows.of_kernel(kernel, None).groups(2).tolist() == [0, 1, 10]
    kernel[...] = 1
    assert SparseRows.of_kernel(kernel, None).groups(2).tolist() == [0, 5, 10]
    assert SparseRows.of_kernel(kernel, None).groups(50).tolist() == list(range(11))
