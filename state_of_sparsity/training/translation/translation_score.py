"""`TranslationScore`: what a trained Transformer's translations are worth, and a few to look at."""

from typing import Any

import keras

from state_of_sparsity.arguments import check_integer, check_number

MOST = 1_000


class TranslationScore:
    """Translates a split of the data and compares the outcome with the references.

    Args:
        beam_size: translations kept while searching, 1 to 1000; 1 is greedy.
        length_penalty: exponent of the length penalty, at least 0.
        samples: how many translations to print, at most 1000.

    Call arguments:
        model: a Transformer, stripped or sparse.
        data: a `state_of_sparsity.data.text.translation.Translation`.
        split: "validation" or "test".
        verbose: whether to print the scores and the samples.

    Returns:
        `{"bleu": sacreBLEU, "compound_split_bleu": the study's BLEU}`, both in percent.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> from state_of_sparsity.data.text.parallel_text import ParallelFiles
    >>> from state_of_sparsity.data.text.translation import Translation
    >>> from state_of_sparsity.models.transformer import transformer
    >>> text = ParallelFiles(
    ...     *("train.en.gz", "train.de.gz"),
    ...     *(None, None, "test.en", "test.de"),
    ...     data_dir="data/multi30k",
    ... )
    >>> data = Translation(text, vocabulary_size=8000, maximum_length=16)
    >>> model = transformer(data.vocabulary.size, 1, 8, 32, 2)  # to be trained
    >>> TranslationScore(beam_size=1, samples=0)(model, data, "test", verbose=False)
    {'bleu': ..., 'compound_split_bleu': ...}
    """

    def __init__(self, beam_size: int = 4, length_penalty: float = 0.6, samples: int = 3) -> None:
        check_integer("beam_size", beam_size, 1, MOST)
        check_number("length_penalty", length_penalty, least=0)
        check_integer("samples", samples, 0, MOST)
        self.beam_size, self.length_penalty, self._samples = beam_size, length_penalty, samples

    def __call__(
        self, model: keras.Model, data: Any, split: str, verbose: bool = True
    ) -> dict[str, float]:
        """Returns the scores."""
        # sacremoses takes a second, which nobody else needs to wait for.
        from state_of_sparsity.analysis.bleu import compound_split_bleu, sacre_bleu
        from state_of_sparsity.training.translation.translate import translate

        sources, references = map(list, zip(*data.text(split), strict=True))
        translations = translate(
            *(model, data.vocabulary, sources, self.beam_size, self.length_penalty),
            maximum_length=data.maximum_length,
        )
        scores = sacre_bleu(translations, references), compound_split_bleu(translations, references)
        if verbose:
            search = f"beam {self.beam_size}, length penalty {self.length_penalty}"
            print(f"\nTranslations of the {split} text, {search}:")
            print("\n".join(f"  {score}" for score in scores))
            self._print_samples(sources, translations, references)
        return {"bleu": scores[0].score, "compound_split_bleu": scores[1].score}

    def _print_samples(self, *texts):
        """Prints lines that stand at equal distances in the text."""
        lines = list(zip(*texts, strict=True))
        for number in range(self._samples):
            line = lines[number * len(lines) // self._samples]
            labelled = (f"  {name} {text}" for name, text in zip(_NAMES, line, strict=True))
            print("\n" + "\n".join(labelled))
        print(flush=True)


_NAMES = ("source:     ", "translation:", "reference:  ")
