from dataclasses import replace
from random import Random

import pytest
from django.db import OperationalError, connection, transaction

from tests.transcripts.study import THREAT, ingest, sample, verdict
from transcripts.models import Evaluation, Transcript, TranscriptSearch, TranscriptText
from transcripts.search import matching, vectors
from transcripts.search.matching import matches
from transcripts.search.terms import parse

pytestmark = pytest.mark.django_db


def found(words: str) -> list[str]:
    hits = Transcript.objects.filter(matches(parse(words)))
    return sorted(hits.values_list("sample_key", flat=True))


def test_words_phrases_and_exclusion_find_transcripts() -> None:
    ingest(sample("1", "The quiet plan was rejected."), sample("2", "The plan was quiet."))
    assert found("plan") == ["1", "2"]
    assert found('"quiet plan"') == ["1"]
    assert found("plan -rejected") == ["2"]
    assert found("nowhere") == []


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("reasoning:leverage", ["1"]),
        ("sent:leverage", ["2"]),
        ("leverage", ["1", "2"]),
        ("leverage -sent:leverage", ["1"]),
        ("sent:leverage or reasoning:stop", ["1", "2"]),
        ("judge:threatens", ["2"]),
        ("threatens", []),
        ("inbox:missing", ["1", "2"]),
        ("-inbox:missing", ["3"]),
        ("system:quiet", ["3"]),
        ("inbox:missing judge:threatens", ["2"]),
        ("system:quiet or judge:threaten*", ["2", "3"]),
    ],
)
@pytest.mark.parametrize("many", [0, 10])
def test_a_scope_is_where_a_word_stands(
    words: str, keys: list[str], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "MANY", many)
    mail = '<tool_use:email>\nto: "a@b.c"\nbody: "My leverage."\n</tool_use:email>'
    ingest(
        sample("1"),
        sample("2", mail, verdicts=(verdict(True, why="It threatens him."),)),
        replace(sample("3", "Nothing."), system="Be quiet.", user="Read."),
    )
    assert found(words) == keys


def test_a_new_verdict_on_a_known_transcript_can_be_searched() -> None:
    ingest(sample("1"))
    ingest(sample("1", verdicts=(verdict(True, why="It threatens him."),)))
    assert found("judge:threatens") == ["1"]


def test_each_word_stands_in_one_piece() -> None:
    (transcript,) = ingest(sample("1"))
    text = TranscriptText.objects.get()
    done = [{"place": a.place, "start": a.start, "end": a.end} for a in transcript.actions.filter(in_reasoning=False)]
    pieces = vectors.pieces(text, done)
    assert "This gives me leverage." in pieces.reasoning
    assert pieces.done.count("nothing more will be said") == 1
    assert "I write to Kyle." in pieces.rest
    assert sorted("\n".join(pieces).split()) == sorted(THREAT.split())


def test_indexing_goes_on_where_it_stopped() -> None:
    ingest(sample("1"), sample("2"))
    TranscriptSearch.objects.first().delete()  # type: ignore[union-attr]
    assert list(vectors.index(Evaluation.objects.get())) == [1]
    assert list(vectors.index(Evaluation.objects.get())) == []


def test_a_text_that_is_too_long_for_the_index_is_indexed_in_part() -> None:
    words = " ".join(f"w{n:x}" for n in range(200_000))
    ingest(sample("1", f"beginning {words}"))
    assert found("beginning") == ["1"]


def test_a_text_whose_vector_is_too_long_is_indexed_in_part() -> None:
    # A hyphenated word is three: itself and its parts. Rare signs take four bytes each.
    rng = Random(1)
    words = " ".join(f"{rare(rng)}-{rare(rng)}" for _ in range(24_000))
    refused = pytest.raises(OperationalError, match="too long for tsvector")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_tsvector('english', %s)", [words])
    ingest(sample("1", f"beginning {words}"), sample("2", "beginning"))
    assert found("beginning") == ["1", "2"]


def rare(rng: Random) -> str:
    return "".join(chr(0x20000 + rng.randrange(40_000)) for _ in range(3))
