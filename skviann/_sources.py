"""Which columns a fitted transformer makes each of its outputs from.

Read from what the transformers write down themselves, as one sparse matrix of an output
a row and an input a column, so that a pipeline is a product of matrices.
"""

from functools import singledispatch

import numpy as np
from scipy.sparse import csr_array, eye_array, vstack
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import MissingIndicator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    TargetEncoder,
)

from skviann._sklearn_compat import columns_of_transformers

_OF_SKRUB = ("input_to_outputs_", "all_outputs_", "transformers_", "feature_names_in_")
_OF_IMPUTERS = ("indicator_", "keep_empty_features")


@singledispatch
def sources(transformer):
    """Tell which inputs of a fitted transformer each of its outputs depends on.

    A bool sparse array of (n_outputs, n_inputs). A TypeError if it cannot be told.
    """
    if all(hasattr(transformer, name) for name in _OF_SKRUB):
        return _of_skrub(transformer)
    if all(hasattr(transformer, name) for name in _OF_IMPUTERS):
        return _of_imputer(transformer)
    raise _unknown(transformer)


def _unknown(transformer):
    return TypeError(
        f"transformer: cannot tell which columns the outputs of {transformer!r} come "
        "from. Accepted are OneHotEncoder, KBinsDiscretizer, SplineTransformer, "
        "PolynomialFeatures, TargetEncoder, imputers, selectors of features, scalers "
        "and others that make one column of one, and skrub's TableVectorizer and "
        "ApplyToCols (of encoders of one column); a Pipeline, FeatureUnion or "
        "ColumnTransformer of these; and in a ColumnTransformer anything that gets a "
        "single column. Else write feature_groups by hand: a dict of names to columns."
    )


@sources.register
def _(transformer: Pipeline):
    steps = [step for _, step in transformer.steps if step not in (None, "passthrough")]
    if not steps:
        raise TypeError(
            f"transformer: {transformer!r} has no step that does something."
        )
    found = sources(steps[0])
    for step in steps[1:]:
        found = sources(step) @ found
    return found


@sources.register
def _(transformer: FeatureUnion):
    members = [one for _, one in transformer.transformer_list if one != "drop"]
    return vstack([sources(one) for one in members], format="csr")


@sources.register
def _(transformer: ColumnTransformer):
    inputs = _each_input(transformer)
    found = [inputs[:0]]
    for name, member, _ in transformer.transformers_:
        outputs = transformer.output_indices_[name]
        if outputs.start == outputs.stop:
            continue  # dropped, or of no columns and so not fitted
        columns = columns_of_transformers(transformer)[name]
        found.append(_of_member(member, len(columns), outputs) @ inputs[columns])
    return vstack(found, format="csr")


def _of_member(member, n_columns, outputs):
    try:
        return sources(member)
    except TypeError:
        if n_columns > 1:
            raise
        # Whatever it does, it has but one column to do it with.
        return csr_array(np.ones((outputs.stop - outputs.start, 1), dtype=bool))


@sources.register
def _(transformer: OneHotEncoder):
    n_inputs = transformer.n_features_in_
    counts = [_n_levels(transformer, number) for number in range(n_inputs)]
    return _repeat_each(transformer, counts)


def _n_levels(encoder, number):
    """How many columns an encoder makes of one."""
    n_outputs = len(encoder.categories_[number])
    infrequent = getattr(encoder, "infrequent_categories_", None)
    if infrequent is not None and infrequent[number] is not None:
        n_outputs -= len(infrequent[number]) - 1
    dropped = encoder.drop_idx_
    return n_outputs - (dropped is not None and dropped[number] is not None)


@sources.register
def _(transformer: KBinsDiscretizer):
    if transformer.encode == "ordinal":
        return _each_input(transformer)
    return _repeat_each(transformer, transformer.n_bins_)


@sources.register
def _(transformer: SplineTransformer):
    n_splines = transformer.n_features_out_ // transformer.n_features_in_
    return _repeat_each(transformer, n_splines)


@sources.register
def _(transformer: TargetEncoder):
    n_classes = len(transformer.encodings_) // transformer.n_features_in_
    return _repeat_each(transformer, n_classes)


@sources.register
def _(transformer: PolynomialFeatures):
    return csr_array(transformer.powers_ > 0)


@sources.register
def _(transformer: SelectorMixin):
    return _each_input(transformer)[transformer.get_support(indices=True)]


@sources.register
def _(transformer: MissingIndicator):
    return _each_input(transformer)[transformer.features_]


@sources.register
def _(transformer: OneToOneFeatureMixin):
    return _each_input(transformer)


@sources.register(Normalizer)
@sources.register(TfidfTransformer)
def _(transformer):
    # They name their outputs one to one, but divide by the norm of all of a row.
    raise _unknown(transformer)


@sources.register
def _(transformer: FunctionTransformer):
    if transformer.func is None or transformer.feature_names_out == "one-to-one":
        return _each_input(transformer)
    raise _unknown(transformer)


def _of_imputer(imputer):
    """Columns that are not dropped for being empty, and then the indicators.

    By attributes, for `IterativeImputer` cannot be imported without switching it on.
    """
    inputs = _each_input(imputer)
    indicator = imputer.indicator_
    indicated = [] if indicator is None else indicator.features_
    names = getattr(imputer, "feature_names_in_", default_names(inputs.shape[1]))
    found = imputer.get_feature_names_out().tolist()
    found = set(found[: len(found) - len(indicated)])
    kept = [
        number
        for number, name in enumerate(names)
        if imputer.keep_empty_features or name in found
    ]
    return inputs[np.array([*kept, *indicated], dtype=int)]


def _of_skrub(transformer):
    """Read skrub's own record, by its attributes: skrub need not be there.

    The record also holds columns that were dropped. What has no transformer and is in
    the output is there as it was.
    """
    source_of = {
        output: name
        for name in transformer.transformers_
        for output in transformer.input_to_outputs_[name]
    }
    names = list(transformer.feature_names_in_)
    found = [
        names.index(source_of.get(output, output))
        for output in transformer.all_outputs_
    ]
    return _each_input(transformer)[found]


def default_names(n_columns):
    """Scikit-learn's names of columns that have none."""
    return [f"x{number}" for number in range(n_columns)]


def _each_input(transformer):
    if not hasattr(transformer, "n_features_in_"):
        raise NotFittedError(f"transformer: {transformer!r} is not fitted.")
    return eye_array(transformer.n_features_in_, dtype=bool, format="csr")


def _repeat_each(transformer, counts):
    """As many outputs of each input as `counts` says, one input after the other."""
    inputs = _each_input(transformer)
    return inputs[np.repeat(np.arange(inputs.shape[0]), counts)]
