"""A lookup for many ids: one array instead of a parameter for each, of which Django takes every one in its hands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Field, ForeignObject, Lookup, Q


@dataclass(frozen=True)
class Array:
    """Ids as PostgreSQL writes them. Not a list, which Django would go through several times a query."""

    text: str


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*params, self.rhs.text)


def among(field: str, ids: Collection[int]) -> Q:
    """The rows whose `field` is one of the ids."""
    return Q(**{f"{field}__among": Array(f"{{{','.join(map(str, ids))}}}")})
