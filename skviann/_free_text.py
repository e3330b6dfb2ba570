"""Free text: what it says, in a few numbers.

Words are counted, and the counts reduced to what texts differ in most (latent semantic
analysis). The target plays no part.
"""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from skviann._validation import spread_rows

# Text with so many words on average is free text.
_N_WORDS = 3

_N_COMPONENTS = 30  # as many as in the StringEncoder of skrub
_LEAST_SINGULAR_VALUE = 1e-6  # of the largest one; less is rounding
# Of more, words are learned from so many different texts, and the most frequent count.
_MAX_TEXTS = 10_000
_MAX_WORDS = 10_000

_TEXTS_AT_A_TIME = 10_000


def is_free_text(texts):
    """Whether different texts have three words or more on average."""
    words = [word for text in texts for word in text.split()]
    n_words = sum(any(map(str.isalnum, word)) for word in words)
    return n_words >= _N_WORDS * len(texts)


class TextEncoder:
    """Turns texts into components, which the first texts it sees decide on.

    Parameters
    ----------
    texts : list of str
        Different ones, with a word in at least one of them.

    Attributes
    ----------
    n_components : int
        At most 30.
    """

    def __init__(self, texts):
        texts = [texts[row] for row in spread_rows(len(texts), _MAX_TEXTS)]
        self._vectorizer = TfidfVectorizer(
            token_pattern=r"\w+", max_features=_MAX_WORDS
        )
        counts = self._vectorizer.fit_transform(texts)
        n_components = min(_N_COMPONENTS, *counts.shape)
        _, values, vectors = randomized_svd(counts, n_components, random_state=0)
        self._components = vectors[values > _LEAST_SINGULAR_VALUE * values[0]]
        self.n_components = len(self._components)

    def encode(self, texts):
        """Compute the components of texts: (n_texts, n_components).

        They are 0 of a text without a known word. Of a missing text (None), the first
        one is NaN, so that only a single input tells where texts are missing.
        """
        encoded = np.empty((len(texts), self.n_components))
        for some in gen_batches(len(texts), _TEXTS_AT_A_TIME):
            counts = self._vectorizer.transform([text or "" for text in texts[some]])
            encoded[some] = counts @ self._components.T
        encoded[[text is None for text in texts], 0] = np.nan
        return encoded
