"""Tiny versions of the benches that need a database, on databases of their own (`python -m tests.bench` runs them)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import pytest

from tests.bench import beside, exporting, ingesting, kills, pages, rates
from tests.bench.contents import contents, differences
from tests.bench.databases import PREFIX, Database, empty, scratch
from tests.bench.ingesting import ingest
from tests.bench.measurement import Bench, Home, Options
from tests.bench.million import filled
from tests.bench.results_tree import CASES, CAST, results_tree, write_tree

TRANSCRIPTS = 96
TABLE = 288
# Enough that a page is asked for several times while they are read.
LONG = 1_200


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = Home(os.environ["DATABASE_URL"], tmp_path_factory.mktemp("bench"))
    yield found
    for name in ("empty", f"table_{TABLE}"):
        Database(found, name).drop()


@pytest.fixture(scope="module")
def table(home: Home) -> Database:
    return filled(home, TABLE)


def tiny(home: Home) -> Options:
    return Options(transcripts=TRANSCRIPTS, table=TABLE, requests=3, kills=2, home=home)


def rows(database: Database, query: LiteralString) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query).fetchall()


def test_a_results_tree_is_the_same_every_time(tmp_path: Path) -> None:
    def written(name: str) -> dict[str, str]:
        write_tree(tmp_path / name, TRANSCRIPTS, seed=1)
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        return {str(p.relative_to(tmp_path / name)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    first, again = written("a"), written("b")

    assert first == again
    assert (len(CAST), len(CASES)) == (16, 18)
    assert sum(name.endswith("/response.json") for name in first) == TRANSCRIPTS


def test_the_table_holds_as_many_transcripts_as_asked_for_and_no_two_are_the_same(table: Database) -> None:
    counts = "count(*), count(DISTINCT content_sha256), count(DISTINCT u), count(DISTINCT source_id)"
    distinct_texts = "SELECT count(*), count(DISTINCT messages) FROM transcripts_transcripttext WHERE messages <> '[]'"

    assert rows(table, f"SELECT {counts} FROM transcripts_transcript") == [(TABLE,) * 4]
    [(texts, distinct)] = rows(table, distinct_texts)
    assert texts == distinct
    assert rows(table, "SELECT sum(n) FROM transcripts_status_tally") == [(TABLE,)]
    assert rows(table, "SELECT count(*) FROM transcripts_transcriptsearch") == [(TABLE,)]


def test_each_copy_can_be_found_by_its_own_word(table: Database) -> None:
    asked = (
        "SELECT v.transcript_id = x.last FROM transcripts_transcriptsearch v, "
        "(SELECT max(transcript_id) AS last FROM transcripts_transcripttext WHERE messages <> '[]') x "
        "WHERE v.vector @@ phraseto_tsquery('english', 'reference q' || x.last)"
    )

    assert rows(table, asked) == [(True,)]


def test_a_change_of_a_single_row_is_a_difference(home: Home) -> None:
    path, _ = results_tree(home.folder, TRANSCRIPTS)
    with scratch(home, "contents", empty(home)) as database, database.connect() as connection:
        ingest(database, path)
        before = contents(connection)
        connection.execute(
            "UPDATE transcripts_action SET ordinal = 77 WHERE id = (SELECT max(id) FROM transcripts_action)"
        )

        assert differences(before, before) == []
        assert [line.partition(":")[0] for line in differences(before, contents(connection))] == ["actions"]
        assert before["transcripts"][0] == TRANSCRIPTS


@pytest.mark.parametrize(
    "bench",
    [ingesting.BENCH, pages.BENCH, rates.BENCH, beside.BENCH, kills.BENCH, exporting.BENCH],
    ids=lambda b: b.name,
)
def test_every_measure_is_taken(home: Home, table: Database, bench: Bench) -> None:
    options = tiny(home)
    if bench is beside.BENCH:
        options = replace(options, transcripts=LONG)
    taken = {measurement.measure: measurement.value for measurement in bench.run(options)}

    assert sorted(taken) == sorted(bench.measures)
    none_is_good = {"kill_differences", "kill_survivors"}
    assert {name for name, value in taken.items() if not value > 0} == none_is_good & set(taken)


def test_no_database_of_the_bench_can_be_the_users(home: Home) -> None:
    assert Database(home, "any").url.rpartition("/")[2] == f"{PREFIX}any"
