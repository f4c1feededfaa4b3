"""Data sets.

A data set is an object with

* `train(first_step)`: endless `(inputs, targets)` batches from that optimizer step on, a generator
  or a `tf.data.Dataset`. The batch of a step depends only on the seed and the step, so that a
  resumed run sees the same batches. `train(first_step, worker=1, workers=2)` gives one of several
  workers its part, the examples of a batch shared out in their order;
* `validation()` and `test()`: finite batches in a fixed order, a `keras.utils.PyDataset` or a
  `tf.data.Dataset`; `validation()` is None where nothing is held out;
* `batch_size`: examples in a training batch or, where that varies, a number it is a multiple of;
* optionally `name`: what results call it, else they do by its class;
* optionally `classes`: how many values the labels may have, compared with the model's outputs;
  and `examples`: how many are trained on, compared with what a learning rate counts epochs of;
* optionally `whole_train()`: what is trained on in finite batches, as evaluation would see it: in a
  fixed order, all of it, without augmentation;
* optionally `keep()`, called when a run has taken its first step: saves what an interrupted run
  needs to find the same data again.
"""

SPLITS = ("train", "validation", "test")
