"""One line that shows how far a fit is."""

from tqdm.auto import tqdm

# What a training costs that does not depend on how many columns it sees, in columns.
_COLUMNS_IN_ANY_CASE = 80
_FORMAT = "{desc}: {percentage:3.0f}% {bar} {elapsed}, about {remaining} left{postfix}"
_FORMAT_BEFORE = "{desc}: {elapsed}{postfix}"


class Progress:
    """Shows progress as `VIANNSelector`'s `verbose` asks for.

    0 is silent, 1 one line with the time left, 2 a line a step. Until it is known what
    there is to do, the line says that the table is read.
    """

    def __init__(self, verbose):
        self._bar = tqdm(
            desc="VIANNSelector",
            bar_format=_FORMAT_BEFORE,
            disable=not verbose,
            smoothing=0,  # steps are of different sizes: only the mean tells the time
        )
        self._bar.set_postfix_str("reading the table, loading TensorFlow")
        self._prints_lines = verbose > 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._bar.total is not None:  # a path may end early
            self._bar.total = self._bar.n
        self._bar.close()

    def plan(self, cost):
        """Tell what there is to do, and begin to take the time."""
        self._bar.bar_format = _FORMAT
        self._bar.set_postfix_str("", refresh=False)
        self._bar.reset(total=cost)

    def step(self, text, cost):
        """Tell what has just been done, and what it cost."""
        self._bar.set_postfix_str(text, refresh=False)
        # A path may go on for longer than was planned.
        if self._bar.total is not None:
            self._bar.total = max(self._bar.total, self._bar.n + cost)
        self._bar.update(cost)
        if self._prints_lines:
            self._bar.write(f"[VIANNSelector] {text}")


def cost_of_round(n_columns):
    """Tell about how long a round of so many columns takes, in rounds of few."""
    return 1 + n_columns / _COLUMNS_IN_ANY_CASE
