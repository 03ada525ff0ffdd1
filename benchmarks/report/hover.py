"""Words on the artists of a figure: an SVG whose elements say what they are where a pointer rests on them, no script.

An SVG that a page loads as an image shows none: a page has to hold its elements.
"""

import re
from collections.abc import Mapping

from markupsafe import escape

ID = re.compile(r'<g id="([^"]*)">')
METADATA = re.compile("<metadata>.*?</metadata>", re.DOTALL)


def titled(svg: bytes, titles: Mapping[str, str]) -> bytes:
    """An SVG of matplotlib's with a ``<title>`` in each group that has one of these ids.

    :param titles: words by the id (``artist.set_gid``).
    :raises ValueError: for an id that the SVG has not.
    """
    left = set(titles)

    def with_title(found: re.Match[str]) -> str:
        name = found[1]
        if name not in titles:
            return found[0]
        left.discard(name)
        return f'<g id="{name}" class="titled"><title>{escape(titles[name])}</title>'

    made = ID.sub(with_title, svg.decode()) if titles else svg.decode()
    if left:
        raise ValueError(f"the figure has no artist with the id {min(left)!r}")
    return made.encode()


def within_page(svg: bytes, name: str, words: str) -> str:
    """An SVG as an element of a page, where several stand.

    :param name: of the figure, which its ids begin with from now on: those of a page must differ.
    :param words: what the figure is, for those who do not see it.
    """
    text = svg.decode()
    text = METADATA.sub("", text[text.index("<svg") :])
    for before in (' id="', 'href="#', "url(#"):
        text = text.replace(before, f"{before}{name}-")
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1)
