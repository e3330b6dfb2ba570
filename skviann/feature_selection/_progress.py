"""One line that shows how far a fit is."""

from tqdm.auto import tqdm


class Progress:
    """Shows progress as `VIANNSelector`'s `verbose` asks for.

    0 is silent, 1 one line with the time left, 2 a line a step.
    """

    def __init__(self, n_steps, verbose):
        self._bar = tqdm(
            total=n_steps, desc="VIANNSelector", disable=not verbose, leave=True
        )
        self._prints_lines = verbose > 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._bar.total is not None:  # a path may end early
            self._bar.total = self._bar.n
        self._bar.close()

    def step(self, text):
        """Tell what has just been done."""
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()
        if self._prints_lines:
            self._bar.write(f"[VIANNSelector] {text}")
