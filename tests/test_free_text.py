"""Free text is one feature, made of the words of the fit."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer

from conftest import FAST
from skviann import VIANNRegressor, VIANNSelector, correlated_groups

N = 300
WORDS = {
    "colour": ["red", "blue", "green", "white", "black"],
    "material": ["oak", "steel", "glass", "leather", "cotton"],
    "thing": ["table", "chair", "lamp", "sofa", "shelf"],
    "more": ["for small rooms", "easy to clean", "made in Italy", "ships in two days"],
}


def make_table(seed=0):
    """Descriptions of products; the material decides, and a number."""
    rng = np.random.default_rng(seed)
    words = [rng.choice(some, N) for some in WORDS.values()]
    table = pd.DataFrame(
        {
            "size": rng.normal(size=N),
            "text": [" ".join(some).capitalize() for some in zip(*words, strict=True)],
            "noise": rng.normal(size=N),
            "weight": rng.normal(size=N),
        }
    )
    signal = 3 * np.isin(words[1], ["oak", "glass"]) + 1.5 * table["size"]
    return table, signal.to_numpy(), rng.normal(size=N)


TABLE, SIGNAL, NOISE = make_table()
Y = SIGNAL + NOISE


@pytest.fixture(scope="module")
def selector():
    return VIANNSelector(VIANNRegressor(**FAST), random_state=0).fit(TABLE, Y)


def components_by_hand(texts, new):
    """Project on the right singular vectors, of all words."""
    vectorizer = TfidfVectorizer(token_pattern=r"\w+").fit(texts)
    of_words = np.linalg.svd(vectorizer.transform(texts).toarray())[2]
    return vectorizer.transform(new).toarray() @ of_words[:30].T


def inputs_of(network, text):
    """What a network without bins sees of text alone."""
    return network.encode(pd.DataFrame({"text": text}))


def fitted(text):
    network = VIANNRegressor(hidden_layer_sizes=(), n_members=1, n_bins=1, epochs=2)
    return network.fit(pd.DataFrame({"text": text}), np.arange(len(text)))


def test_inputs_are_standardised_components():
    # Words that are rarer and rarer, so that no two components are alike.
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(40)])
    share = 0.85 ** np.arange(40)
    texts = [" ".join(rng.choice(words, 12, p=share / share.sum())) for _ in range(200)]
    known, new = texts[:150], [*texts[150:], "nothing of this is known"]
    expected = components_by_hand(known, known)
    of_new = components_by_hand(known, new)
    of_new = (of_new - expected.mean(axis=0)) / expected.std(axis=0)
    found = inputs_of(fitted(known), new)
    assert found.shape == (51, 30)
    signs = np.sign((found * of_new).sum(axis=0))
    assert_allclose(found[:, :8] * signs[:8], of_new[:, :8], atol=1e-2)


def test_text_that_matters_is_kept_and_comes_out_as_it_came(selector):
    assert list(TABLE.columns[selector.get_support()]) == ["size", "text"]
    summary = selector.summary().set_index("feature")
    assert summary["read as"]["text"] == "free text, 16 components"
    assert len(summary) == len(selector.feature_importances_) == 4
    assert summary["importance"].sum() == pytest.approx(1)
    kept = selector.set_output(transform="pandas").transform(TABLE)
    pd.testing.assert_frame_equal(kept, TABLE[["size", "text"]])


def test_text_that_does_not_matter_is_dropped():
    table, _, noise = make_table(seed=1)
    y = 1.5 * table["size"] + noise
    found = VIANNSelector(VIANNRegressor(**FAST), random_state=0).fit(table, y)
    assert list(table.columns[found.get_support()]) == ["size"]
    assert "no relation" in found.summary().set_index("feature")["reason"]["text"]


def test_new_text_is_read_by_its_words(selector):
    network = selector.estimator_
    new = TABLE[:2].assign(size=0.0, noise=0.0, weight=0.0)
    new["text"] = ["An OAK table!", "A steel table, unseen"]
    oak, steel = network.predict(new)
    assert oak > steel + 0.5
    again = pickle.loads(pickle.dumps(network))
    assert_array_equal(again.predict(new), [oak, steel])


def test_tables_of_any_kind_are_read_alike():
    rows = np.arange(40)
    expected = fitted(TABLE["text"][rows])
    inputs = inputs_of(expected, TABLE["text"])
    frames = {
        "pandas": TABLE[["text"]],
        "polars": pl.from_pandas(TABLE[["text"]]),
        "array": TABLE[["text"]].to_numpy(dtype=object),
        "strings": np.array(TABLE[["text"]], dtype=str),
    }
    for frame in frames.values():
        network = clone(expected).fit(frame[:40], rows)
        assert_array_equal(network.encode(frame), inputs)


def test_numbers_in_place_of_text_are_an_error(selector):
    with pytest.raises(ValueError, match="'text' held text .* holds numbers now"):
        selector.estimator_.predict(TABLE.assign(text=1.0))
    with pytest.raises(ValueError, match="'text' held text .* holds numbers now"):
        selector.transform(TABLE.assign(text=1.0))


def test_a_single_input_tells_where_text_is_missing():
    texts = TABLE["text"].where(np.arange(N) % 3 > 0, None)
    network = fitted(texts)
    found = inputs_of(network, texts)
    assert found.shape == (N, 17)
    is_missing = texts.isna().to_numpy()
    constant = [np.ptp(column[is_missing]) == 0 for column in found.T]
    assert all(constant)  # no text tells apart rows without one
    tells = [abs(np.corrcoef(column, is_missing)[0, 1]) > 0.999 for column in found.T]
    assert sum(tells) == 1
    nothing = inputs_of(network, [None, np.nan])
    assert_array_equal(nothing, found[:2][[0, 0]])
    assert inputs_of(network, [""])[0, tells] == found[1, tells]


def test_missing_text_that_matters_is_kept():
    is_missing = np.random.default_rng(0).random(N) < 0.4
    table = TABLE.assign(text=TABLE["text"].mask(is_missing))
    y = 3 * is_missing + NOISE
    found = VIANNSelector(VIANNRegressor(**FAST), random_state=0).fit(table, y)
    assert list(table.columns[found.get_support()]) == ["text"]


def test_later_chunks_are_read_with_the_words_of_the_first():
    first, second = TABLE[:150], TABLE[150:].assign(text="steel, but in other words")
    network = VIANNRegressor(**FAST, random_state=0).partial_fit(first, Y[:150])
    before = network.encode(second)
    network.partial_fit(second, Y[150:])
    assert_array_equal(network.encode(second), before)
    assert_array_equal(
        before, VIANNRegressor(**FAST).fit(first, Y[:150]).encode(second)
    )


@pytest.mark.parametrize(
    "texts",
    [
        ["a b c", "a b d"] * 2,  # fewer texts and words than components
        ["so so so", "so so so so"] * 2,  # a single word
        ["? ! -", "! - ?"] * 2,  # none at all
        ["eins zwei", "drei vier"] * 2,  # too few in a text
    ],
)
def test_little_text(texts):
    texts = [*texts, "a new one comes"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "of little use"
        network = fitted(texts[:4])
    assert np.isfinite(inputs_of(network, texts)).all()


def test_texts_that_are_frequent_are_levels():
    levels = ["none of these", "one of these", "all of these"]
    table = TABLE.assign(text=np.resize(levels, N))
    found = VIANNSelector(VIANNRegressor(**FAST), random_state=0).fit(table, Y)
    assert "category of 3 levels" in set(found.summary()["read as"])
    # A frequent text among many others is but a text.
    often = TABLE["text"].where(np.arange(N) % 5 > 0, "not yet described")
    assert inputs_of(fitted(often), often).shape == (N, 17)  # one more


def test_a_category_of_sentences_is_not_read():
    table = TABLE.assign(text=TABLE["text"] + [f" {n}" for n in range(N)])
    table["text"] = table["text"].astype("category")
    with pytest.warns(UserWarning, match="'text' .free text: not used.*pass it as"):
        network = VIANNRegressor(**FAST).fit(table, Y)
    assert network.encode(table).shape == (N, 3)


def test_errors_name_the_column_behind_the_text():
    with pytest.raises(ValueError, match="infinity.*column 'weight'"):
        VIANNRegressor().fit(TABLE.assign(weight=np.inf), Y)


def test_text_can_be_a_part_of_a_group():
    selector = VIANNSelector(
        VIANNRegressor(**FAST),
        feature_groups={"product": ["text", "size"]},
        random_state=0,
    ).fit(TABLE, Y)
    assert_array_equal(selector.get_support(), [True, True, False, False])
    summary = selector.summary().set_index("feature")
    assert summary["read as"]["product"] == "number, free text, 16 components"


def test_a_column_that_text_tells_is_carried_by_it():
    material = TABLE["text"].str.extract(f"({'|'.join(WORDS['material'])})")[0]
    selector = VIANNSelector(
        VIANNRegressor(**FAST), fixed_features=["text"], max_features=1, random_state=0
    ).fit(TABLE.assign(material=material), Y)
    reasons = selector.summary().set_index("feature")["reason"]
    assert "carried by text" in reasons["material"]
    assert "carried by text" not in reasons["noise"]


def test_text_is_in_no_group_of_correlated_columns():
    table = TABLE.assign(double=2 * TABLE["noise"])
    groups = correlated_groups(table)
    assert list(groups.values()) == [["noise", "double"]]
