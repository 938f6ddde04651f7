"""For the few queries that every answer takes: PostgreSQL plans them once for each connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """A cursor of Django's connection whose statements are prepared: planning takes longer than running them.

    Behind a pooler that gives a connection to somebody else after each transaction (for which Django has
    DISABLE_SERVER_SIDE_CURSORS) it is an ordinary one.
    """
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    raw: Any = connection.connection
    raw.prepare_threshold = 0  # at once; Django's own cursors put values into the text and prepare nothing
    with connection._prepare_cursor(psycopg.Cursor(raw)) as cursor:  # type: ignore[attr-defined]
        yield cursor
