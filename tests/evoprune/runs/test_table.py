"""Tables as text, worked out by hand."""

from evoprune.runs.terminal import text_table

ROWS = [("a long name", "1.5", ""), ("short", "12.25", "yes")]


def test_the_first_column_to_the_left_and_the_others_to_the_right():
    assert text_table(("", "value", "ok"), ROWS) == (
        "             value   ok\na long name    1.5\nshort        12.25  yes"
    )


def test_heads_alone():
    assert text_table(("one", "two"), []) == "one  two"
