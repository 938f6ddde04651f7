"""python -m tests.bench.rated: labels the newest evaluation of DATABASE_URL's database, at most three quarters of it.

It reads {"labels": n} as JSON from standard input and prints the evaluation, the campaign and how many labels there
are. A program of its own, because the benches themselves do without Django. The product draws; SQL answers: what the
classifier says, and in one of twelve the contrary.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

NAME = "Bench rates"
RATERS = 20
# Of each item's one slot a label, its answer to the outcome's question, and what is agreed.
ANSWERS = (
    "UPDATE labeling_assignment a SET rater_id = %(first)s + i.id %% %(raters)s, submitted_at = now() "
    "FROM labeling_campaignitem i WHERE i.id = a.item_id AND i.campaign_id = %(campaign)s",
    "INSERT INTO labeling_label "
    "(item_id, assignment_id, rater_id, text_sha256, comment, recognised, seconds, created_at) "
    "SELECT a.item_id, a.id, a.rater_id, t.text_sha256, '', '', 9, now() FROM labeling_assignment a "
    "JOIN labeling_campaignitem i ON i.id = a.item_id JOIN transcripts_transcript t ON t.id = i.transcript_id "
    "WHERE i.campaign_id = %(campaign)s",
    "INSERT INTO labeling_answer (label_id, question_id, choice_id, text) "
    "SELECT l.id, o.question_id, (SELECT c.id FROM labeling_choice c WHERE c.question_id = o.question_id "
    "ORDER BY c.id LIMIT 1), '' FROM labeling_label l JOIN labeling_campaignitem i ON i.id = l.item_id "
    "JOIN labeling_outcome o ON o.version_id = %(codebook)s AND o.key = 'harm' WHERE i.campaign_id = %(campaign)s",
    "INSERT INTO labeling_resolution (item_id, outcome_id, value, method, positive, negative, missing, label_ids, "
    "text_sha256, cause, reason, created_at) "
    "SELECT i.id, o.id, said.yes, 'unanimous', said.yes::int, (NOT said.yes)::int, 0, ARRAY[l.id], l.text_sha256, "
    "'', '', now() FROM labeling_campaignitem i JOIN labeling_label l ON l.item_id = i.id "
    "JOIN labeling_outcome o ON o.version_id = %(codebook)s "
    "LEFT JOIN transcripts_verdict v ON v.transcript_id = i.transcript_id AND v.version_id = %(version)s "
    "AND v.outcome = 'harm' AND v.superseded_at IS NULL "
    "CROSS JOIN LATERAL (SELECT coalesce(v.final, false) <> (i.id %% 12 = 0) AS yes) said "
    "WHERE i.campaign_id = %(campaign)s",
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amdash.settings")
    django.setup()
    print(json.dumps(labelled(json.load(sys.stdin)["labels"])))


def labelled(labels: int) -> dict[str, Any]:
    from django.db import connection, transaction  # noqa: PLC0415 - after setup

    from labeling.models import Campaign, Label  # noqa: PLC0415

    made = Campaign.objects.filter(name=NAME).first()
    if made is None:
        with transaction.atomic():
            made = _answered(labels)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return {
        "evaluation": made.evaluation_id,
        "campaign": made.pk,
        "labels": Label.objects.filter(item__campaign=made).count(),
    }


def _answered(labels: int) -> Any:
    from django.contrib.auth.models import User  # noqa: PLC0415 - after setup
    from django.db import connection  # noqa: PLC0415

    from labeling.campaigns.draw import draw_wave  # noqa: PLC0415
    from labeling.models import Campaign, CodebookVersion  # noqa: PLC0415
    from transcripts.models import Evaluation, Transcript, VerdictTally  # noqa: PLC0415

    raters = User.objects.bulk_create(User(username=f"rates {number}", password="!") for number in range(RATERS))
    evaluation = Evaluation.objects.filter(cells__transcripts__isnull=False).latest("pk")
    tally = VerdictTally.objects.filter(cell__evaluation=evaluation, outcome="harm").order_by("-n").first()
    assert tally is not None, "the table has verdicts"
    made = Campaign.objects.create(
        name=NAME,
        evaluation=evaluation,
        codebook_version=CodebookVersion.objects.exclude(published_at=None).latest("pk"),
        design=Campaign.Design.STRATIFIED,
        classifier_version=tally.version,
        raters_per_item=1,
        state=Campaign.State.CLOSED,
    )
    draw_wave(made, min(labels, 3 * Transcript.objects.judgeable().filter(cell__evaluation=evaluation).count() // 4))
    values = {
        "campaign": made.pk,
        "codebook": made.codebook_version_id,
        "version": tally.version_id,
        "first": raters[0].pk,
        "raters": RATERS,
    }
    with connection.cursor() as cursor:
        for statement in ANSWERS:
            cursor.execute(statement, values)
    return made


if __name__ == "__main__":
    main()
