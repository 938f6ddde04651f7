"""A codebook's guideline, for the page: paragraphs and lists with emphasis, out of its Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

_EMPHASIS = re.compile(r"\*\*(?P<strong>[^*\n]+)\*\*|\*(?P<em>[^*\n]+)\*")


@dataclass(frozen=True)
class Words:
    text: str
    style: str = ""  # strong, em, or plain


@dataclass(frozen=True)
class Part:
    """A paragraph (one line), or a list."""

    is_list: bool
    lines: list[list[Words]]


def parts(markdown: str) -> list[Part]:
    """Anything that is not understood stays as it was written, as text."""
    found = []
    for block in re.split(r"\n[ \t]*\n", markdown.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        items = [line for line in lines if line.startswith(("- ", "* "))]
        if lines and len(items) == len(lines):
            found.append(Part(True, [_words(line[2:]) for line in lines]))
        elif lines:
            found.append(Part(False, [_words(" ".join(lines))]))
    return found


def _words(line: str) -> list[Words]:
    words = []
    at = 0
    for match in _EMPHASIS.finditer(line):
        words.append(Words(line[at : match.start()]))
        style = "strong" if match["strong"] else "em"
        words.append(Words(match[style], style))
        at = match.end()
    words.append(Words(line[at:]))
    return [part for part in words if part.text]
