"""Docstrings of siblings: what they share is written once."""

import re
from inspect import isclass, isfunction
from textwrap import dedent, indent


def composed(*shared):
    """Fill in the docstring of a class or function.

    A line ``{alpha, n_bins}`` becomes the entries of these names. They are written as
    in a numpydoc section; any other text behind a name begins with that name and a
    colon. A class has the docstrings of its methods filled in as well.
    """
    entries = {}
    for text in shared:
        for entry in re.split(r"^(?=\w+(?: : |:\s))", dedent(text), flags=re.M)[1:]:
            name = re.match(r"\w+", entry)[0]
            entries[name] = entry.removeprefix(f"{name}:").strip()

    def fill_in(line):
        names = line[2].split(", ")
        return indent("\n".join(entries[name] for name in names), line[1])

    def compose(described):
        methods = vars(described).values() if isclass(described) else ()
        methods = (getattr(one, "__func__", one) for one in methods)  # of the class
        for one in (described, *filter(isfunction, methods)):
            if one.__doc__ is not None:  # as it is under python -OO
                one.__doc__ = re.sub(
                    r"^( *)\{([\w, ]+)\}$", fill_in, one.__doc__, flags=re.M
                )
        return described

    return compose
