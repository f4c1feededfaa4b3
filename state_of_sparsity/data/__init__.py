"""Data sets.

A data set is an object with

* `train(first_step)`: endless `(inputs, targets)` batches from that optimizer step on. The batch of
  a step depends only on the seed and the step, so that a resumed run sees the same batches;
* `validation()` and `test()`: finite batches in a fixed order, as `model.evaluate` takes them;
* `batch_size`: examples in a training batch.
"""
