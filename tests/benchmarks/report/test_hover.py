"""Words on the artists of a figure, in the SVG and in a page of several."""

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report import Picture, Section, Table, save
from evoprune.benchmarks.report.hover import titled, within_page
from evoprune.benchmarks.report.save import draw
from evoprune.benchmarks.report.section import Part
from tests.benchmarks.report.test_save import Page

SVG = "{http://www.w3.org/2000/svg}"


def figure(*names: str):
    made = style.new_figure(2)
    axes = made.subplots()
    for i, name in enumerate(names):
        axes.plot(i, i, "o", gid=name)
    return made


def test_an_artist_gets_its_words():
    svg = titled(draw(figure("a", "b", "c"), "svg"), {"a": "one & <two>", "c": 'say "three"'})
    found = {group.get("id"): group for group in ElementTree.fromstring(svg).iter(f"{SVG}g")}
    assert [child.text for child in found["a"].iter(f"{SVG}title")] == ["one & <two>"]
    assert [child.text for child in found["c"].iter(f"{SVG}title")] == ['say "three"']
    assert found["a"][0].tag == f"{SVG}title"  # browsers show the first child's
    assert not list(found["b"].iter(f"{SVG}title"))


def test_without_words_nothing_changes():
    svg = draw(figure("a"), "svg")
    assert titled(svg, {}) == svg


def test_an_id_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="the figure has no artist with the id 'b'"):
        titled(draw(figure("a"), "svg"), {"a": "x", "b": "y"})


def test_in_a_page_ids_differ_and_lead_to_what_they_did():
    svg = titled(draw(figure("a"), "svg"), {"a": "words"})
    both = [within_page(svg, name, "alt <text>") for name in ("one", "two")]
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in both]
    assert not ids[0] & ids[1]
    for text, known in zip(both, ids, strict=True):
        assert {*re.findall(r'href="#([^"]+)"', text), *re.findall(r"url\(#([^)]+)\)", text)} <= known
        assert text.startswith("<svg ")
        assert 'aria-label="alt &lt;text&gt;"' in text
        assert "<metadata" not in text


def test_a_page_holds_the_drawing_and_other_figures_as_images(tmp_path):
    parts: list[Part] = [
        Picture("plain", figure("a"), "plain"),
        Picture("spoken", figure("a"), "`spoken`", {"a": "words on a"}),
        Table("t", pd.DataFrame({"a": [1]}), "table"),
    ]
    save([Section("S", parts)], tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text()
    found = Page(text)
    assert found.open == []
    assert [image["alt"] for image in found.all("img")] == ["plain"]
    assert [drawing["aria-label"] for drawing in found.all("svg")] == ["spoken"]
    assert "<title>words on a</title>" in text
    assert "<title>words on a</title>" in (tmp_path / "report" / "spoken.svg").read_text()
    assert not found.all("script")
