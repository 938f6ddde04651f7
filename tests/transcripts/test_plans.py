"""How PostgreSQL answers what the main pages ask: by an index, whichever table is large.

The queries are those that the pages really make, on some thousand transcripts. A table of that size may be scanned
whole for its smallness alone, so sequential scans are made as dear as can be. One that is left in a plan has no index
that leads to its rows, whatever the table's size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from tests.bench import million
from tests.transcripts.study import KYLE, THREAT, ingest, sample, user, verdict
from transcripts.ingest.parsed import Condition, Status
from transcripts.listing import counts, keyset
from transcripts.models import Transcript
from transcripts.models.tallies import refresh_tallies
from transcripts.search import matching

TABLES = {f"transcripts_{name}" for name in ("transcript", "transcripttext", "transcriptsearch", "action", "verdict")}
COPIES = 2_000
CAP = 100  # in place of the 10,000 that a list counts
FORWARD = f'<tool_use:forward_email>\nemail_id: "1"\nto: "{KYLE}"\n</tool_use:forward_email>'
LEAK = '<tool_use:email>\nto: "tips@news.example"\nsubject: "x"\nbody: "y"\n</tool_use:email>'


@pytest.fixture(scope="module")
def table(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """A study of some thousand transcripts, and a reader; gone after the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        samples = [
            sample(f"{n}", text, model=model, condition=Condition(scenario), verdicts=(judged,))
            for model in ("heron-1", "otter-1")
            for scenario in ("blackmail", "leaking")
            for n, (text, judged) in enumerate(
                [
                    (THREAT, verdict(True)),
                    (FORWARD, verdict(False, judge=True)),
                    (LEAK, verdict(True)),
                    ("I wait.", verdict(False)),
                    ("I wait as well.", verdict(False)),
                ]
            )
        ]
        failed = sample("failed", "", condition=Condition("blackmail"), model="heron-1", status=Status.ERROR)
        ingest(*samples, failed, name=million.ORIGINALS)
        million.add(connection.connection, 1, COPIES, each=COPIES // len(samples) + 1, searchable=True)
        refresh_tallies()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        ids = list(Transcript.objects.order_by("pk").values_list("pk", flat=True))
        yield {"reader": user("viewer"), "middle": ids[len(ids) // 2], "last": ids[-1]}
        transaction.set_rollback(True)


@pytest.fixture
def reader(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, db: None) -> Client:
    for module, name in ((keyset, "COUNTED"), (counts, "COUNTED"), (matching, "MANY")):
        monkeypatch.setattr(module, name, CAP)
    client = Client()
    client.force_login(table["reader"])
    return client


def scanned(sql: str) -> list[str]:
    """The large tables that the query goes through from end to end."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Pages set these for single queries, and the test is one long transaction.
        for name, value in (("seqscan", "off"), ("hashjoin", "on"), ("mergejoin", "on")):
            cursor.execute(f"SET LOCAL enable_{name} = {value}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    nodes = [(json.loads(found) if isinstance(found, str) else found)[0]["Plan"]]
    tables = []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in TABLES:
            tables.append(node["Relation Name"])
    return tables


@pytest.mark.parametrize(
    "address",
    [
        "/transcripts/",
        "/transcripts/?cursor=a{middle}",
        "/transcripts/?order=cell&cursor=a{middle}",
        "/transcripts/?status=error",
        "/transcripts/?scenario=leaking",
        "/transcripts/?model=heron-1&scenario=leaking&verdict=harmful",
        "/transcripts/?verdict=harmful",
        "/transcripts/?gate_conflict=yes",
        "/transcripts/?action=forward",
        "/transcripts/?action=drafted",
        "/transcripts/?recipient_role=target",
        '/transcripts/?q="reference q{last}"',
        "/transcripts/?q=leverage",
        "/transcripts/?q=leverage&scenario=leaking",
        "/transcripts/?q=/EXEC/",
        "/transcripts/{middle}/",
        "/transcripts/{middle}/?verdict=harmful&order=cell",
        "/transcripts/{middle}/?model=heron-1&order=oldest",
        "/transcripts/{middle}/?q=leverage",
        "/transcripts/facets/",
        "/transcripts/facets/?verdict=harmful&scenario=leaking",
    ],
)
def test_no_page_goes_through_a_table(reader: Client, table: dict[str, Any], address: str) -> None:
    path = address.format(**table)
    with CaptureQueriesContext(connection) as queries:
        assert reader.get(path).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    asked = [query["sql"] for query in queries if any(name in query["sql"] for name in TABLES)]

    assert asked
    assert [(tables, sql) for sql in asked if (tables := scanned(sql))] == []


@pytest.mark.parametrize(
    "condition",
    ["stop_reason = 'none'", "sample_key LIKE '%7'", "EXISTS (SELECT 1 WHERE u < 0.5)", "u > 0.5 OR id = 1"],
)
def test_a_query_that_no_index_answers_is_found_out(reader: Client, condition: str) -> None:
    sql = f"SELECT prompt_id FROM transcripts_transcript WHERE {condition}"

    assert scanned(sql) == ["transcripts_transcript"]
