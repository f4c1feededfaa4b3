"""Sentence pairs that TensorFlow Datasets keeps, or downloads."""

import functools
import os
import re
from collections.abc import Iterator, Sequence

from state_of_sparsity import extras
from state_of_sparsity.arguments import check_path
from state_of_sparsity.data.known_features import known_features_only


class ParallelRecords:
    """Sentence pairs of a translation set of TensorFlow Datasets.

    White space at the ends of sentences is taken off. The order is always the same, but not that of
    the text the set was made from: TFDS shuffles when it prepares one.

    Args:
        dataset: the name TFDS has for it, such as "wmt14_translate/de-en".
        languages: `(source, target)`, as the set calls them, in either order.
        data_dir: where TFDS keeps its data; None for its own place.

    Raises:
        ValueError: if `languages` are not two, or another argument is no text.

    Example:

    >>> records = ParallelRecords("wmt14_translate/de-en", data_dir="data/records")
    >>> next(records.pairs("test"))
    ('Gutach: Increased safety for pedestrians', 'Gutach: Noch mehr Sicherheit für Fußgänger')
    """

    def __init__(
        self,
        dataset: str,
        languages: Sequence[str] = ("en", "de"),
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        if not isinstance(dataset, str):
            raise ValueError(f"`dataset` must be text. Received: {dataset!r}.")
        check_path("data_dir", data_dir)
        if (
            not isinstance(languages, (list, tuple))
            or len(languages) != 2
            or languages[0] == languages[1]
        ):
            raise ValueError(
                f"`languages` must be two, source and target. Received: {languages!r}."
            )
        self._dataset, self._languages = dataset, tuple(languages)
        # TFDS takes `~` for the name of a folder.
        self._data_dir = data_dir and os.path.expanduser(data_dir)

    @property
    def name(self) -> str:
        """What results call these data, such as `wmt14_translate_en_de`."""
        return "_".join([re.split("[/:]", self._dataset)[0], *map(str, self._languages)])

    @property
    def splits(self) -> list[str]:
        """The names of the splits there are."""
        return list(self._builder.info.splits)

    def pairs(self, split: str) -> Iterator[tuple[str, str]]:
        """Yields `(source, target)`, the sentences of a split, always in the same order.

        Raises:
            ValueError: if TFDS does not know the set, cannot read or download it, or it is not one
                of sentences in these two languages; if it has no such split.
        """
        if split not in self.splits:
            raise ValueError(
                f"`dataset` must have a split called '{split}'. Received: {self._dataset!r}, with "
                f"the splits {', '.join(self.splits)}."
            )
        import tensorflow_datasets as tfds

        records = tfds.as_numpy(self._builder.as_dataset(split))
        for number, record in enumerate(records):
            try:
                yield tuple(record[language].decode().strip() for language in self._languages)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"`dataset` must be of UTF-8 text. Received: {self._dataset!r}, whose record "
                    f"{number} of the split '{split}' is not ({error.reason})."
                ) from error

    @functools.cached_property
    def _builder(self):
        """The builder of TFDS, its data prepared and of the right kind."""
        try:
            with extras.explained():
                import tensorflow_datasets as tfds
        except ImportError as error:
            raise ValueError(
                "`dataset` can be read only where TensorFlow Datasets can be "
                f"imported. Received: {self._dataset!r} ({error})."
            ) from error
        try:
            with known_features_only():
                builder = tfds.builder(self._dataset, data_dir=self._data_dir)
                if not builder.is_prepared():
                    builder.download_and_prepare()
        except Exception as error:  # TFDS lets through whatever its downloads and files raise
            raise ValueError(
                "`dataset` must be the name of a translation set that TensorFlow Datasets keeps in "
                f"`data_dir` or can download to it. Received: {self._dataset!r} and "
                f"{self._data_dir!r}, of which TensorFlow Datasets says: "
                f"{' '.join(str(error).split())}"
            ) from error
        features = builder.info.features
        texts = [key for key in features if isinstance(features[key], tfds.features.Text)]
        if not set(self._languages) <= set(texts):
            raise ValueError(
                "`languages` must be two that the translation set `dataset` has text in. Received: "
                f"{self._languages} and {self._dataset!r}, which has text called "
                f"{', '.join(texts) or 'nothing'}."
            )
        return builder
