"""The files of a report, and the command."""

import argparse
import base64
import json
import re
from html.parser import HTMLParser

import matplotlib
import pandas as pd
import pytest

from evoprune.benchmarks.commands import reproduce
from evoprune.benchmarks.commands.report import add_parser
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report import Picture, Section, Table, build, load, save
from evoprune.benchmarks.report.page import cell, inline, markdown, page
from evoprune.benchmarks.sweeps import make_plan
from tests.benchmarks.report.studies import write_study

SMALL = {"generations": 2, "cells": 2, "benchmark_options": {"n_samples": 10, "n_dim": 12}}
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Counts elements, and sees that every one is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag) -> list[dict]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A study, and two reports of it."""
    place = tmp_path_factory.mktemp("report")
    study = write_study(place / "study", trials=3)
    sections = build(load(study), ["train_l1"])
    save(sections, place / "one")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.hashsalt": "other"}):  # a user's own taste
        save(build(load(study), ["train_l1"]), place / "two")
    return place, sections


def test_the_same_study_gives_the_same_bytes(saved):
    place, _ = saved
    one, two = ({path.name: path.read_bytes() for path in (place / name).iterdir()} for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_every_table_and_figure_is_a_file(saved):
    place, sections = saved
    parts = [part for section in sections for part in section.parts]
    names = {f"{part.name}.csv" for part in parts if isinstance(part, Table)}
    names |= {f"{part.name}.{kind}" for part in parts if isinstance(part, Picture) for kind in ("png", "svg")}
    assert {path.name for path in (place / "one").iterdir()} == names | {"report.md", "report.html", "manifest.json"}
    header = (place / "one" / "box-train_l1.png").read_bytes()[:24]
    assert int.from_bytes(header[16:20]) == style.WIDTH * 150
    table = pd.read_csv(place / "one" / "summary-train_l1.csv")
    assert table["mean"].tolist() == pytest.approx([0.151, 0.101, 0.271])
    assert str(place) not in (place / "one" / "report.md").read_text()


def test_the_page_needs_nothing_else(saved):
    place, sections = saved
    text = (place / "one" / "report.html").read_text()
    found = Page(text)
    assert found.open == []
    assert not found.all("script")
    assert not found.all("link")
    loads = [value for _, attributes in found.found for name, value in attributes.items() if name in ("src", "href")]
    assert all(value.startswith(("data:image/", "#")) for value in loads)
    assert not re.search(r"url\(|@import", text)
    images = [base64.b64decode(image["src"].split(",")[1]) for image in found.all("img")]
    pictures = [part for section in sections for part in section.parts if isinstance(part, Picture)]
    assert images == [(place / "one" / f"{picture.name}.svg").read_bytes() for picture in pictures]
    assert all(image["alt"] for image in found.all("img"))
    assert len(found.all("table")) == sum(isinstance(part, Table) for s in sections for part in s.parts)
    anchors = {attributes["id"] for attributes in found.all("section")}
    assert [link["href"].removeprefix("#") in anchors for link in found.all("a")] == [True] * len(sections)
    assert len(found.all("h2")) == len(sections)
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text


def test_svg_files_carry_no_date(saved):
    place, _ = saved
    text = (place / "one" / "sizes.svg").read_text()
    assert "dc:date" not in text


def test_text_is_escaped():
    frame = pd.DataFrame({"a|b": ["<script>", "x|y"], "n": [1.0, None]})
    section = Section("A & B <i>", ["1 < 2, `code <b>` and **strong**", Table("t", frame, "caption <b>")])
    html = page([section], "<title>", {})
    assert Page(html).open == []
    assert not Page(html).all("script")
    assert 'href="#a-b-i"' in html
    assert inline("`a*b` **c** <d>") == "<code>a*b</code> <strong>c</strong> &lt;d&gt;"
    text = markdown([section], "T")
    assert "| a\\|b | n |\n| --- | ---: |\n| &lt;script> | 1 |\n| x\\|y |  |" in text


def test_the_template_lets_nothing_through():
    """Names of variants and messages of errors come from outside."""
    evil = '"><script>alert(1)</script>{{ 7 * 7 }}{% if 1 %}'
    frame = pd.DataFrame({evil: [evil] * 30, "n": range(30)})
    sections = [
        Section(
            evil, [evil, Table("t", frame, evil), Table("u", frame[:1], evil), Picture("p", style.new_figure(1), evil)]
        )
    ]
    html = page(sections, evil, {"p": ("image/png", b"1")})
    found = Page(html)
    assert found.open == []
    assert not found.all("script")
    assert "49" not in html.split("</style>")[1]
    assert found.all("img") == [{"src": "data:image/png;base64,MQ==", "alt": evil.replace("*", "")}]
    assert set(dict(found.found)["section"]) == {"id"}
    assert [cell.get("class") for cell in found.all("td")[:2]] == [None, "number"]
    with pytest.raises(KeyError):
        page(sections, "T", {})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<img src=x\nonerror=y>", "&lt;img src=x onerror=y>"),
        ("<!-- gone", "&lt;!-- gone"),
        ("<javascript:alert(1)>", "&lt;javascript:alert(1)>"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("![x](y)", "!\\[x\\](y)"),
        ("a\\[x](y)", "a\\\\\\[x\\](y)"),
        ("&lt;b&gt; & c", "&amp;lt;b&amp;gt; & c"),
        ("operator=random,spatial_x 1 < 2, <0.001", "operator=random,spatial_x 1 < 2, <0.001"),
    ],
)
def test_markdown_holds_names_as_text(text, written):
    picture = Picture("p", style.new_figure(1), f"`loss` of {text}")
    part = Table("t", pd.DataFrame({text: [text]}), f"`loss` of {text}")
    blocks = markdown([Section(text, [text, part, picture])], text).removesuffix("\n").split("\n\n")
    assert blocks[:3] == [f"# {written}", f"## {written}", written]
    assert blocks[3] == f"`loss` of {written} ([t.csv](t.csv))"
    assert blocks[4] == f"| {written} |\n| --- |\n| {written} |"
    assert blocks[5].startswith("![loss of ")
    assert "<img" not in blocks[5]
    assert blocks[5].count("](") == 1
    assert blocks[6] == f"*`loss` of {written}*"


@pytest.mark.parametrize("text", ["`<b>`", "`a` <b> `", "``<b>``", "a` <i> `b"])
def test_backticks_hide_no_html(text):
    assert "<" not in markdown([Section("S", [text])], "T")


def test_long_tables_are_folded():
    frame = pd.DataFrame({"n": range(100)})
    section = Section("S", [Table("t", frame, "caption"), Table("u", pd.DataFrame({"n": range(101)}), "longer")])
    text = markdown([section], "T")
    assert "| 99 |" in text
    assert "| 100 |" not in text
    assert "longer (101 rows, [u.csv](u.csv))" in text
    found = Page(page([Section("S", [Table("t", frame, "caption")])], "T", {}))
    assert len(found.all("details")) == 1
    assert len(found.all("tr")) == 101


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.123456, "", "0.1235"),
        (12345.6, "", "12346"),
        (3, "", "3"),
        (float("nan"), "", ""),
        (None, "", ""),
        (True, "", "yes"),
        (0.0001, "p (Holm)", "<0.001"),
        (0.0312, "p", "0.031"),
        (1e-5, "rate", "1e-05"),
    ],
)
def test_cells(value, column, text):
    assert cell(value, column) == text


def test_bad_parts_and_places_are_errors_before_anything_is_written(tmp_path):
    table = Table("same", pd.DataFrame({"a": [1]}), "")
    with pytest.raises(ValueError, match="2 parts of the report are called 'same'"):
        save([Section("A", [table]), Section("B", [table])], tmp_path / "out")
    with pytest.raises(ValueError, match=r"'\.\./up' cannot be the name of a file"):
        save([Section("A", [Table("../up", table.frame, "")])], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    study = write_study(tmp_path / "study", trials=1)
    with pytest.raises(ValueError, match=r"holds no report of evoprune's \(runs, study\.json\)"):
        save([Section("A", [table])], study)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file: cannot be used as a directory"):
        save([Section("A", [table])], tmp_path / "file")


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    quiet = argparse.ArgumentParser(add_help=False)
    quiet.add_argument("--quiet", action="store_true")
    quiet.add_argument("--json", action="store_true")
    add_parser(parser.add_subparsers(), quiet)
    options = parser.parse_args(["report", *map(str, arguments)])
    return int(options.command(options))


def test_the_command_writes_beside_the_study(tmp_path, capsys):
    study = write_study(tmp_path / "study", {"spatial-none": 0.15}, trials=2)
    for log in study.rglob("log.csv"):
        log.unlink()  # curves take time
    (study / "runs" / "spatial-none" / "01" / "summary.json").unlink()
    assert run(study, "--metric", "train_l1") == 0
    out, err = capsys.readouterr()
    assert out == f"The report on 1 runs is {study}/report/report.html\n"
    assert "evoprune: warning: study/runs/spatial-none/01: unfinished: no summary.json\n" in err
    assert "<h1>Report: study</h1>" in (study / "report" / "report.html").read_text()
    assert run(study, "--json", "--metric", "train_l1", "--output", tmp_path / "out") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["runs"] == 1
    assert json.loads(out)["problems"][-1]["trial"] == 1
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert {*json.loads(out)["files"], "manifest.json"} == left
    assert not err


@pytest.mark.slow
def test_reproduce_writes_the_same_report(tmp_path, monkeypatch):
    plan = make_plan(["spatial-none", "spatial-random-exponential"], fixed=SMALL | {"snapshots": 1}, trials=1)
    monkeypatch.setattr(reproduce, "plan_for", lambda *asked: plan)
    given = {"scale": "quick", "only": [], "trials": None, "seed": 0, "shard": "1/1", "directory": tmp_path / "study"}
    given |= {"engine": "serial", "workers": None, "hostfile": None, "external_hostname": None}
    flags = {"quiet": True, "json": False, "dry_run": False, "retry_failed": False}
    assert reproduce.command(argparse.Namespace(**given, **flags)) == 0
    assert run(tmp_path / "study", "--quiet", "--output", tmp_path / "again") == 0
    made, again = tmp_path / "study" / "report", tmp_path / "again"
    assert {path.name for path in made.iterdir()} == {path.name for path in again.iterdir()}
    title, text = (made / "report.md").read_text().split("\n", 1)
    assert title == "# Report"
    assert (again / "report.md").read_text() == f"# Report: study\n{text}"
    assert "## The paper's values beside ours" in text
    assert text.rindex("## The networks") > text.rindex("## Over data sets")


def test_the_command_refuses_before_it_reads(tmp_path):
    with pytest.raises(ValueError, match="2 paths were given: say with --output"):
        run(tmp_path / "a", tmp_path / "b")
    study = write_study(tmp_path / "study", trials=1)
    with pytest.raises(ValueError, match="unknown metric 'speed'"):
        run(study, "--metric", "speed")
    assert not (study / "report").exists()
