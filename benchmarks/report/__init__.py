"""The report of a study: from run directories to tables, tests, figures, and one page.

``load`` finds and reads runs, ``build`` makes sections of them, ``save`` writes the sections as Markdown, HTML, PNG,
SVG and CSV. What belongs here: comparing many runs. What does not: pictures of a single run (``plots``), figures
that need the networks themselves (``analysis``), and the paper (``paper``): their sections are handed in.
"""

from evoprune.benchmarks.report.build import build
from evoprune.benchmarks.report.load import load
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.save import save
from evoprune.benchmarks.report.section import Marks, Picture, Section, Table

__all__ = ["Marks", "Picture", "Results", "Section", "Table", "build", "load", "save"]
