"""A lookup for many ids: one array instead of a parameter for each, of which Django takes every one in its hands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Field, ForeignObject, Lookup, Q


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        column, params = self.process_lhs(compiler, connection)
        # As PostgreSQL writes an array: ten thousand numbers are no work then.
        return f"{column} = ANY(%s::bigint[])", (*params, f"{{{','.join(map(str, self.rhs))}}}")


def among(field: str, ids: Collection[int]) -> Q:
    """The rows whose `field` is one of the ids."""
    return Q(**{f"{field}__among": list(ids)})
