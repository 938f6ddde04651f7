from typing import Any

import orjson
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from transcripts.ingest.database import copytext
from transcripts.ingest.database.copying import copy

pytestmark = pytest.mark.django_db

texts = st.text(max_size=10) | st.text('\0\t\n\r\\"{},N', max_size=10)


def stored(columns: dict[str, str], line: bytes) -> tuple[Any, ...]:
    """The values that PostgreSQL makes of one line."""
    with connection.cursor() as cursor:
        kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        cursor.execute(f"DROP TABLE IF EXISTS tried; CREATE TEMP TABLE tried ({kinds})")
        copy(cursor.cursor, "tried", ", ".join(columns), [line + b"\n"])
        cursor.execute("SELECT * FROM tried")
        found: tuple[Any, ...] = cursor.fetchone()
        return found


@given(texts, st.lists(texts, max_size=4), st.binary(max_size=40))
def test_texts_arrays_and_bytes_come_back_as_they_were(text: str, array: list[str], data: bytes) -> None:
    line = "\t".join([copytext.text(text), copytext.array(array), copytext.binary(data)]).encode()
    found = stored({"one": "text", "many": "text[]", "data": "bytea"}, line)
    assert found == (copytext.clean(text), [copytext.clean(value) for value in array], data)


@given(
    st.recursive(
        texts.filter(lambda text: "\0" not in text),
        lambda inner: st.lists(inner) | st.dictionaries(st.text('ab\\"', max_size=3), inner),
    )
)
def test_json_comes_back_as_it_was(value: Any) -> None:
    (found,) = stored({"document": "jsonb"}, copytext.json(orjson.dumps(value)))
    assert orjson.loads(found) == value


def test_what_is_missing_stays_missing() -> None:
    line = "\t".join([copytext.given(None), copytext.given(0.1), copytext.BOOLEAN[None], copytext.BOOLEAN[False]])
    columns = {"score": "float8", "other": "float8", "final": "bool", "judge": "bool"}
    assert stored(columns, line.encode()) == (None, 0.1, None, False)
