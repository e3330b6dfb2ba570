"""What the docstrings of several importances share."""

SHARED = """
fitted: estimator : estimator
    Any that is fitted; of a `VIANNSelector`, its network.
fitted_or_model: estimator : estimator or keras.Model
    Any that is fitted; of a `VIANNSelector`, its network.
of_first_layer: estimator : estimator or keras.Model
    As for `first_layer_importance`.
rows_to_score: X : array-like of shape (n_samples, n_features)
    Finite numbers; rows that were not trained on tell more.
rows_or_steps: X : array-like of shape (n_samples, n_features) or \
(n_samples, n_steps, n_features)
    Finite numbers; time steps for recurrent networks.
y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    Their targets.
scoring : str, callable or None, default=None
    As in scikit-learn; None is the estimator's own score.
random_state : int, RandomState instance or None, default=None
    Pass an int for the same result each time.
max_samples : int, default=50
    Rows to explain, drawn at random.
verbose : int, default=0
    1 shows a progress bar.
X_and_y_ignored: X, y : ignored
    Here so that all importances are called alike.
y_ignored: y : ignored
    Here so that all importances are called alike.
random_state_ignored: random_state : ignored
    Here so that all importances are called alike.
of_members: importances : ndarray of shape (n_features, n_members)
    For each member of a VIANN estimator; else there is one.
over_members: importances_mean, importances_std : ndarray of shape (n_features,)
    Mean and standard deviation over members.
nothing_random: importances_mean, importances_std : ndarray of shape (n_features,)
    The same, and zeros: nothing is random.
unusable: ValueError
    If a parameter cannot be used, or X does not hold finite numbers.
"""
