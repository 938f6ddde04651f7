"""What changed between two snapshots: each cause by its name, and no figure of a published one at all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from labeling.models import Campaign, CampaignItem, Label, Resolution
from reports import share
from reports.changes import causes, changes, previous
from reports.compose import again
from reports.models import Snapshot
from reports.parts import Part
from transcripts.models import ClassifierVersion, Transcript, Verdict
from transcripts.models.tallies import refresh_tallies

from .makers import NOW
from .test_share import published

BASIS: dict[str, Any] = {
    "evaluation": "Study",
    "outcome": "harm",
    "transcripts": 100,
    "transcript_set_sha256": "a",
    "classifier": "judge 1",
    "classifier_version_id": 1,
    "verdicts": 100,
    "verdict_counts_sha256": "b",
    "campaign": "Campaign",
    "codebook": "codebook 1",
    "drawn": 60,
    "agreed": 60,
    "labels": 60,
    "label_set_sha256": "c",
    "calibration": "1 May 2026",
    "calibration_id": 1,
    "estimator": "estimator",
    "code": "amdash 1",
    "seed": 1,
}


def said(**changed: Any) -> list[tuple[str, str]]:
    return [(cause.name, cause.words) for cause in causes(Part(1, basis=BASIS), Part(1, basis=BASIS | changed))]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"transcripts": 140, "transcript_set_sha256": "x"}, [("transcripts", "Transcripts: 100 → 140 (+40).")]),
        ({"transcripts": 90, "transcript_set_sha256": "x"}, [("transcripts", "Transcripts: 100 → 90 (−10).")]),
        (
            {"transcript_set_sha256": "x"},
            [("transcripts", "Transcripts: 100 as before, but not the same ones, or changed.")],
        ),
        ({"verdicts": 120, "verdict_counts_sha256": "x"}, [("verdicts", "Verdicts: 100 → 120 (+20).")]),
        # The verdicts of another classifier are all others: that is said once.
        (
            {"classifier": "judge 2", "classifier_version_id": 2, "verdict_counts_sha256": "x"},
            [("classifier", "A new classifier version: judge 1 → judge 2.")],
        ),
        (
            {"labels": 66, "agreed": 62, "label_set_sha256": "x"},
            [("labels", "Labels: 60 → 66 (+6). Of 60 → 60 drawn transcripts, 60 → 62 have an agreed answer.")],
        ),
        ({"codebook": "codebook 2"}, [("codebook", "A new codebook: codebook 1 → codebook 2.")]),
        (
            {"calibration": "2 May 2026", "calibration_id": 2},
            [("calibration", "A new calibration: 1 May 2026 → 2 May 2026.")],
        ),
        ({"estimator": "another"}, [("estimator", "Another estimator: estimator → another.")]),
        ({"code": "amdash 2"}, [("code", "New code: amdash 1 → amdash 2.")]),
        ({"campaign": ""}, [("campaign", "Another campaign: Campaign → none.")]),
    ],
)
def test_each_cause_has_its_own_name(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert said(**changed) == expected


def test_a_snapshot_of_an_earlier_version_is_compared_by_what_it_knows() -> None:
    counts = ("verdicts", "labels", "agreed")
    old = {name: value for name, value in BASIS.items() if name not in counts}
    new = BASIS | {"label_set_sha256": "x", "verdict_counts_sha256": "y"}

    found = causes(Part(1, basis=old), Part(1, basis=new))

    assert [cause.words for cause in found] == ["Other verdicts.", "Other labels."]


def new_transcripts(_: Snapshot) -> None:
    first = Transcript.objects.earliest("pk")
    first.pk, first.sample_key = None, "later"
    first.save()


def new_verdicts(_: Snapshot) -> None:
    Verdict.objects.filter(pk=Verdict.objects.filter(final=True).earliest("pk").pk).update(final=False)


def new_labels(_: Snapshot) -> None:
    resolution = Resolution.objects.filter(value=True).earliest("pk")
    label = Label.objects.get(pk=resolution.label_ids[0])
    more = Label.objects.create(item=label.item, assignment=label.assignment, rater=label.rater, text_sha256=b"t")
    Resolution.objects.filter(pk=resolution.pk).update(superseded_at=NOW)
    resolution.pk, resolution.value, resolution.label_ids = None, False, [more.pk]
    resolution.positive, resolution.negative = 0, 1
    resolution.save()


def new_classifier(_: Snapshot) -> None:
    old = ClassifierVersion.objects.get()
    new = ClassifierVersion.objects.create(classifier=old.classifier, version="2")
    verdicts = list(Verdict.objects.filter(version=old))
    for verdict in verdicts:
        verdict.pk, verdict.version = None, new
    Verdict.objects.bulk_create(verdicts)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (new_transcripts, ["transcripts"]),
        (new_verdicts, ["verdicts"]),
        (new_labels, ["labels"]),
        (new_classifier, ["classifier"]),
    ],
)
def test_what_changed_in_the_data_is_told_apart(change: Any, expected: list[str]) -> None:
    old = published()
    change(old)
    refresh_tallies()
    new = again(old, User.objects.get(username="maker"))

    (found,) = changes(old, new)
    assert [cause.name for cause in found.causes] == expected
    assert previous(new) == old


@pytest.mark.django_db
def test_a_published_page_is_the_same_to_the_byte_after_everything_has_changed(client: Client) -> None:
    old = published()
    assert old.created_by is not None
    _, token = share.make_link(old, audience="a", by=old.created_by)
    addresses = [f"/s/{token}/", *(f"/s/{token}/?format={form}" for form in ("csv", "json", "parquet"))]
    before = [client.get(address).content for address in addresses]

    for change in (new_transcripts, new_labels, new_classifier):
        change(old)
    refresh_tallies()
    new = again(old, old.created_by)

    assert [client.get(address).content for address in addresses] == before
    (found,) = changes(old, new)
    assert [cause.name for cause in found.causes] == ["transcripts", "classifier", "labels"]
    assert (found.figures[0].old is None, found.figures[0].difference[0], found.same) == (False, "−", 0)

    # And the pages say so.
    client.force_login(old.created_by)
    html = client.get(f"/snapshots/{new.pk}/changes/{old.pk}/").content.decode()
    assert re.findall(r'<li class="cause-(\w+)">', html) == ["transcripts", "classifier", "labels"]
    assert client.get(f"/snapshots/{new.pk}/").content.decode().count("Since the last one") == 1


@pytest.mark.django_db
def test_the_same_data_again_has_no_change() -> None:
    old = published()
    new = again(old, User.objects.get(username="maker"))

    (found,) = changes(old, new)
    assert (found.causes, found.figures, found.same) == ([], [], 1)
    assert (Campaign.objects.count(), CampaignItem.objects.count()) == (1, 60)
