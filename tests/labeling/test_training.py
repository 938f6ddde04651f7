"""A text classifier from labels to verdicts: what it writes, what a killed run leaves, and what its pages say."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling.calibration.basis import Basis
from labeling.campaigns.campaign_forms import suggestion
from labeling.campaigns.draw import draw_wave
from labeling.judges.text import train
from labeling.judges.text.model import CannotTrain
from labeling.models import Campaign, Outcome, Resolution, Training
from labeling.transfers.jobs import Job, Lost, stale, take
from tests.labeling.makers import campaign, client_of, judge, person, run_as
from tests.transcripts.study import INBOX, ingest, sample, verdict
from transcripts.ingest.parsed import Status
from transcripts.models import Classifier, Evaluation, Verdict, VerdictTally

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def rita() -> User:
    return person("rita", "researcher")


def labelled(n: int = 80, drawn: int = 60) -> Campaign:
    """Transcripts on nine prompts by two models, one of which has a hostile name; every second one speaks of leverage,
    and people agree that these are harmful. The judge flags every third. One call failed."""
    rng = random.Random(1)
    ingest(
        *(
            replace(
                sample(
                    str(key),
                    f"I think <b>{' '.join(rng.choices(['calm', 'wipe', 'board', 'mail'], k=8))} "
                    f"{'leverage' if key % 2 else 'farewell'}</b>",
                    model=HOSTILE if key % 3 else "brisk-heron-2",
                    verdicts=(verdict(key % 3 == 0),),
                ),
                user=f"{INBOX} {key % 9}",
            )
            for key in range(n)
        ),
        sample("failed", status=Status.ERROR),
    )
    made = campaign(person("ada", "rater"), size=drawn)
    made.refresh_from_db()
    outcome = Outcome.objects.get(version=made.codebook_version, key="harm")
    Resolution.objects.bulk_create(
        Resolution(
            item=item,
            outcome=outcome,
            value=int(item.transcript.sample_key) % 2 == 1,
            method="unanimous",
            positive=int(item.transcript.sample_key) % 2,
            negative=1 - int(item.transcript.sample_key) % 2,
            missing=0,
            label_ids=[],
            text_sha256=bytes(item.transcript.text_sha256),
        )
        for item in made.items.select_related("transcript")
    )
    return made


def test_every_transcript_gets_a_verdict_and_the_labelled_ones_of_a_model_that_has_not_seen_them() -> None:
    made = labelled()
    row = train.ask(made, "harm")

    train.run(row.pk)

    row.refresh_from_db()
    assert (row.state, row.problem, row.rows, row.total, len(row.resolution_ids)) == ("done", "", 80, 80, 60)
    assert row.version is not None
    assert (row.version.classifier.kind, row.version.classifier.slug) == ("trained", "text-classifier")
    verdicts = {v.transcript_id: v for v in Verdict.objects.filter(version=row.version)}
    assert len(verdicts) == 80
    sampled = set(made.items.values_list("transcript", flat=True))
    assert {pk for pk, found in verdicts.items() if "held_out" in found.raw} == sampled
    assert all(v.outcome == "harm" and v.judge is None and v.score is not None for v in verdicts.values())
    settings = row.version.settings
    assert all(
        v.final == (v.score >= settings["threshold"]) for pk, v in verdicts.items() if v.score and pk not in sampled
    )
    assert (settings["labels"], settings["prompts"], settings["seed"], settings["campaign"]) == (60, 9, 20, made.pk)
    assert sum(VerdictTally.objects.filter(version=row.version).values_list("n", flat=True)) == 80
    assert row.report is not None
    table = row.report["confusion"]
    in_sample = [v for pk, v in verdicts.items() if pk in sampled]
    assert table["tp"] + table["fp"] == sum(bool(v.final) for v in in_sample)
    assert sum(table.values()) == 60
    assert row.report["auc"] > 0.9
    assert [line["word"] for line in row.report["for"] if line["word"] == "leverage"] == ["leverage"]
    assert [line["word"] for line in row.report["against"] if line["word"] == "farewell"] == ["farewell"]
    (beside,) = row.report["judges"]
    assert (beside["slug"], beside["n"]) == ("framework-harm", 60)


def test_a_killed_run_is_taken_over_and_keeps_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "SCORED_AT_ONCE", 20)
    made = labelled()
    row = train.ask(made, "harm")

    class Killed(Job[Training]):
        def tell(self, rows: int) -> None:
            if rows >= 40:
                raise Lost

    taken = take(Training, row.pk)
    assert taken is not None
    with pytest.raises(Lost):
        train._work(Killed(taken.row))
    before = set(Verdict.objects.filter(version__classifier__slug="text-classifier").values_list("pk", flat=True))
    Training.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert (len(before), stale(Training)) == (40, [row.pk])

    train.run(row.pk)

    row.refresh_from_db()
    found = Verdict.history.filter(version__classifier__slug="text-classifier")
    assert (row.state, row.attempts, row.rows, row.report and row.report["scored"]) == ("done", 2, 80, 80)
    assert found.count() == 80 == found.values("transcript").distinct().count()
    assert before < set(found.values_list("pk", flat=True))
    train.run(row.pk)
    assert Verdict.history.filter(version=row.version).count() == 80


def test_trained_again_on_the_same_labels_it_is_the_same_version_and_says_the_same() -> None:
    made = labelled()
    rows = [train.ask(made, "harm"), train.ask(made, "harm")]

    for row in rows:
        train.run(row.pk)
        row.refresh_from_db()

    assert rows[0].version == rows[1].version
    assert rows[0].report == rows[1].report
    assert Verdict.history.filter(version=rows[0].version).count() == 80


def test_it_is_taken_by_nothing_that_does_not_name_it(rita: User) -> None:
    made = labelled()
    evaluation = Evaluation.objects.get()
    Verdict.objects.filter(transcript__sample_key__in=["1", "2"]).update(superseded_at=timezone.now())

    train.run(train.ask(made, "harm").pk)

    found = Basis.of(evaluation), Basis.of(evaluation, classifier="text-classifier")
    assert [basis.version.classifier.slug for basis in found if basis.version] == ["framework-harm", "text-classifier"]
    assert suggestion("", rita)["classifier_version"] == judge().pk


def test_what_cannot_be_learned_is_refused_in_words(rita: User) -> None:
    made = labelled(n=40, drawn=30)
    client = client_of(rita)

    answer = client.post("/classifiers/train/", {"campaign": made.pk, "outcome": "harm"})

    assert answer.status_code == 422
    refused = re.findall(r'role="alert">([^<]+)', answer.content.decode())
    n = Resolution.objects.filter(value=True).count()
    small = [f"{k} {kind} labels, 20 needed" for k, kind in ((n, "positive"), (30 - n, "negative")) if k < 20]
    assert refused == [f"Not trained: {'; '.join(small)}."]
    with pytest.raises(CannotTrain, match="no outcome leverage"):
        train.ask(made, "leverage")
    made.hides = []
    with pytest.raises(CannotTrain, match="see the verdict"):
        train.ask(made, "harm")
    assert Training.objects.count() == 0


def test_labels_about_an_earlier_text_teach_nothing() -> None:
    made = labelled()
    first = made.items.order_by("pk")[0].transcript
    type(first).objects.filter(pk=first.pk).update(text_sha256=bytes(32))

    row = train.ask(made, "harm")
    train.run(row.pk)

    row.refresh_from_db()
    assert len(row.resolution_ids) == 59
    assert "held_out" not in Verdict.objects.get(version=row.version, transcript=first).raw


def test_the_pages_tell_what_was_learned_and_escape_it(
    rita: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    made = labelled()
    client = client_of(rita)

    with django_capture_on_commit_callbacks() as queued:
        answer = client.post("/classifiers/train/", {"campaign": made.pk, "outcome": "harm"})
    row = Training.objects.get()
    waiting = client.get(answer["Location"]).content.decode()
    train.run(row.pk)
    page = client.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()

    assert (answer["Location"], len(queued)) == (f"/classifiers/train/{row.pk}/", 1)
    assert waiting.count("Waiting for a worker") == waiting.count('data-poll="1000"') == 1
    assert "data-poll" not in page
    assert (page.count("<script"), page.count("&lt;script&gt;alert(1)&lt;/script&gt;")) == (0, 1)
    assert page.count("<td>did</td>") == len(row_words(row))
    row.refresh_from_db()
    link = f"/campaigns/new/?evaluation={made.evaluation_id}&design=priority&classifier_version={row.version_id}"
    assert page.count(f'href="{escape(link)}"') == 1
    form = client.get(link).context["form"]
    assert (form.initial["design"], form.initial["classifier_version"]) == ("priority", row.version_id)
    listed = client.get("/classifiers/train/").context["page"].object_list
    assert [found.pk for found in listed] == [row.pk]


def row_words(row: Training) -> list[str]:
    row.refresh_from_db()
    assert row.report is not None
    return [line["word"] for side in ("for", "against") for line in row.report[side] if line["part"] == "did"]


def test_its_score_tells_of_whom_to_ask(rita: User) -> None:
    """Priority sampling by the trained version: the nearer to one half, the more probable to be drawn."""
    made = labelled()
    row = train.ask(made, "harm")
    train.run(row.pk)
    row.refresh_from_db()
    doubt = {v.transcript_id: abs((v.score or 0) - 0.5) for v in Verdict.objects.filter(version=row.version)}

    by_doubt = campaign(rita, design="priority", name="By doubt")
    run_as(by_doubt, classifier_version=row.version)
    draw_wave(by_doubt, 30)

    sizes = sorted((doubt[pk], -p) for pk, p in by_doubt.items.values_list("transcript", "p") if p)
    assert len(sizes) == 30
    assert [p for _, p in sizes] == sorted(p for _, p in sizes)
    assert sizes[0][1] < sizes[-1][1]


def test_a_kind_that_nobody_knows_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError, match="classifier_kind_is_known"), transaction.atomic():
        Classifier.objects.create(slug="x", name="X", kind="oracle")


def test_only_those_who_run_campaigns_train(rita: User) -> None:
    ada = client_of(person("ada", "rater"))

    assert [ada.get("/classifiers/train/").status_code, client_of(rita).get("/classifiers/train/").status_code] == [
        404,
        200,
    ]
