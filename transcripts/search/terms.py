"""The search language: what a line in the search box asks for.

    blackmail kyle            both words, in any form
    "quiet plan"              the words in this order
    leverag*                  words that begin so
    plan or threat            either
    -refused -"quiet plan"    not this
    reasoning:leverage        only there: reasoning, sent, inbox, system, judge
    /EXEC-[0-9]{4}/i          a regular expression; with i in any case

Without a scope, the transcript's own text is meant: everything after the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Which of a transcript's texts a term is looked for in."""

    OWN = "own"
    REASONING = "reasoning"
    SENT = "sent"
    INBOX = "inbox"
    SYSTEM = "system"
    JUDGE = "judge"


# Where a word stands is its weight in the search vectors: of a transcript, and of a prompt.
WEIGHTS = {Scope.OWN: "", Scope.REASONING: "A", Scope.SENT: "B", Scope.JUDGE: ""}
PROMPT_WEIGHTS = {Scope.SYSTEM: "A", Scope.INBOX: "B"}

_SCOPES = "|".join(scope for scope in Scope if scope is not Scope.OWN)
_TERM = re.compile(
    rf"(?P<minus>-)?(?:(?P<scope>{_SCOPES}):)?"
    r'(?:"(?P<phrase>[^"]*)(?:"|\Z)|/(?P<regex>(?:[^/\\]|\\.)+)/(?P<flags>i?)(?=\s|\Z)|(?P<word>[^\s"]+))',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a phrase or a regular expression, and where it must or must not stand."""

    text: str
    scope: Scope = Scope.OWN
    excluded: bool = False
    prefix: bool = False
    regex: bool = False
    any_case: bool = True

    @property
    def tsquery(self) -> str:
        """The words as PostgreSQL's `to_tsquery` reads them; a phrase is kept in order by it."""
        quoted = self.text.replace("\\", "\\\\").replace("'", "''")
        weights = {**WEIGHTS, **PROMPT_WEIGHTS}[self.scope]
        flags = f"{'*' * self.prefix}{weights}"
        return f"{'!' * self.excluded}'{quoted}'{':' * bool(flags)}{flags}"


Group = tuple[Term, ...]


@dataclass(frozen=True)
class Search:
    """What a line asks for: of every group at least one term holds."""

    groups: tuple[Group, ...] = ()

    @property
    def words(self) -> list[Group]:
        """The groups that an index answers."""
        return [group for group in self.groups if not any(term.regex for term in group)]

    @property
    def regexes(self) -> list[Term]:
        """The regular expressions, each of which must (or must not) be found. They are not part of an `or`."""
        return [term for group in self.groups for term in group if term.regex]

    def wanted(self) -> Iterator[Term]:
        """What can be marked where it is found: the terms that are not excluded."""
        return (term for group in self.groups for term in group if not term.excluded)


def parse(line: str) -> Search:
    """What the line asks for. Every line means something; what is left open is closed at its end."""
    groups: list[list[Term]] = []
    either = False
    for match in _TERM.finditer(line.replace("\0", " ")):
        if match[0].lower() in ("or", "|") and groups:
            either = True
            continue
        term = _term(match)
        if not term.text.strip():
            continue
        if either and groups and not term.regex and not groups[-1][0].regex:
            groups[-1].append(term)
        else:
            groups.append([term])
        either = False
    return Search(tuple(map(tuple, groups)))


def tsquery(groups: Iterable[Group]) -> str:
    """All groups as one query for PostgreSQL's `to_tsquery`."""
    return " & ".join(f"({' | '.join(term.tsquery for term in group)})" for group in groups)


def _term(match: re.Match[str]) -> Term:
    scope = Scope(match["scope"].lower()) if match["scope"] else Scope.OWN
    excluded = match["minus"] is not None
    if match["regex"]:
        return Term(match["regex"], scope, excluded, regex=True, any_case=bool(match["flags"]))
    word = match["word"]
    if word is None:
        return Term(match["phrase"], scope, excluded)
    prefix = len(word) > 1 and word.endswith("*")
    return Term(word.rstrip("*") if prefix else word, scope, excluded, prefix)
