"""Docstrings of siblings: what they share is written once."""

import re
from textwrap import dedent, indent


def composed(*shared):
    """Fill in the docstring of a class or function.

    A line ``{alpha, n_bins}`` becomes the entries of these names. They are written as
    in a numpydoc section; any other text under a name has that name and a colon on a
    line of its own.
    """
    entries = {}
    for text in shared:
        for entry in re.split(r"^(?=\w+(?: : |:$))", dedent(text), flags=re.M)[1:]:
            name = re.match(r"\w+", entry)[0]
            entries[name] = entry.removeprefix(f"{name}:").strip()

    def fill_in(line):
        names = line[2].split(", ")
        return indent("\n".join(entries[name] for name in names), line[1])

    def compose(described):
        if described.__doc__ is not None:  # as it is under python -OO
            described.__doc__ = re.sub(
                r"^( *)\{([\w, ]+)\}$", fill_in, described.__doc__, flags=re.M
            )
        return described

    return compose
