"""Sentences a second: text made ready for training, and translated.

Text is read from the grammar in the package, cut into subwords and put into batches, by length and
packed. A small Transformer with random weights translates, so that every translation is as long as
it may be: greedily and by beam search, both with what was computed for earlier tokens kept, and
greedily by the whole model at every token, which is the peer.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

GREEDY, BEAM, PEER = "greedy", "beam 4", "greedy, the whole model for each token"
WARM_UP = 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="to make ready")
    parser.add_argument("--sentences", type=int, default=128, help="to translate")
    parser.add_argument("--source_length", type=int, default=16, help="ids of a sentence")
    parser.add_argument("--target_length", type=int, default=32, help="ids of a translation")
    parser.add_argument("--vocabulary_size", type=int, default=4000)
    parser.add_argument("--num_layers", type=int, default=2)
    parser.add_argument("--hidden_dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", help="JSON file")
    return parser.parse_args()


def readers(pairs):
    """Returns `{name: action}`: each makes all training pairs ready once."""
    from state_of_sparsity.data.grammar.corpus import GrammarCorpus
    from state_of_sparsity.data.text import tokenized_pairs
    from state_of_sparsity.data.text.translation import Translation

    lines = list(GrammarCorpus(sentences=pairs).pairs("train"))

    class Text:
        splits = ("train",)

        def pairs(self, split):
            return iter(lines)

    settings = {"vocabulary_size": 2000, "tokens": 4096, "maximum_length": 64}
    by_length, packed = (Translation(Text(), packed=p, **settings) for p in (False, True))
    vocabulary = by_length.vocabulary

    def read_epoch(data):
        for _ in data.train().take(round(pairs / data.examples_per_step)):
            pass

    return {
        "cut into subwords": lambda: tokenized_pairs.for_training(lines, vocabulary, 64),
        "batches by length": lambda: read_epoch(by_length),
        "packed rows": lambda: read_epoch(packed),
    }


def translators(options):
    """Returns `{name: action}`: each translates all sentences once."""
    import keras
    import numpy as np
    import tensorflow as tf

    from state_of_sparsity.models.beam_search import beam_search
    from state_of_sparsity.models.transformer import transformer

    keras.utils.set_random_seed(0)
    sizes = {
        "num_layers": options.num_layers,
        "hidden_dim": options.hidden_dim,
        "intermediate_dim": 4 * options.hidden_dim,
    }
    model = transformer(options.vocabulary_size, **sizes, num_heads=4)
    shape = (options.sentences, options.source_length)
    source = np.random.default_rng(0).integers(3, options.vocabulary_size, shape).astype("int32")
    length = options.target_length

    def searched(beam_size):
        extra = length - options.source_length
        settings = {"beam_size": beam_size, "extra_length": extra}
        search = tf.function(lambda ids: beam_search(model, ids, **settings))
        return lambda: search(source)[0].numpy()

    @tf.function
    def whole_model(ids):
        tokens = tf.zeros((options.sentences, length), tf.int32)
        for step in tf.range(length):
            logits = model({"source": ids, "target": tokens})[:, step]
            best = tf.argmax(logits[:, 1:], axis=-1, output_type=tf.int32) + 1  # never padding
            tokens = tf.where(tf.range(length) == step, best[:, None], tokens)
        return tokens

    return {
        GREEDY: searched(1),
        BEAM: searched(4),
        PEER: lambda: whole_model(source).numpy(),
    }


def main():
    options = parse()
    import results
    from interleaved import paired_ratio, seconds_in_rounds

    found, rows = {}, []
    for name, actions, count in (
        ("data", readers(options.pairs), options.pairs),
        ("translation", translators(options), options.sentences),
    ):
        seconds = seconds_in_rounds(actions, options.rounds, warm_up=WARM_UP, label=name)
        rates = {what: count / statistics.median(values) for what, values in seconds.items()}
        found[name] = {"seconds": seconds, "sentences_per_s": rates}
        rows += [[what, f"{rate:,.0f}"] for what, rate in rates.items()]
    seconds = found["translation"]["seconds"]
    ratios = {what: paired_ratio(seconds[what], seconds[GREEDY]) for what in (BEAM, PEER)}
    results.write(options.output, "translation", vars(options), **found, ratios=ratios)
    results.print_table(["what", "sentences/s"], rows)
    for what, ratio in ratios.items():
        print(f"time, {what} / {GREEDY}: {ratio}")


if __name__ == "__main__":
    main()
