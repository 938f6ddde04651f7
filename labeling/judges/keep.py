"""Writes what judges say as verdicts. A changed answer ends the old one and is added; one that is the same stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from django.db import connection
from django.utils import timezone

from labeling.judges.material import Judged
from transcripts.models import ClassifierVersion

STAGING = """
CREATE TEMP TABLE IF NOT EXISTS staged_judged (
    transcript_id bigint, outcome text COLLATE "C", final bool, judge bool, gates jsonb, score float8,
    explanation text, error text, raw jsonb
);
TRUNCATE staged_judged;
"""
STAGE = """
INSERT INTO staged_judged
SELECT s.transcript_id, s.outcome, s.final, s.judge, s.gates, s.score, s.explanation, s.error, s.raw
FROM jsonb_to_recordset(%s::jsonb) AS s(
    transcript_id bigint, outcome text, final bool, judge bool, gates jsonb, score float8,
    explanation text, error text, raw jsonb
) WHERE EXISTS (SELECT FROM transcripts_transcript t WHERE t.id = s.transcript_id)
"""
ANSWER = "{0}.final, {0}.judge, {0}.gates, {0}.score, {0}.explanation, {0}.error, {0}.raw"
CURRENT = """
v.transcript_id = ANY(%s) AND v.version_id = %s AND v.superseded_at IS NULL
AND (v.transcript_id, v.outcome) = (s.transcript_id, s.outcome)
"""
# An endpoint that failed today says nothing against yesterday's answer about the same text.
DROP_KNOWN = f"""
DELETE FROM staged_judged s USING transcripts_verdict v
WHERE {CURRENT} AND (
    ({ANSWER.format("v")}) IS NOT DISTINCT FROM ({ANSWER.format("s")})
    OR (%s AND s.error <> '' AND v.error = '' AND v.raw->'text_sha256' = s.raw->'text_sha256')
)
"""
SUPERSEDE = f"UPDATE transcripts_verdict v SET superseded_at = %s FROM staged_judged s WHERE {CURRENT}"
ADD = """
INSERT INTO transcripts_verdict (
    transcript_id, version_id, outcome, final, judge, gates, score, explanation, error, recorded_at, raw
)
SELECT transcript_id, %s, outcome, final, judge, gates, score, explanation, error, %s, raw FROM staged_judged
ORDER BY transcript_id, outcome
RETURNING transcript_id
"""
# What judges wrote can be searched, as `transcripts.search.vectors` makes it.
SEARCHABLE = """
UPDATE transcripts_transcriptsearch s SET judged = to_tsvector('english', left(coalesce(e.said, ''), 50000))
FROM (
    SELECT c.id, string_agg(v.explanation, E'\n' ORDER BY v.version_id, v.outcome) AS said
    FROM unnest(%s::bigint[]) AS c(id)
    LEFT JOIN transcripts_verdict v ON v.transcript_id = c.id AND v.superseded_at IS NULL AND v.explanation <> ''
    GROUP BY c.id
) e WHERE s.transcript_id = e.id
"""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer about a transcript, and the hash of the text that was read for it."""

    transcript: int
    text_sha256: str
    judged: Judged


def keep(version: ClassifierVersion, said: Sequence[Said], *, spare_answers: bool = False) -> set[int]:
    """Inside a transaction: write these answers, each (transcript, outcome) once; the transcripts that have new ones.

    With `spare_answers` an error takes the place of no answer that was given about the same text.
    """
    if not said:
        return set()
    ids, now = [one.transcript for one in said], timezone.now()
    with connection.cursor() as cursor:
        # Whoever else writes for this version waits: what is current is then known.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('amdash verdicts'), %s)", [version.pk % 2**31])
        cursor.execute(STAGING)
        cursor.execute(STAGE, [orjson.dumps([_row(one) for one in said]).decode()])
        cursor.execute(DROP_KNOWN, [ids, version.pk, spare_answers])
        cursor.execute(SUPERSEDE, [now, ids, version.pk])
        cursor.execute(ADD, [version.pk, now])
        return {transcript for (transcript,) in cursor.fetchall()}


def _row(said: Said) -> dict[str, object]:
    judged = said.judged
    return {
        "transcript_id": said.transcript,
        "outcome": judged.outcome,
        "final": judged.final,
        "judge": judged.judge,
        "gates": judged.gates,
        "score": judged.score,
        "explanation": judged.explanation,
        "error": judged.error,
        "raw": judged.raw | {"text_sha256": said.text_sha256},
    }


def make_searchable(transcripts: Sequence[int]) -> None:
    """Bring what is searched of these transcripts up to date with what judges say about them now."""
    with connection.cursor() as cursor:
        cursor.execute(SEARCHABLE, [list(transcripts)])
