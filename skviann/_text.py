"""Text that stands for dates or numbers: how it is written, and what it says.

`find_format` looks at the different texts of a column, and finds the one format that
fits them all. The format then reads texts, also those of later tables.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import numpy as np

# What stands for a missing value among dates and numbers, in whatever case.
_MISSING = {"", "?", "-", "na", "n/a", "#n/a", "<na>", "nan", "nat", "none", "null"}

# The common ways to write a day or a month, for strptime.
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y/%m", "%m/%Y"),
    *("%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y"),
    *("%y-%m-%d", "%y/%m/%d", "%y.%m.%d"),
    *("%m/%d/%y", "%d/%m/%y", "%m-%d-%y", "%d-%m-%y", "%d.%m.%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d%b%Y", "%d-%b-%y", "%d%b%y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
    *("%b %Y", "%B %Y", "%b-%Y", "%B-%Y", "%b-%y"),
)
# A time of the day after it; a time zone at the end is left out.
_TIME = re.compile(
    r"(?<=\d)(?:T|,?\s+)([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?"
    r"(?:\s?([AaPp])[Mm])?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?$"
)
_EPOCH = datetime(1970, 1, 1).toordinal()

_CURRENCY = (
    r"(?:US|CA|AU)?\$|[€£¥₹₩]"
    r"|AUD|CAD|CHF|CNY|CZK|DKK|EUR|GBP|INR|JPY|NOK|NZD|PLN|SEK|USD|ZAR"
)


def _pattern(decimal, thousands):
    """Compile what numbers look like: 0.5, 1e-3, $1,234.50, (12 EUR), -3.5 %."""
    # Zeros in front are those of a code, such as 01234.
    whole = rf"(?:[1-9]\d{{0,2}}([{thousands}])\d{{3}}(?:\4\d{{3}})*|[1-9]\d*|0)"
    return re.compile(
        rf"([-+\u2212(]?)\s?({_CURRENCY})?\s?"
        rf"(-?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][-+]?\d+)?)"
        rf"\s?({_CURRENCY}|%)?(\)?)"
    )


# By the decimal mark.
_NUMBERS = {
    ".": _pattern(r"\.", ",'\u2019\\s"),
    ",": _pattern(",", ".'\u2019\\s"),
}


class DateFormat(NamedTuple):
    """How a column's dates are written."""

    day: str  # for strptime

    def __str__(self):
        return f"dates in the format {self.day}"

    def read(self, texts):
        """Read dates, as datetime64; NaT for what stands for a missing value.

        A text that does not fit is the argument of a ValueError.
        """
        day_of, days, times = {}, [], []
        for text in texts:
            day, time = _split(text)
            if day not in day_of:
                day_of[day] = _read_day(day, self.day)
                if day_of[day] is None:
                    raise ValueError(text)
            days.append(day_of[day])
            times.append(time)
        return np.array(days, dtype="M8[D]") + np.array(times, dtype="m8[us]")


class NumberFormat(NamedTuple):
    """How a column's numbers are written."""

    decimal: str  # mark
    unit: str  # a currency, "%" or nothing

    def __str__(self):
        unit = f"the unit {self.unit!r}" if self.unit else "no unit"
        return f"numbers with the decimal mark {self.decimal!r} and {unit}"

    def read(self, texts):
        """Read numbers; NaN for what stands for a missing value.

        A text that does not fit is the argument of a ValueError.
        """
        values = []
        for text in texts:
            value, unit = _read_number(text, self.decimal)
            if unit != self.unit:
                if not _is_missing(text):
                    raise ValueError(text)
                value = np.nan
            values.append(value)
        return np.array(values, dtype=float)


def find_format(texts):
    """Find out whether a column's different texts are all dates, or all numbers.

    Returns the `DateFormat` or `NumberFormat` that fits them all, None if there is none
    or more than one; and what is not clear if there is more than one, and what to do.
    """
    texts = [text for text in texts if not _is_missing(text)]
    if not texts:
        return None, None
    days = _fitting_days(texts)
    if not days:
        return _find_number_format(texts)
    for text in texts if len(days) > 1 else ():
        day, _ = _split(text)
        if len({_read_day(day, format) for format in days}) > 1:
            return None, (
                f"Dates such as {text!r} may have the day or the month first: convert "
                "them, for example with pandas.to_datetime and dayfirst=True or False."
            )
    return DateFormat(days[0]), None


def _fitting_days(texts):
    """Find the formats that fit the days of all texts."""
    formats, seen = _DAYS, set()
    for text in texts:
        day, _ = _split(text)
        if day not in seen:
            seen.add(day)
            formats = [one for one in formats if _read_day(day, one) is not None]
            if not formats:
                break
    return formats


def _find_number_format(texts):
    found = []
    for decimal in _NUMBERS:
        _, unit = _read_number(texts[0], decimal)
        if unit is not None:
            format = NumberFormat(decimal, unit)
            with suppress(ValueError):
                found.append((format, format.read(texts)))
    if len(found) < 2:
        return (found[0][0] if found else None), None
    # 1,234 is taken for a thousand, and 1.234 for a bit more than one. But if other
    # numbers have no point, those before three digits may stand for thousands.
    (format, values), (_, others) = found
    ratios = others[values != 0] / values[values != 0]
    pointed = [text for text in texts if "." in text]
    if pointed and not np.allclose(ratios, ratios[0]):
        return None, (
            f"Numbers such as {pointed[0]!r} may have thousands or decimals after the "
            "point: convert them to numbers."
        )
    return format, None


def _is_missing(text):
    return text.strip().lower() in _MISSING


def _split(text):
    """Tell the text of a day from the time of the day, in microseconds."""
    text = text.strip()
    match = _TIME.search(text) if ":" in text else None
    if match is None:
        return text, 0
    hour, minute, second, half = match.groups()
    hour = int(hour)
    if half:
        hour = hour % 12 + 12 * (half in "Pp")
    seconds = 3600 * hour + 60 * int(minute) + float(second or 0)
    return text[: match.start()], round(seconds * 1e6)


def _read_day(text, format):
    """Read a day as days since 1970-01-01; NaT if missing, None if it does not fit."""
    try:
        return datetime.strptime(text, format).toordinal() - _EPOCH
    except ValueError:
        return np.datetime64("NaT") if _is_missing(text) else None


def _read_number(text, decimal):
    """Read value and unit of a number; None and None if the text is none."""
    match = _NUMBERS[decimal].fullmatch(text.strip())
    if match is None:
        return None, None
    sign, before, body, thousands, after, end = match.groups()
    if (sign == "(") != (end == ")"):
        return None, None
    if thousands:
        body = body.replace(thousands, "")
    value = float(body.replace(decimal, "."))
    return (value if sign in "+" else -value), (before or "") + (after or "")
