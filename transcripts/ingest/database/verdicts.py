"""Writes verdicts beside their transcripts. A changed answer ends the old one and is added: history stays."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.text import slugify
from psycopg import Cursor

from transcripts.ingest import parsed
from transcripts.ingest.database.copying import copy
from transcripts.ingest.database.rows import VERDICT, Judged, Row, problem_of
from transcripts.models import Classifier, ClassifierVersion

_LONGEST_SLUG = 200

STAGING = """
CREATE TEMP TABLE IF NOT EXISTS staged_verdict (
    ordinal int, repeated bool, transcript_id bigint, version_id bigint, outcome text COLLATE "C", final bool,
    judge bool, gates jsonb, score float8, explanation text, error text, recorded_at timestamptz, raw jsonb
);
TRUNCATE staged_verdict;
"""

ANSWER = "{0}.final, {0}.judge, {0}.gates, {0}.score, {0}.explanation, {0}.error, {0}.recorded_at, {0}.raw"
DIFFERS = f"({ANSWER.format('v')}) IS DISTINCT FROM ({ANSWER.format('s')})"
# The ids bound what is looked through, whatever is known of the staging table's size.
CURRENT = """
v.transcript_id = ANY(%s) AND v.superseded_at IS NULL
AND (v.transcript_id, v.version_id, v.outcome) = (s.transcript_id, s.version_id, s.outcome)
"""

# What is known already, and what another file of the same run says otherwise: there the first is kept.
DROP_KNOWN = f"""
DELETE FROM staged_verdict s USING transcripts_verdict v
WHERE {CURRENT} AND (s.repeated OR NOT ({DIFFERS}))
RETURNING s.ordinal, {DIFFERS}
"""
SUPERSEDE = f"UPDATE transcripts_verdict v SET superseded_at = %s FROM staged_verdict s WHERE {CURRENT}"
ADD = f"""
INSERT INTO transcripts_verdict ({VERDICT}) SELECT {VERDICT} FROM staged_verdict ORDER BY ordinal
RETURNING transcript_id, error <> ''
"""


@dataclass
class Merged:
    """How many answers and failed classifications were added or changed, and what contradicted another."""

    answers: int = 0
    errors: int = 0
    problems: list[parsed.Problem] = field(default_factory=list)

    def count(self, failed: Sequence[bool]) -> None:
        self.errors += sum(failed)
        self.answers += len(failed) - sum(failed)


class Said(NamedTuple):
    """A verdict with the ids that it is stored under."""

    row: Row
    transcript: int
    version: int
    judged: Judged

    @property
    def copied(self) -> bytes:
        return b"%d\t%d\t%b" % (self.transcript, self.version, self.judged.copied)

    @property
    def contradiction(self) -> parsed.Problem:
        said = self.judged
        reason = f"{said.classifier} {said.version} says two different things about {said.outcome}; the first is kept"
        return problem_of(self.row.source.path, self.row.sample_key, reason, lost=False)


class Verdicts:
    """Writes the verdicts of batches."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], int] = {}

    def need(self, rows: Iterable[Row]) -> None:
        """Make sure that the versions of the rows' classifiers are known."""
        for name, version in {(said.classifier, said.version) for row in rows for said in row.verdicts}:
            if (name, version) not in self.versions:
                classifier, _ = Classifier.objects.get_or_create(
                    slug=_slug(name),
                    defaults={"name": name.replace("-", " "), "kind": Classifier.Kind.IMPORTED},
                )
                found, _ = ClassifierVersion.objects.get_or_create(classifier=classifier, version=version)
                self.versions[name, version] = found.pk

    def write(
        self, cursor: Cursor[Any], rows: Sequence[tuple[Row, int]], new: Collection[int], read: Collection[int]
    ) -> Merged:
        """Add what is not known yet. `new` transcripts have no verdicts; `read` ones an earlier batch has read."""
        merged = Merged()
        said = list(self._once(rows, merged))
        first = [one for one in said if one.transcript in new]
        copy(cursor, "transcripts_verdict", VERDICT, (one.copied for one in first))
        merged.count([one.judged.failed for one in first])
        again = [one for one in said if one.transcript not in new]
        if again:
            _merge(cursor, again, read, merged)
        return merged

    def _once(self, rows: Iterable[tuple[Row, int]], merged: Merged) -> Iterator[Said]:
        """Each verdict once; what a later one says otherwise is told."""
        first: dict[tuple[int, int, str], Judged] = {}
        for row, transcript in rows:
            for judged in row.verdicts:
                said = Said(row, transcript, self.versions[judged.classifier, judged.version], judged)
                kept = first.setdefault((transcript, said.version, judged.outcome), judged)
                if kept is judged:
                    yield said
                elif kept != judged:
                    merged.problems.append(said.contradiction)


def _slug(name: str) -> str:
    """How addresses call a classifier. Names of which a slug does not keep enough are told apart by a hash."""
    slug = slugify(name)
    if name.isascii() and 0 < len(slug) <= _LONGEST_SLUG:
        return slug
    ending = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{slug[: _LONGEST_SLUG - 13]}-{ending}".strip("-")


def _merge(cursor: Cursor[Any], said: Sequence[Said], read: Collection[int], merged: Merged) -> None:
    cursor.execute(STAGING)
    lines = (
        b"%d\t%b\t%b" % (ordinal, b"t" if one.transcript in read else b"f", one.copied)
        for ordinal, one in enumerate(said)
    )
    copy(cursor, "staged_verdict", f"ordinal, repeated, {VERDICT}", lines)
    transcripts = [one.transcript for one in said]
    for ordinal, differs in cursor.execute(DROP_KNOWN, [transcripts]):
        if differs:
            merged.problems.append(said[ordinal].contradiction)
    cursor.execute(SUPERSEDE, [timezone.now(), transcripts])
    added = cursor.execute(ADD).fetchall()
    merged.count([failed for _, failed in added])
    # What judges wrote can be searched: these vectors are to be made again.
    changed = sorted({transcript for transcript, _ in added})
    cursor.execute("DELETE FROM transcripts_transcriptsearch WHERE transcript_id = ANY(%s)", [changed])
