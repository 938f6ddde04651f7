"""The transcripts of a run: written down at its start, claimed before they are sent, finished with their verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from labeling.campaigns.population import chosen_by
from labeling.judges.keep import Said, keep
from labeling.models import JudgeItem, JudgeRun
from transcripts.models import Classifier, Evaluation, Transcript

# A transcript whose text is another one by now has no answer.
ANSWERED = """
EXISTS (
    SELECT FROM transcripts_verdict v WHERE v.transcript_id = t.id AND v.version_id = %s AND v.superseded_at IS NULL
    AND v.error = '' AND v.raw->>'text_sha256' = encode(t.text_sha256, 'hex')
)
"""
PLAN = """
INSERT INTO labeling_judgeitem (
    run_id, transcript_id, state, kind, calls, lost, unmetered, tokens_in, tokens_out, guessed_in, guessed_out, changed
)
SELECT %s, t.id, 'waiting', '', 0, 0, 0, 0, 0, 0, 0, false
FROM transcripts_transcript t WHERE t.id IN ({scope}) AND NOT (%s AND {answered}) ORDER BY t.u, t.id
"""
CLAIM = """
WITH next AS (
    SELECT id FROM labeling_judgeitem WHERE run_id = %s AND state = 'waiting' AND id >= %s ORDER BY id LIMIT %s
)
UPDATE labeling_judgeitem i SET state = %s FROM next, transcripts_transcript t
WHERE i.id = next.id AND t.id = i.transcript_id
RETURNING i.id, i.transcript_id, encode(t.text_sha256, 'hex'), i.lost
"""
FINISH = """
UPDATE labeling_judgeitem i SET
    state = f.state, kind = f.kind, changed = i.changed OR f.changed, calls = i.calls + f.calls,
    unmetered = i.unmetered + f.unmetered, tokens_in = i.tokens_in + f.tokens_in,
    tokens_out = i.tokens_out + f.tokens_out, guessed_in = i.guessed_in + f.guessed_in,
    guessed_out = i.guessed_out + f.guessed_out
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::bool[], %s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[]
) AS f(id, state, kind, changed, calls, unmetered, tokens_in, tokens_out, guessed_in, guessed_out)
WHERE i.id = f.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An item in hand, and the hash of its transcript's text as it is now."""

    pk: int
    transcript: int
    text_sha256: str
    lost: int


@dataclass(frozen=True, slots=True)
class Paid:
    """Calls and tokens; those that nobody told are guessed."""

    calls: int = 0
    unmetered: int = 0
    tokens: tuple[int, int] = (0, 0)
    guessed: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of an item: answers, or an error with its kind, or nothing where it was `unsent`."""

    pk: int
    said: list[Said] = field(default_factory=list)
    kind: str = ""
    unsent: bool = False
    paid: Paid = field(default_factory=Paid)

    @property
    def state(self) -> str:
        if self.unsent:
            return JudgeItem.State.WAITING
        return JudgeItem.State.FAILED if self.kind else JudgeItem.State.ANSWERED


def scope(filters: dict[str, list[str]], evaluation: Evaluation | None) -> QuerySet[Transcript]:
    """The transcripts with an answer of their model that the list's filters find. Raises CannotDraw."""
    query = QueryDict(mutable=True)
    for name, values in filters.items():
        query.setlist(name, values)
    found = chosen_by(query).transcripts(Transcript.objects.judgeable())
    return found.filter(cell__evaluation=evaluation) if evaluation else found


def planned(run: JudgeRun) -> None:
    """Inside a transaction: write down, once, which are to be judged, in the order of their random numbers."""
    if run.planned_at:
        return
    inside = scope(run.filters, run.evaluation).order_by().values("pk")
    sql, parameters = inside.query.sql_with_params()
    spared = run.which == JudgeRun.Which.MISSING
    with connection.cursor() as cursor:
        cursor.execute(PLAN.format(scope=sql, answered=ANSWERED), [run.pk, *parameters, spared, run.version_id])
        # Counted a moment later: some may have been deleted in between.
        run.skipped = max(0, inside.count() - cursor.rowcount)
    run.planned_at = timezone.now()
    run.save(update_fields=["planned_at", "skipped"])


def claim(run: JudgeRun, most: int, *, sent: bool, start: int = 0) -> list[Claimed]:
    """Inside a transaction: the next items from `start` on; `sent` writes down that they are going out."""
    state = JudgeItem.State.SENT if sent else JudgeItem.State.WAITING
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [run.pk, start, most, state])
        return sorted((Claimed(*row) for row in cursor.fetchall()), key=lambda item: item.pk)


def finish_items(run: JudgeRun, finished: Sequence[Finished]) -> None:
    """Inside a transaction: keep the verdicts, and what each item cost."""
    if not finished:
        return
    judged = [said for one in finished for said in one.said]
    by_model = run.version.classifier.kind == Classifier.Kind.MODEL
    changed = keep(run.version, judged, spare_answers=by_model)
    columns = zip(
        *(
            (
                one.pk,
                one.state,
                one.kind,
                any(said.transcript in changed for said in one.said),
                one.paid.calls,
                one.paid.unmetered,
                *one.paid.tokens,
                *one.paid.guessed,
            )
            for one in finished
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(FINISH, [list(column) for column in columns])
    if run.fruitless and any(not one.unsent for one in finished):
        run.fruitless = 0
        JudgeRun.objects.filter(pk=run.pk).update(fruitless=0)
