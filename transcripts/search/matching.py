"""Which transcripts a search finds by index: the words and phrases of a line, as a condition of the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.search import SearchQuery
from django.db import connection, transaction
from django.db.models import Q

from transcripts.listing.lookups import among
from transcripts.models import PromptSearch, TranscriptSearch
from transcripts.search.terms import PROMPT_WEIGHTS, Group, Scope, Search, Term, tsquery
from transcripts.search.vectors import BY_INDEX, CONFIG

# With more hits than this, the newest are found sooner by walking back through the transcripts than by fetching all.
MANY = 10_000
# What one vector holds, and one query can ask for.
OWN = frozenset({Scope.OWN, Scope.REASONING, Scope.SENT})


@dataclass(frozen=True)
class Found:
    """What a search finds: as a condition of a list, and how many transcripts that are.

    `hits` is exact up to MANY and one more beyond; None where several queries are put together. `joined`: the list
    is joined with the vectors, whose hits are too many to name.
    """

    condition: Q
    hits: int | None = None
    joined: bool = False


def find(search: Search) -> Found:
    """Every group of words holds. Groups about the transcript's own text are one query, which the index intersects."""
    own = [group for group in search.words if all(term.scope in OWN for term in group)]
    others = [group for group in search.words if group not in own]
    found = _in("vector", own) if own else Found(Q())
    for group in others:
        found = Found(found.condition & _either(group), joined=found.joined)
    return found


def matches(search: Search) -> Q:
    return find(search).condition


def _either(group: Group) -> Q:
    found = Q()
    for term in group:
        if term.scope in PROMPT_WEIGHTS:
            found |= _prompts(term)
        else:
            found |= _in("judged" if term.scope is Scope.JUDGE else "vector", [(term,)]).condition
    return found


def _in(column: str, groups: Sequence[Group]) -> Found:
    """The transcripts whose vector in that column the groups match.

    The planner cannot know how many they are, and a page of a list asks for few: it would walk the whole table for
    a rare phrase, or fetch every hit of a common word. So the hits are fetched first, as far as they are few.
    """
    query = _query(groups)
    some = TranscriptSearch.objects.filter(**{column: query}).values("pk")[: MANY + 1]
    # Vectors lie outside the row, which the planner does not reckon with: it would read them one by one. (What is
    # only excluded stands in no index.)
    if any(not any(term.excluded for term in group) for group in groups):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BY_INDEX)
            hits = some.aggregate(ids=ArrayAgg("pk"))["ids"] or []
    else:
        hits = some.aggregate(ids=ArrayAgg("pk"))["ids"] or []
    found = Q(**{f"search__{column}": query}) if len(hits) > MANY else among("pk", hits)
    return Found(found, len(hits), joined=len(hits) > MANY)


def _prompts(term: Term) -> Q:
    """Prompts are few: many transcripts were sent the same."""
    shown = Term(term.text, term.scope, prefix=term.prefix)
    prompts = Q(prompt__in=PromptSearch.objects.filter(vector=_query([(shown,)])).values("prompt"))
    return ~prompts if term.excluded else prompts


def _query(groups: Sequence[Group]) -> SearchQuery:
    return SearchQuery(tsquery(groups), config=CONFIG, search_type="raw")
