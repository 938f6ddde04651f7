"""Pages of a list by key: as fast at the end as at the start, both ways, in any of the orders that an index gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Model, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL

from transcripts.listing.lookups import among
from transcripts.models import Cell

# What a cursor looks like: after ("a") or before ("b") the row with this id, in the order of the list.
CURSOR = r"^[ab][0-9]{1,18}$"
# Beyond this many rows a count says "10,000+": it would cost more than the list.
COUNTED = 10_000

# With more cells than this, their rows are anywhere; so many are asked first.
MOST_CELLS = 400
FIRST_CELLS = 4

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Order:
    """An order of rows that an index gives: by id, or by a column that groups them and then by id.

    `twin` is a table with the same ids that the rows are joined with. The planner does not know that a bound on one
    is a bound on the other, and would read the twin from its beginning.
    """

    words: str
    descending: bool = False
    group: str = ""
    twin: str = ""

    def rows(self, rows: QuerySet[Row], *, back: bool = False) -> QuerySet[Row]:
        sign = "-" if self.descending != back else ""
        return rows.order_by(*(f"{sign}{column}" for column in (self.group, "pk") if column))

    def beyond(self, rows: QuerySet[Row], pk: int, *, back: bool) -> QuerySet[Row]:
        """Those after the row with this id, or before it; all of them where a grouping has lost that row."""
        than = "lt" if self.descending != back else "gt"
        if not self.group:
            return rows.filter(**{f"{table}pk__{than}": pk for table in ("", self.twin and f"{self.twin}__")})
        here = rows.model._default_manager.filter(pk=pk).values_list(self.group, flat=True).first()
        if here is None:
            return rows
        # Compared as a pair, which is where the index begins; two conditions would pass the whole group first.
        known = rows.model._meta
        pair = f'("{known.db_table}"."{self.group}", "{known.db_table}"."{known.pk.column}")'
        sign = "<" if than == "lt" else ">"
        return rows.filter(RawSQL(f"{pair} {sign} (%s, %s)", [here, pk], output_field=BooleanField()))


NEWEST = Order("newest first", descending=True)
ORDERS = {
    "newest": NEWEST,
    "oldest": Order("oldest first"),
    "cell": Order("by model and condition", group="cell_id"),
}


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in order, and the cursors of the pages beside them ("" where there is none)."""

    rows: list[Row]
    previous_cursor: str
    next_cursor: str


def page(
    rows: QuerySet[Row], cursor: str, size: int, order: Order = NEWEST, *, cells: Sequence[int] | None = None
) -> Page[Row]:
    """A page of a list. `cells`: only rows of these, where the rows are transcripts."""
    pk = int(cursor[1:] or 0)
    back = cursor.startswith("b")
    found = list(_walk(rows, pk if cursor else None, size + 1, order, back, cells))
    more = len(found) > size
    found = found[:size]
    if not found:
        # What was there is gone: the way back leads to what is left on the other side.
        return Page([], "" if back or not cursor else f"b{pk}", f"a{pk}" if back else "")
    if back:
        found.reverse()
    before, after = (more, True) if back else (bool(cursor), more)
    return Page(found, f"b{found[0].pk}" if before else "", f"a{found[-1].pk}" if after else "")


def neighbours(
    rows: QuerySet[Row], pk: int, order: Order = NEWEST, *, cells: Sequence[int] | None = None
) -> tuple[int | None, int | None]:
    """The ids before and after a row in a list, which need not hold that row itself (any more)."""
    before, after = (_walk(rows, pk, 1, order, back, cells).values_list("pk", flat=True) for back in (True, False))
    return next(iter(before), None), next(iter(after), None)


def _walk(
    rows: QuerySet[Row], pk: int | None, size: int, order: Order, back: bool, cells: Sequence[int] | None
) -> QuerySet[Row]:
    """The first rows beyond that id, or of all; nearest first."""
    if cells is not None and (order.group or len(cells) > MOST_CELLS):
        rows, cells = rows.filter(among("cell", cells)), None
    if cells is not None:
        rows = rows.filter(among("pk", _nearest(rows, pk, size, order, back, cells)))
    elif pk is not None:
        rows = order.beyond(rows, pk, back=back)
    return order.rows(rows, back=back)[:size]


def _nearest(
    rows: QuerySet[Row], pk: int | None, size: int, order: Order, back: bool, cells: Sequence[int]
) -> list[int]:
    """The ids that come first, of each cell's own first ones.

    An ingest writes cell by cell: a walk by id alone may pass a million rows of other cells. For the same reason the
    first few cells mostly hold the page; the others are asked only if their first row comes before its last.
    """
    descending = order.descending != back
    everything = rows.model._default_manager.all()
    beyond, first = ((order.beyond(some, pk, back=back) if pk is not None else some) for some in (rows, everything))
    edge = order.rows(first.filter(cell=OuterRef("pk")), back=back).values("pk")[:1]
    edges = Cell.objects.filter(among("pk", cells)).values_list(Subquery(edge), "pk")
    left = sorted((pair for pair in edges if pair[0] is not None), reverse=descending)
    of_cell = order.rows(beyond.filter(cell=OuterRef("pk")), back=back).values("pk")[:size]
    found: list[int] = []
    some = FIRST_CELLS
    while left:
        asked, left = left[:some], left[some:]
        these = Cell.objects.filter(among("pk", [cell for _, cell in asked]))
        ids = chain(found, *these.values_list(ArraySubquery(of_cell), flat=True))
        found = sorted(ids, reverse=descending)[:size]
        if len(found) == size and left and (found[-1] > left[0][0]) == descending:
            break
        some *= 4
    return found


def counted(rows: QuerySet[Row]) -> int:
    """How many, or one more than is counted."""
    return rows.order_by()[: COUNTED + 1].count()


def in_words(count: int) -> str:
    return f"{COUNTED:,}+" if count > COUNTED else f"{count:,}"
