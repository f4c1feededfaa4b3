"""The callback that binds a run directory to its configuration, once a step has been taken."""

import keras


class StartRun(keras.callbacks.Callback):
    """Starts a run at the end of its first step: what cannot take one leaves nothing behind.

    A run that was started before goes on at once. Comes before all that write into the directory.

    Args:
        run_dir: the `RunDir`.
        start: callable without arguments that records what the run is started with, or does
            nothing where that is recorded.
        data: the data set; its `keep`, if it has one, saves what the run needs to find it again.
    """

    def __init__(self, run_dir, start, data):
        super().__init__()
        self._run_dir, self._start, self._data = run_dir, start, data
        self._done = False

    def on_train_begin(self, logs=None):
        if self._run_dir.is_started:
            self._start_once()

    def on_train_batch_end(self, batch, logs=None):
        self._start_once()

    def _start_once(self):
        if self._done:
            return
        self._start()
        if hasattr(self._data, "keep"):
            self._data.keep()
        self._done = True
