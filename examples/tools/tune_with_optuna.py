"""
Settings of a pipeline, searched by Optuna
==========================================

How many columns to keep, into how many bins the network cuts each, and what the model
behind should do with them: settings that hang together are better searched together.
`Optuna <https://optuna.org>`_ tries them where earlier trials went well. It needs ``pip
install optuna``.
"""

# %%
# The target goes up and down five times along x0, and rises along x1 and x2. The other
# 17 columns are noise. The model behind the selector is one of nearest neighbours,
# which suffers from noise.

import matplotlib.pyplot as plt
import numpy as np
import optuna
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from skviann import VIANNRegressor, VIANNSelector

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(800, 20))
y = np.sin(5 * np.pi * X[:, 0]) + X[:, 1] + 0.5 * X[:, 2] + 0.3 * rng.normal(size=800)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# A function makes the pipeline from three settings. To search by number, take the
# threshold out of the way: with ``threshold=-np.inf``, exactly ``max_features`` columns
# are kept.


def make_model(n_bins, max_features, n_neighbors):
    selector = VIANNSelector(
        VIANNRegressor(n_bins=n_bins),
        threshold=-np.inf,
        max_features=max_features,
        random_state=0,
    )
    return make_pipeline(selector, KNeighborsRegressor(n_neighbors))


# %%
# Optuna calls the objective with a trial, which suggests the settings. The score is
# that of cross-validation on the training rows. The first trial is given: all columns.


def objective(trial):
    model = make_model(
        n_bins=trial.suggest_int("n_bins", 2, 16),
        max_features=trial.suggest_int("max_features", 1, 20),
        n_neighbors=trial.suggest_int("n_neighbors", 3, 30, log=True),
    )
    return cross_val_score(model, X_train, y_train, cv=3).mean()


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
)
study.enqueue_trial({"n_bins": 4, "max_features": 20, "n_neighbors": 5})
study.optimize(objective, n_trials=20)
print("best settings:", study.best_params)

# %%
# The best of many scores owes something to luck, so the one to report is that on test
# rows, which had no part in the search. (There the model has learned from more rows,
# too.) The selector alone has the default of four bins, too few for so many waves, and
# chooses the number of columns by its own networks, not by the neighbours.

models = {
    "all columns": KNeighborsRegressor(),
    "the selector alone": make_pipeline(
        VIANNSelector(random_state=0), KNeighborsRegressor()
    ),
    "the best trial": make_model(**study.best_params),
}
print(f"R2 of the best trial in cross-validation: {study.best_value:.2f}")
for name, model in models.items():
    score = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"R2 on test rows, {name}: {score:.2f}")

# %%
# A dot is a trial, the later the darker.

columns = [trial.params["max_features"] for trial in study.trials]
scores = [trial.value for trial in study.trials]
numbers = [trial.number + 1 for trial in study.trials]
figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
dots = ax.scatter(columns, scores, c=numbers, s=70, cmap="Blues", edgecolors="0.3")
ax.plot(
    study.best_params["max_features"],
    study.best_value,
    "o",
    ms=16,
    mfc="none",
    mec="tab:orange",
    mew=2.5,
    label="best",
)
figure.colorbar(dots, label="trial", ticks=[1, 5, 10, 15, 20])
ax.set(xlabel="columns kept", ylabel="R2 (mean of 3 folds)", xticks=[1, 5, 10, 15, 20])
ax.legend()
plt.show()
