"""BLEU of translations: sacreBLEU, and the tokenized, compound-split BLEU of the study."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from state_of_sparsity import extras

with extras.explained():
    import sacrebleu
    import sacremoses


@dataclass(frozen=True)
class Bleu:
    """A BLEU score, and how it was computed.

    Args:
        score: in percent, from 0 to 100.
        precisions: those of 1-grams to 4-grams, in percent.
        brevity_penalty: in [0, 1]; below 1 if the translations are shorter than the references.
        signature: what two scores must have in common to be compared.
    """

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    signature: str

    def __str__(self):
        precisions = "/".join(f"{precision:.1f}" for precision in self.precisions)
        return (
            f"BLEU {self.score:.2f} ({precisions}, brevity penalty {self.brevity_penalty:.3f}; "
            f"{self.signature})"
        )


def sacre_bleu(translations: Sequence[str], references: Sequence[str]) -> Bleu:
    """Returns the BLEU score of sacreBLEU's defaults, to be published with its signature.

    Args:
        translations: text as people read it, a line each; not tokenized.
        references: the right translations, line for line.

    Raises:
        ValueError: if the numbers of lines differ, or there are none.

    Example:

    >>> sacre_bleu(["Ein Hund schläft auf dem Sofa."], ["Ein Hund liegt auf dem Sofa."]).score
    48.892302243490086

    Reference: Post (2018), "A Call for Clarity in Reporting BLEU Scores".
    """
    return _bleu(sacrebleu.BLEU(), translations, references)


def compound_split_bleu(
    translations: Sequence[str],
    references: Sequence[str],
    language: str = "de",
    tokenized_references: bool = False,
) -> Bleu:
    """Returns the BLEU score that the study gives: of tokenized text with compounds taken apart.

    As Tensor2Tensor's `get_ende_bleu.sh` does, punctuation of Unicode is replaced, the Moses
    tokenizer takes the text apart, and hyphens within words become words of their own:
    `E-Mail` becomes `E ##AT##-##AT## Mail`. The score is that of `multi-bleu.perl`, not smoothed.

    Args:
        translations: text as people read it, a line each; not tokenized.
        references: the right translations, line for line.
        language: whose abbreviations the tokenizer knows, two letters.
        tokenized_references: whether the references have been tokenized already, as Tensor2Tensor's
            `newstest2014.tok.de`: of them only compounds are taken apart. The study had those.

    Raises:
        ValueError: if the numbers of lines differ, or there are none.

    Example:

    >>> compound_split_bleu(["Die E-Mail ist da."], ["Die E-Mail ist hier."]).precisions[0]
    85.71428571428571

    Reference: Papineni et al. (2002), "BLEU"; Gale, Elsen, Hooker (2019), "The State of Sparsity in
    Deep Neural Networks", section 4.
    """
    tokenized = _moses_tokenizer(language)
    translations = [split_compounds(tokenized(line)) for line in translations]
    references = [
        split_compounds(line if tokenized_references else tokenized(line)) for line in references
    ]
    # Told that the text is tokenized, sacreBLEU leaves it as it is and does not warn.
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    return _bleu(metric, translations, references, f"moses-{language}+compounds|")


def split_compounds(line: str) -> str:
    """Returns a tokenized line with hyphens between letters set apart, marked as joining words.

    Example:

    >>> split_compounds("eine E-Mail - gelesen")
    'eine E ##AT##-##AT## Mail - gelesen'
    """
    return re.sub(r"(\S)-(\S)", r"\1 ##AT##-##AT## \2", line)


def _moses_tokenizer(language):
    normalizer = sacremoses.MosesPunctNormalizer(language)
    tokenizer = sacremoses.MosesTokenizer(language)
    return lambda line: tokenizer.tokenize(normalizer.replace_unicode_punct(line), return_str=True)


def _bleu(metric, translations, references, tokenizer=""):
    if not len(translations) == len(references) > 0:
        raise ValueError(
            "`translations` and `references` must have the same number of lines, at least 1. "
            f"Received: {len(translations)} and {len(references)}. Give an empty line for a "
            "sentence without a translation."
        )
    result = metric.corpus_score(list(translations), [list(references)])
    signature = tokenizer + metric.get_signature().format()
    return Bleu(result.score, tuple(result.precisions), result.bp, signature)
