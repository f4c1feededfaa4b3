"""A vocabulary of subwords, learned from text by byte-pair encoding."""

import io
import itertools
import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

from state_of_sparsity import extras
from state_of_sparsity.atomic_write import atomic_path
from state_of_sparsity.data.text.data_digests import digest
from state_of_sparsity.token_ids import END, PADDING, UNKNOWN

with extras.explained():
    import sentencepiece

# Three special ids and 256 bytes, before the letters of the text.
LEAST_SIZE = 260


class Vocabulary:
    """Subwords with numbers: 0 padding, 1 the end of a sentence, 2 unknown, 3 to 258 bytes.

    Text is taken as it is, in no normal form and with all its white space, and letters that the
    vocabulary lacks are spelt in bytes: what is decoded is what was encoded, and may be compared
    with a reference (BLEU). The one exception is the letter U+2581, which comes back as a space.

    Args:
        model: a sentencepiece model with these numbers, serialized.

    Raises:
        ValueError: if it is something else.

    Example:

    >>> vocabulary = Vocabulary.learn(["a small house", "a small mouse"], 300)
    >>> vocabulary.decode(vocabulary.encode("a small mouse"))
    'a small mouse'

    Reference: Sennrich, Haddow, Birch (2016), "Neural Machine Translation of Rare Words with
    Subword Units"; Kudo, Richardson (2018), "SentencePiece".
    """

    def __init__(self, model: bytes) -> None:
        try:
            # An empty model would be taken for none at all, and not looked at.
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model or b"\0")
        except RuntimeError as error:
            raise ValueError(
                "`model` must be an undamaged sentencepiece model. Received: "
                f"{len(model):,} bytes, of which sentencepiece says: {error}"
            ) from error
        ids = [getattr(self._processor, f"{name}_id")() for name in ("pad", "eos", "unk", "bos")]
        if ids != [PADDING, END, UNKNOWN, -1] or not self._processor.is_byte(UNKNOWN + 1):
            raise ValueError(
                "`model` must number padding 0, the end of a sentence 1, the unknown 2, have no "
                "beginning of a sentence, and have bytes from 3 on. Received: one with the numbers "
                f"{ids} of these four, {self._processor.get_piece_size()} subwords in all."
            )
        self._model = model

    @classmethod
    def learn(cls, sentences: Iterable[str], vocabulary_size: int = 32_000) -> Self:
        """Learns subwords from sentences, the same ones each time.

        Args:
            sentences: an iterable of strings, of all languages that will share the vocabulary.
            vocabulary_size: the most subwords there may be. A small text does not have so many:
                see `.size`.

        Raises:
            ValueError: if `vocabulary_size` is too small for the letters of the text, or there is
                no text.
        """
        model, failures = io.BytesIO(), []
        sentences = _watched(sentences, failures)
        first = next((sentence for sentence in sentences if sentence), None)
        if first is None:
            raise ValueError(
                "`sentences` must have text to learn a vocabulary from. Received: none, or empty "
                "ones only."
            )
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=itertools.chain([first], sentences),
                model_writer=model,
                vocab_size=vocabulary_size,
                hard_vocab_limit=False,  # a text that has fewer subwords is no error
                model_type="bpe",
                pad_id=PADDING,
                eos_id=END,
                unk_id=UNKNOWN,
                bos_id=-1,
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                num_threads=1,
                minloglevel=2,
            )
        except RuntimeError as error:
            if failures:
                raise failures[0] from None
            found = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
            if not found:
                raise
            raise ValueError(
                f"`vocabulary_size` must be at least {found[1]}, for the letters of this text and "
                f"{LEAST_SIZE - 1} more. Received: {vocabulary_size}."
            ) from error
        return cls(model.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Returns the vocabulary that `save` wrote to a file.

        Raises:
            ValueError: if the file is missing, damaged, or something else.
        """
        path = pathlib.Path(path)
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise ValueError("It is no file.")
            return cls(path.read_bytes())
        except OSError as error:
            raise ValueError(
                f"`path` must be a file with a vocabulary. Received: {path} ({error.strerror})."
            ) from error
        except ValueError as error:
            raise ValueError(
                f"`path` must be a file with a vocabulary. Received: {path}. {error}"
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary to a file, which has all of it or is not there."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self._model)

    def digest(self) -> str:
        """Returns hexadecimal digits that are equal for equal vocabularies only."""
        return digest(self._model)

    @property
    def size(self) -> int:
        """How many subwords there are, the special ones too; ids are below."""
        return self._processor.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, a list that ends in 1."""
        return self._processor.encode(text, add_eos=True)

    def encode_all(self, texts: Sequence[str]) -> list[Any]:
        """Returns the ids of each of a list of texts, on all cores."""
        return self._processor.encode(texts, add_eos=True)

    def decode(self, ids: Any) -> str:
        """Returns the text of ids, up to the first 1; padding has none.

        Args:
            ids: integers from 0 to `size - 1`, a list or an array.

        Raises:
            ValueError: if an id is not in the vocabulary.
        """
        ids = [int(i) for i in ids]
        wrong = next((i for i in ids if not 0 <= i < self.size), None)
        if wrong is not None:
            raise ValueError(f"`ids` must be from 0 to {self.size - 1}. Received: {wrong}.")
        return self._processor.decode(ids[: ids.index(END)] if END in ids else ids)


def _watched(sentences, failures):
    """Yields sentences; sentencepiece would make a RuntimeError of what reading them raises."""
    try:
        yield from sentences
    except Exception as error:
        failures.append(error)
        raise
