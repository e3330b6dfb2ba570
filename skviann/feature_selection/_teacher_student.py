"""The selector that asks which features a simple network needs to imitate a teacher."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skviann._docstrings import composed
from skviann._sklearn_compat import HasMethods, Interval, _fit_context
from skviann._validation import (
    FLOATS,
    all_or_nothing,
    draw_seeds,
    explained,
    without_objects,
)
from skviann.feature_selection._base import (
    THRESHOLD,
    ImportanceSelector,
    check_threshold,
)
from skviann.neural_network import default_network
from skviann.neural_network._base import SHARED, BaseNetwork, NetworkRegressor


class _Student(NetworkRegressor, BaseNetwork):
    """One hidden layer, with weights that vanish for whole features."""

    def __init__(self, *, n_units, alpha, n_members, n_bins, random_state):
        super().__init__(
            hidden_layer_sizes=(n_units,),
            n_members=n_members,
            n_bins=n_bins,
            learning_rate=0.01,
            random_state=random_state,
        )
        self.n_units = n_units
        self.alpha = alpha

    def _selection(self):
        return "RowSparseDense", ("alpha", float(self.alpha))


@composed(SHARED)
class TeacherStudentSelector(ImportanceSelector):
    """Select the features that a simple network needs to imitate a teacher.

    The teacher finds a representation of the rows in few dimensions; the student, a
    network with one hidden layer, learns to compute it from the features, with

        ``alpha * sum over features j of the norm of the weights W[j, :]``

    added to its loss, so that the first weights of features that it can do without
    vanish as a whole. The importance of a feature is the norm of its weights.

    Parameters
    ----------
    teacher : estimator, default=None
        A transformer, as in `sklearn.decomposition` and `sklearn.manifold`, or a
        classifier or regressor, whose probabilities or predictions are then the
        representation. None: the first two principal components of the standardised
        features if `fit` is called without `y`; with `y`, a `VIANNClassifier` for
        integers, booleans, strings or categories, a `VIANNRegressor` for floating-point
        numbers.
    threshold : str or float, default=None
        As in `sklearn.feature_selection.SelectFromModel`: "mean" (None means the same),
        "median", a multiple such as "1.25*mean", or a number.
    max_features : int, default=None
        Keep no more than this many; the threshold still applies.
    n_units : int, default=64
        Units of the student's hidden layer.
    alpha : float, default=0.1
        Size of the penalty.
    n_members : int, default=8
        Students that are trained together, and averaged.
    n_bins : int, default=4
        Quantile bins in which they see each feature; 1 is standardisation alone.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same result each time. A teacher that is passed in keeps its
        own.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
        Mean of `importances_`: non-negative, summing to 1.
    importances_ : ndarray of shape (n_members, n_features)
        Norms by each student, as shares that sum to 1.
    importances_std_ : ndarray of shape (n_features,)
        Their standard deviation over students.
    threshold_ : float
        The threshold in force.
    teacher_ : estimator
        The fitted teacher.
    {n_features_in_, feature_names_in_}

    References
    ----------
    A. Mirzaei, V. Pourahmadi, M. Soltani, H. Sheikhzadeh (2019), "Deep Feature
    Selection using a Teacher-Student Network", arXiv 1903.07045.

    Examples
    --------
    Without a target: the first two columns vary together, the others on their own.

    >>> import numpy as np
    >>> from skviann import TeacherStudentSelector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 8))
    >>> X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    >>> X[:, 3] = X[:, 2] + 0.3 * X[:, 3]
    >>> TeacherStudentSelector(random_state=0).fit(X).get_support(indices=True)
    array([0, 1, 2, 3])
    """

    _parameter_constraints: dict = {
        "teacher": [
            HasMethods(["fit_transform"]),
            HasMethods(["fit", "predict"]),
            None,
        ],
        "threshold": THRESHOLD,
        "max_features": [Interval(Integral, 0, None, closed="left"), None],
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "n_members": BaseNetwork._parameter_constraints["n_members"],
        "n_bins": BaseNetwork._parameter_constraints["n_bins"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        teacher=None,
        *,
        threshold=None,
        max_features=None,
        n_units=64,
        alpha=0.1,
        n_members=8,
        n_bins=4,
        random_state=None,
    ):
        self.teacher = teacher
        self.threshold = threshold
        self.max_features = max_features
        self.n_units = n_units
        self.alpha = alpha
        self.n_members = n_members
        self.n_bins = n_bins
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Let the teacher learn, then the student from the teacher.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target, for a teacher that needs one.

        Returns
        -------
        self : TeacherStudentSelector

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used.
        """
        with all_or_nothing(self):
            check_threshold(self.threshold)
            y_original = y
            with explained():
                X = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
                if y is not None:
                    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
                    y = without_objects(y)
            self._ask_max_features(X)
            teacher_seed, student_seed = draw_seeds(self.random_state, 2)
            if self.teacher is not None:
                self.teacher_ = clone(self.teacher)
            elif y is None:
                n_components = min(2, *X.shape)
                pipeline = make_pipeline(StandardScaler(), PCA(n_components))
                # Whatever scikit-learn's global settings are.
                self.teacher_ = pipeline.set_output(transform="default")
            else:
                kind = default_network(y_original, y)
                self.teacher_ = kind(random_state=teacher_seed)
            student = _Student(
                n_units=self.n_units,
                alpha=self.alpha,
                n_members=self.n_members,
                n_bins=self.n_bins,
                random_state=student_seed,
            ).fit(X, self._represent(X, y))
            self.importances_ = student.importances_
            self.importances_std_ = student.importances_std_
            self.feature_importances_ = student.feature_importances_
        return self

    def _represent(self, X, y):
        if hasattr(self.teacher_, "fit_transform"):
            representation = self.teacher_.fit_transform(X, y)
        elif hasattr(self.teacher_, "predict_proba"):
            representation = self.teacher_.fit(X, y).predict_proba(X)
        else:
            representation = self.teacher_.fit(X, y).predict(X)
        return np.squeeze(np.asarray(representation))
