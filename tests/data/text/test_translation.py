import gzip
import json
import re

import keras
import numpy as np
import pytest

from state_of_sparsity.data.text.length_buckets import bucket_lengths
from state_of_sparsity.data.text.parallel_records import ParallelRecords
from state_of_sparsity.data.text.parallel_text import ParallelFiles
from state_of_sparsity.data.text.translation import Translation
from state_of_sparsity.data.text.vocabulary import Vocabulary
from tests.slow_variants import slow_but
from tests.small_translation import COUNTS, make_pairs, write_records, write_text

PAIRS = make_pairs()
SMALL = {"vocabulary_size": 330, "tokens": 256, "maximum_length": 64}
BOTH = pytest.mark.parametrize("packed", [False, True])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Arguments of `Translation` for files of text, and a vocabulary learned from it."""
    folder = tmp_path_factory.mktemp("text")
    text = ParallelFiles(**write_text(folder, PAIRS))
    Translation(text, **SMALL).vocabulary.save(folder / "vocabulary")
    return {"text": text, "vocabulary": str(folder / "vocabulary"), **SMALL}


@pytest.fixture
def own(tmp_path):
    """Arguments of `translation` for files in a folder of the test's own."""
    return {"directory": str(tmp_path / "run"), **write_text(tmp_path, PAIRS)}


def translation(directory=None, **files):
    """Returns a data set that reads files."""
    return Translation(ParallelFiles(**files), directory=directory, **SMALL)


def batches(data, steps, **where):
    """Returns `(inputs, targets)` of some steps as arrays."""
    return list(data.train(**where).take(steps).as_numpy_iterator())


def assert_equal_batches(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        keras.tree.assert_same_structure(one, other)
        for x, y in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
            np.testing.assert_array_equal(x, y)


def sentences(data, batch):
    """Returns the pairs of a batch as text, row by row."""
    inputs, targets = batch
    np.testing.assert_array_equal(targets, inputs["target"])
    found = []
    for row in range(len(targets)):
        segments = inputs.get("source_segments", inputs["source"] > 0)[row]
        for segment in range(1, segments.max() + 1):
            pair = []
            for side in ("source", "target"):
                own = inputs.get(f"{side}_segments", inputs[side] > 0)[row] == segment
                pair.append(data.vocabulary.decode(inputs[side][row][own]))
            found.append(tuple(pair))
    return found


def first_epoch(data):
    """Returns the batches that hold most of the training pairs, as a run does that has begun."""
    found = batches(data, data._plan.batches_per_epoch)
    data.keep()
    return found


@BOTH
def test_batches_have_the_documented_form(written, packed):
    data = Translation(**written, packed=packed)
    assert data.batch_size == 4
    shapes = set()
    for inputs, targets in first_epoch(data):
        shapes.add(targets.shape)
        for x in (*inputs.values(), targets):
            assert x.shape == targets.shape and x.dtype == np.int32
        for x in (inputs["source"], targets):
            # Padding is at the end, after the end of a sentence.
            assert (np.diff((x == 0).astype(int), axis=1) >= 0).all()
            last = (x > 0).sum(1) - 1
            assert (x[np.arange(len(x)), last] == 1).all()
    if packed:
        assert shapes == {(4, 64)} == {tuple(data.train().element_spec[1].shape)}
        assert data.train(0, 1, 2).element_spec[1].shape == (2, 64)
    else:
        assert len(shapes) > 2 and {length for _, length in shapes} <= set(bucket_lengths(64))
        assert all(n * length <= 256 and n % 4 == 0 for n, length in shapes)


@BOTH
def test_an_epoch_has_every_training_pair_once(written, packed):
    # 60 pairs fill batches of 4 exactly; rows do so one by one.
    data = Translation(**{**written, "tokens": 64 if packed else 256}, packed=packed)
    epochs = data._plan.batches_per_epoch
    found = batches(data, 2 * epochs)
    orders = []
    for epoch in (found[:epochs], found[epochs:]):
        orders.append([pair for batch in epoch for pair in sentences(data, batch)])
        assert sorted(orders[-1]) == sorted(PAIRS["train"])
    assert orders[0] != orders[1]


@BOTH
def test_a_step_has_so_many_pairs_on_average(written, packed):
    data = Translation(**{**written, "tokens": 64 if packed else 256}, packed=packed)
    pairs = sum(len(sentences(data, batch)) for batch in first_epoch(data))
    assert pairs == 60 == data.examples_per_step * data._plan.batches_per_epoch


@BOTH
def test_a_resumed_run_sees_the_same_batches(written, packed):
    whole = batches(Translation(**written, packed=packed), 14)
    other = Translation(**written, packed=packed)
    assert 1 < other._plan.batches_per_epoch < 14
    for step in range(14):
        assert_equal_batches(batches(other, 14 - step, first_step=step), whole[step:])
    seeds = [batches(Translation(**written, packed=packed, seed=seed), 14) for seed in (0, 1)]
    assert_equal_batches(seeds[0], whole)
    with pytest.raises(AssertionError):
        assert_equal_batches(seeds[1], whole)


@BOTH
@pytest.mark.parametrize("workers", [2, 4])
def test_workers_together_see_the_batch_of_one(written, packed, workers):
    data = Translation(**written, packed=packed)
    parts = [batches(data, 9, first_step=2, worker=i, workers=workers) for i in range(workers)]
    whole = [
        keras.tree.map_structure(lambda *x: np.concatenate(x), *of_step)
        for of_step in zip(*parts, strict=True)
    ]
    assert_equal_batches(whole, batches(data, 9, first_step=2))


@BOTH
def test_evaluation_keeps_the_order_of_lines_and_one_length(written, packed):
    data = Translation(**written, packed=packed)
    for split, found in (("validation", data.validation()), ("test", data.test())):
        found = [found[i] for i in range(len(found))]
        assert [pair for batch in found for pair in sentences(data, batch)] == PAIRS[split]
        assert list(data.text(split)) == PAIRS[split]
        lengths = {targets.shape[1] for _, targets in found}
        assert len(lengths) == 1 and lengths < set(bucket_lengths(64))
        sizes = [len(targets) for _, targets in found]
        assert len(set(sizes[:-1])) <= 1 and sum(sizes) == COUNTS[split]
        assert all((targets > 0).any(axis=1).all() for _, targets in found)
        names = set(found[0][0])
        assert names == set(data.train().element_spec[0])


def test_odd_pairs_are_left_out_of_training_and_kept_in_the_test(own, tmp_path, capsys):
    long = " ".join(["the house sees"] * 60)
    for split in ("train", "test"):
        for side, odd in (("source", ["", "the", long]), ("target", ["das", "", "das"])):
            path = tmp_path / own[f"{split}_{side}"]
            read, write = (gzip.open, gzip.open) if path.suffix == ".gz" else (open, open)
            with read(path, "rt", encoding="utf-8") as file:
                lines = file.read()
            with write(path, "wt", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in odd) + lines)
    data = translation(**own)
    trained = [pair for batch in first_epoch(data) for pair in sentences(data, batch)]
    assert sorted(trained) == sorted(PAIRS["train"])
    tested = [pair for batch in data.test() for pair in sentences(data, batch)]
    assert tested[:2] == [("", "das"), ("the", "")] and tested[3:] == PAIRS["test"]
    assert long.startswith(tested[2][0]) and tested[2][1] == "das"
    assert len(data.vocabulary.encode(tested[2][0])) == 64
    messages = capsys.readouterr().err
    assert "60 pairs of train text read; 2 left out, a side empty; 1 left out, too long" in messages
    assert "12 pairs of test text read; 1 cut off (" in messages


def test_the_vocabulary_is_saved_in_training_and_used_again(own, tmp_path, capsys):
    first = translation(**own)
    assert len(first.validation()) and not (tmp_path / "run").exists()
    expected = first_epoch(first)
    assert "330 subwords learned" in capsys.readouterr().err
    assert_equal_batches(first_epoch(translation(**own)), expected)
    (tmp_path / "run/vocabulary.model").rename(tmp_path / "moved")
    given = {"vocabulary": str(tmp_path / "moved"), **SMALL, "vocabulary_size": 32_000}
    del own["directory"]
    data = Translation(ParallelFiles(**own), directory=str(tmp_path / "run"), **given)
    assert_equal_batches(first_epoch(data), expected)
    assert "learning" not in capsys.readouterr().err
    saved, moved = tmp_path / "run/vocabulary.model", tmp_path / "moved"
    assert saved.read_bytes() == moved.read_bytes()
    (tmp_path / own["train_source"]).unlink()  # nor is the training text read to evaluate
    assert len(translation(str(tmp_path / "run"), **own).test())
    given["vocabulary_size"] = 329
    message = "`vocabulary_size` must be at least 330, what the file of the vocabulary has. Rec"
    with pytest.raises(ValueError, match=message):
        Translation(ParallelFiles(**own), **given).test()


def test_a_vocabulary_is_as_large_as_the_text_allows(own):
    own.pop("directory")
    data = Translation(ParallelFiles(**own), **{**SMALL, "vocabulary_size": 32_000})
    assert 330 < data.vocabulary.size < 1000
    ids = np.concatenate([targets.reshape(-1) for _, targets in first_epoch(data)])
    assert ids.max() < data.vocabulary.size


@pytest.mark.parametrize("content", [b"something else", None])
def test_a_damaged_or_missing_vocabulary(written, tmp_path, content):
    path = tmp_path / "vocabulary"
    if content is not None:
        path.write_bytes(content)
    message = rf"`path` must be a file with a vocabulary. Received: {path}.*(undamaged|No such)"
    with pytest.raises(ValueError, match=message):
        Translation(**{**written, "vocabulary": str(path)}).train()


@BOTH
def test_records_of_tensorflow_datasets(tmp_path, written, packed):
    write_records(tmp_path, PAIRS)
    records = ParallelRecords("wmt14_translate/de-en", data_dir=str(tmp_path))
    data = Translation(records, packed=packed, **SMALL)
    same = Translation(**written, packed=packed)
    assert_equal_batches(batches(data, 9), batches(same, 9))
    for found, expected in ((data.validation(), same.validation()), (data.test(), same.test())):
        assert_equal_batches(list(found), list(expected))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_without_one_of_the_splits(own, tmp_path, split):
    for side in ("source", "target"):
        del own[f"{split}_{side}"]
    there = {s: pairs for s, pairs in PAIRS.items() if s != split}
    write_records(tmp_path, there, "mine", None, "1.0.0")
    records = ParallelRecords("mine", data_dir=str(tmp_path))
    for data in (translation(**own), Translation(records, **SMALL)):
        assert getattr(data, split)() is None and len(batches(data, 3)) == 3


def test_nothing_is_read_before_it_is_used(tmp_path):
    files = ParallelFiles("no", "no", "no", "no", "no", "no")
    for text in (files, ParallelRecords("no_such_set")):
        assert Translation(text, directory=str(tmp_path / "run")).batch_size == 8
    assert list(tmp_path.iterdir()) == []


def test_test_files_that_cannot_be_read_are_noticed_before_training(own, tmp_path):
    (tmp_path / own["test_target"]).unlink()
    with pytest.raises(ValueError, match="`test_target` must be a text file that can be read"):
        translation(**own).train()


def test_mistakes_in_the_text_are_noticed_before_a_vocabulary_is_saved(own, tmp_path):
    path = tmp_path / own["train_target"]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"one more\n"))
    with pytest.raises(ValueError, match=r"of as many lines each.* of 60 lines and .* 61 lines"):
        translation(**own).train()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocabulary_size": 259}, "`vocabulary_size` must be at least 260. Received: 259."),
        ({"maximum_length": 1}, "`maximum_length` must be from 2 to 256. Received: 1."),
        ({"tokens": 63}, "`maximum_length` must be from 2 to 63. Received: 64."),
        ({"tokens": "a"}, "`tokens` must be an integer, at least 2. Received: 'a'."),
        ({"vocabulary_size": 500.5}, "`vocabulary_size` must be an integer"),
        ({"seed": -1}, "`seed` must be at least 0. Received: -1."),
    ],
)
def test_arguments_that_do_not_fit(written, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Translation(**{**written, **changes})


@BOTH
def test_too_few_pairs_for_a_batch(written, packed):
    data = Translation(**{**written, "tokens": 64 * 61}, packed=packed)
    with pytest.raises(ValueError, match=r"`tokens` must be so few .* Received: 3904, .* 60 pairs"):
        data.train()


def test_all_pairs_too_long(written):
    message = r"pairs of sentences of at most `maximum_length` ids, 2\. Received: none"
    with pytest.raises(ValueError, match=message):
        Translation(**{**written, "maximum_length": 2}).train()


def test_no_text_to_test_on(own, tmp_path):
    for side in ("source", "target"):
        (tmp_path / own[f"test_{side}"]).write_bytes(b"")
    with pytest.raises(ValueError, match=r"The test text must have sentences\. Received: none"):
        translation(**own).train()


@pytest.mark.parametrize("packed", slow_but([True], [False, True]))
def test_keras_trains_and_evaluates_on_it_under_xla(written, packed):
    data = Translation(**written, packed=packed)
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in data.train().element_spec[0]
    }
    embedded = [keras.layers.Embedding(330, 8)(x) for x in inputs.values()]
    logits = keras.layers.Dense(330)(keras.layers.Add()(embedded))
    model = keras.Model(inputs, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile("adam", loss, jit_compile=True)
    history = model.fit(
        data.train(),
        validation_data=data.validation(),
        steps_per_epoch=3,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history["val_loss"]).all()
    assert np.isfinite(model.evaluate(data.test(), verbose=0))


def test_a_run_does_not_go_on_with_another_text_or_vocabulary(own, tmp_path):
    first_epoch(translation(**own))
    digests = tmp_path / "run/data_digests.json"
    kept = json.loads(digests.read_text())
    assert kept.keys() == {"vocabulary", "train text", "validation text", "test text"}
    for name in ("train_target", "validation_target", "test_source"):
        path = tmp_path / own[name]
        content = path.read_bytes()
        opened = gzip.open if name.startswith("train") else open
        with opened(path, "rt") as file:
            lines = file.read().splitlines()
        with opened(path, "wt") as file:
            file.write("\n".join([*lines[-1:], *lines[:-1]]))  # in another order
        message = (
            f"The {name.split('_')[0]} text must be what the run in {tmp_path / 'run'} was begun"
        )
        with pytest.raises(ValueError, match=message):
            translation(**own).train()
        path.write_bytes(content)
    other = Vocabulary.learn([text for pair in PAIRS["train"][1:] for text in pair], 330)
    other.save(tmp_path / "other")
    (tmp_path / "run/vocabulary.model").unlink()
    texts = ParallelFiles(**{name: file for name, file in own.items() if name != "directory"})
    given = {"vocabulary": str(tmp_path / "other"), "directory": own["directory"], **SMALL}
    with pytest.raises(ValueError, match="The vocabulary must be what the run in"):
        Translation(texts, **given).test()
    other.save(tmp_path / "run/vocabulary.model")
    for use in ("test", "train"):
        with pytest.raises(ValueError, match="The vocabulary must be what the run in"):
            getattr(translation(**own), use)()
    assert json.loads(digests.read_text()) == kept


def test_nothing_is_written_before_a_run_keeps_its_data(own, tmp_path):
    data = translation(**own)
    batches(data, 1)
    assert not (tmp_path / "run").exists()
    data.keep()
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"vocabulary.model", "data_digests.json"}


def test_data_without_a_directory_are_kept_nowhere(own, tmp_path):
    own.pop("directory")
    before = sorted(tmp_path.iterdir())
    first_epoch(Translation(ParallelFiles(**own), **SMALL))
    assert sorted(tmp_path.iterdir()) == before


def test_a_run_without_digests_goes_on(own, tmp_path):
    expected = first_epoch(translation(**own))
    (tmp_path / "run/data_digests.json").unlink()
    assert_equal_batches(first_epoch(translation(**own)), expected)
    assert (tmp_path / "run/data_digests.json").exists()
