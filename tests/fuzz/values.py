"""Values that are wrong by construction, as texts of a command line or of TOML, from what an option says of itself."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from evoprune.plugins import entries, is_code
from evoprune.runs.settings import TEXT, WORDS, bounds

LONG = ["x" * 300, "x" * 5000, "9" * 5000, "ж" * 300]
CONTROL = ["\n", "a\nb", "\r", "\t", "\x1b[31m", "\x00", "\x7f", "\u2028", "\u202e", "\ud800", "\udcff"]
NOT_FINITE = ["nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-1e999"]
NO_NUMBER = ["", " ", "-", "--", "+", ".", "many", "²", "½", "1 2", "--1", "0x10", "1,5", "1.2.3", "None", "true", "()"]
HUGE = [str(10**30), str(-(10**30)), "9" * 400]
UNKNOWN = [
    "",
    " ",
    "-",
    "none at all",
    "nothing",
    "²",
    "5",
    "*",
    "../..",
    "a:b:c",
    "{}",
    "%s",
    "$HOME",
    *LONG,
    *CONTROL,
]
CODE = ["nowhere.py:name", "no_such_module:name", "no.such.module:name", "os:no_such_name", "/:x.py:y", "x.py:y" * 700]
TEXTS = st.text(max_size=30)


def spoilt(kind: Any, more: Mapping[str, Any]) -> SearchStrategy[str]:
    """Texts of the command line that no option of this type and these metadata takes; commas are in none of them.

    :param more: as of :func:`evoprune.runs.settings.option`.
    """
    empty = {"none"} if type(None) in get_args(kind) else set()  # what says that there is no value
    return _texts(kind, more).filter(lambda text: "," not in text and text.lower() not in empty)


def _texts(kind: Any, more: Mapping[str, Any]) -> SearchStrategy[str]:
    kinds = _kinds(kind)
    if bool in kinds:
        return st.one_of(st.sampled_from(UNKNOWN), TEXTS).filter(lambda text: text.lower() not in WORDS)
    if float in kinds:
        texts = st.one_of(st.sampled_from(NOT_FINITE + NO_NUMBER + HUGE + LONG + CONTROL[:-2]), TEXTS)
        return st.one_of(texts.filter(_outside_of(more)), _outside(float, more))
    if int in kinds:
        texts = st.sampled_from([*NOT_FINITE, *NO_NUMBER, *HUGE, *LONG, *CONTROL[1:], "1.5", "1e3", "1.0"])
        return st.one_of(texts, TEXTS.filter(_no_int), _outside(int, more))
    names = names_of(kind, more)
    if names is not None:
        wrong = st.one_of(
            st.sampled_from([*UNKNOWN, *CODE]), TEXTS, st.sampled_from([*names]).map(lambda name: name + "x")
        )
        return wrong.filter(lambda text: text not in names and (not is_code(text) or text in CODE))
    if "form" in more:
        some = ["10-", "-5", "10--5", "10 5", "9999999999", "0", "10-0", "3.5", "10-" * 40 + "5", *UNKNOWN[:4], *LONG]
        texts = TEXTS.filter(lambda text: not re.fullmatch(more["form"], text))
        return st.one_of(st.sampled_from([*some, *CONTROL]), texts)
    return st.sampled_from([*CONTROL, "x" * (TEXT + 1)])


def names_of(kind: Any, more: Mapping[str, Any]) -> set[str] | None:
    """The names that an option takes; None where it takes any text."""
    if get_origin(kind) is Literal:
        return set(map(str, get_args(kind)))
    if not more.get("choices"):
        return None
    return {*more["choices"], *(name for group in ("operator", "schedule", "benchmark") for name in entries(group))}


def _kinds(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) or (kind,)


def _outside(kind: type, more: Mapping[str, Any]) -> SearchStrategy[str]:
    """Numbers out of bounds."""
    least, most = bounds(more)
    if kind is int:
        return st.one_of(st.integers(min_value=int(most) + 1), st.integers(max_value=int(least) - 1)).map(str)
    above = st.floats(min_value=math.nextafter(most, math.inf), allow_infinity=False)
    below = st.floats(max_value=math.nextafter(least, -math.inf), allow_infinity=False)
    nothing = st.sampled_from([0.0, -0.0] if more.get("positive") else [math.nextafter(most, math.inf)])
    return st.one_of(above, below, nothing).map(repr)


def _outside_of(more: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a text is no number within these bounds."""
    least, most = bounds(more)

    def says(text: str) -> bool:
        try:
            return not least <= float(text) <= most  # also where it is not finite
        except ValueError:
            return True

    return says


def _no_int(text: str) -> bool:
    try:
        return int(text) is None
    except ValueError:
        return True


TABLES = ["{}", "{a = 1}", '{"" = 1}', "{a = {a = {a = 1}}}", "[{}]"]
LISTS = ["[]", "[1]", '["a"]', "[[[[]]]]"]
DATES = ["2020-01-01", "12:30:00", "2020-01-01T12:30:00Z"]
BIG = [str(10**30), str(-(10**30)), "9" * 4000]


def spoilt_toml(kind: Any, more: Mapping[str, Any]) -> SearchStrategy[str]:
    """TOML values that no setting of this type and these metadata takes."""
    kinds = _kinds(kind)
    if dict in kinds or "dict" in str(kind):
        return st.sampled_from(
            [*LISTS, *DATES, '"x"', "5", "true", '{"" = 1}', "{no-thing = 1}", "{nothing = {a = 1}}"]
        )
    common = [*TABLES, *LISTS, *DATES]
    if bool in kinds:
        return st.sampled_from([*common, *BIG, '"on"', "1", "0", "0.0", "nan"])
    if float in kinds or int in kinds:
        some = [
            *common,
            *BIG,
            "nan",
            "inf",
            "-inf",
            '"one"',
            '""',
            "true",
            "false",
            *(["1.5", "1.0"] * (float not in kinds)),
        ]
        numbers = float if float in kinds else int
        fitting = [text for text in some if numbers is int or _outside_of(more)(text)]
        return st.one_of(st.sampled_from(fitting), _outside(numbers, more))
    texts = _texts(kind, more).filter(str.isascii).map(json.dumps).filter(lambda text: "\\u007f" not in text)
    return st.one_of(st.sampled_from([*common, *BIG, "5", "1.5", "true", "nan"]), texts)
