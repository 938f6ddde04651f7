"""Exports and imports as jobs: their pages, their leases, and files that are there for those who may have them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from labeling.models import Campaign, Label, LabelExport, LabelImport
from labeling.transfers import bring_in, deliver, jobs
from labeling.transfers.export import export
from labeling.transfers.label_columns import plain
from tests.labeling.makers import client_of, person
from tests.labeling.test_label_import import LONG, TABLE, exported
from tests.transcripts.study import ingest, sample

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files_go_nowhere_else(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def researcher() -> Client:
    return client_of(person("rosa", "researcher"))


def uploaded(text: str = TABLE, campaign: str = "Elsewhere", mapping: str = LONG) -> LabelImport:
    return LabelImport.objects.create(
        name="labels.csv",
        file=ContentFile(text.encode(), "labels.csv"),
        campaign_name=campaign,
        choices={"mapping": plain(mapping.encode())},
    )


@pytest.fixture
def made() -> Campaign:
    """A campaign with six labels."""
    ingest(*(sample(key) for key in "123"))
    bring_in.run(uploaded().pk)
    return Campaign.objects.get()


def test_an_export_is_asked_for_written_and_fetched(
    made: Campaign, researcher: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as queued:
        answer = researcher.post(f"/campaigns/{made.pk}/exports/", {"format": "csv"})
    row = LabelExport.objects.get()
    deliver.run(row.pk)

    row.refresh_from_db()
    page = researcher.get(f"/campaigns/{made.pk}/exports/")
    file = researcher.get(f"/campaigns/{made.pk}/exports/{row.pk}/")
    assert (answer["Location"], len(queued), row.state, row.rows, row.total) == (
        f"/campaigns/{made.pk}/exports/", 1, "done", 6, 6,
    )  # fmt: skip
    assert row.expires_at is not None
    assert row.expires_at - timezone.now() > timedelta(days=6)
    assert f'href="/campaigns/{made.pk}/exports/{row.pk}/"' in page.content.decode()
    assert b"".join(file.streaming_content) == exported("Elsewhere", "csv")  # type: ignore[attr-defined]
    assert (file["X-Robots-Tag"], file["Content-Type"]) == ("noindex", "text/csv; charset=utf-8")


def test_the_list_polls_while_something_is_open(made: Campaign, researcher: Client) -> None:
    LabelExport.objects.create(campaign=made, total=6, rows=2, state="running", leased_until=timezone.now())
    address = f"/campaigns/{made.pk}/exports/"

    part = researcher.get(address, headers={"HX-Request": "true"}).content.decode()
    LabelExport.objects.update(state="failed", problem="no room")
    ended = researcher.get(address, headers={"HX-Request": "true"}).content.decode()

    assert ("data-poll" in part, 'max="6" value="2"' in part, "<html" in part) == (True, True, False)
    assert ("data-poll" in ended, "no room" in ended) == (False, True)


def delivered(made: Campaign, **fields: object) -> LabelExport:
    row = LabelExport.objects.create(campaign=made, **fields)
    deliver.run(row.pk)
    row.refresh_from_db()
    return row


def test_only_its_maker_and_managers_fetch_it(made: Campaign) -> None:
    maker = person("max", "researcher")
    row = delivered(made, created_by=maker)
    maker.groups.clear()
    people = [maker, person("rosa", "researcher"), person("judy", "adjudicator"), person("vera", "viewer")]

    answers = [client_of(one).get(f"/campaigns/{made.pk}/exports/{row.pk}/") for one in people]
    for answer in answers:
        answer.close()

    assert [answer.status_code for answer in answers] == [200, 200, 404, 404]


def test_what_is_expired_is_deleted_and_its_row_stays(made: Campaign, researcher: Client) -> None:
    row, other = delivered(made), delivered(made)
    LabelExport.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    address = f"/campaigns/{made.pk}/exports/{row.pk}/"

    gone = researcher.get(address).status_code
    deliver.delete_expired()

    row.refresh_from_db()
    assert (gone, row.file.name, row.state) == (404, "", "done")
    assert [f"exports/{name}" for name in default_storage.listdir("exports")[1]] == [other.file.name]
    assert "expired" in researcher.get(f"/campaigns/{made.pk}/exports/").content.decode()


def test_what_a_deleted_campaign_leaves_behind_is_deleted_in_time(
    made: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(made)
    LabelExport.objects.all().delete()
    deliver.delete_expired()
    kept = default_storage.listdir("exports")[1]
    monkeypatch.setattr(deliver, "KEPT", timedelta(0))

    deliver.delete_expired()

    assert (len(kept), default_storage.listdir("exports")[1]) == (1, [])


def test_a_job_is_done_once_and_taken_over_when_its_lease_ran_out(made: Campaign) -> None:
    row = LabelExport.objects.create(campaign=made)
    first = jobs.take(LabelExport, row.pk)
    assert first is not None
    busy = jobs.take(LabelExport, row.pk)
    LabelExport.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    waiting = jobs.stale(LabelExport)

    deliver.run(row.pk)
    late = first.end("done", file="exports/late", expires_at=timezone.now())

    row.refresh_from_db()
    assert (busy, waiting, late, row.attempts, row.state) == (None, [row.pk], False, 2, "done")
    assert row.file.name == f"exports/labels-{row.pk}-2.jsonl"
    assert jobs.stale(LabelExport) == []


def test_whoever_lost_the_lease_stops(made: Campaign) -> None:
    row = LabelExport.objects.create(campaign=made)
    job = jobs.take(LabelExport, row.pk)
    assert job is not None
    LabelExport.objects.update(attempts=2)

    job._beat()

    with pytest.raises(jobs.Lost):
        job.tell(1)


def test_a_job_that_always_ends_its_worker_is_given_up(made: Campaign) -> None:
    row = LabelExport.objects.create(campaign=made, attempts=jobs.ATTEMPTS)

    deliver.run(row.pk)

    row.refresh_from_db()
    assert (row.state, row.problem.partition(",")[0]) == ("failed", "given up after 5 attempts")


def test_what_went_wrong_is_kept(made: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> int:
        raise OSError("no space left")

    row = LabelExport.objects.create(campaign=made)
    monkeypatch.setattr(deliver, "export", fail)

    with pytest.raises(OSError, match="no space left"):
        deliver.run(row.pk)

    row.refresh_from_db()
    assert (row.state, row.problem, row.file.name) == ("failed", "OSError: no space left", "")


def test_an_upload_is_imported_and_its_file_deleted(
    researcher: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    ingest(*(sample(key) for key in "123"))
    sent = {
        "file": SimpleUploadedFile("../labels.csv", TABLE.encode()),
        "mapping": SimpleUploadedFile("map.toml", LONG.encode()),
        "campaign": " Elsewhere ",
    }
    with django_capture_on_commit_callbacks() as queued:
        answer = researcher.post("/campaigns/import/", sent)
    row = LabelImport.objects.get()
    stored = str(row.file.name)
    bring_in.run(row.pk)

    row.refresh_from_db()
    assert (answer["Location"], len(queued)) == (f"/campaigns/import/{row.pk}/", 1)
    assert (row.name, row.campaign_name, row.state, row.file.name) == ("labels.csv", "Elsewhere", "done", "")
    assert (default_storage.exists(stored), row.campaign) == (False, Campaign.objects.get())
    page = researcher.get(f"/campaigns/import/{row.pk}/").content.decode()
    assert "<b>6</b> added" in page
    assert "enter no rate" in page


def test_an_import_that_cannot_be_says_why(researcher: Client) -> None:
    ingest(sample("1"))
    row = uploaded("nothing\nhere\n")

    bring_in.run(row.pk)

    assert LabelImport.objects.get().problem == "labels.csv holds no label: row 1 (line 2) holds no answer"
    assert "holds no label" in researcher.get(f"/campaigns/import/{row.pk}/").content.decode()


def test_a_killed_import_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(*(sample(key) for key in "123"))
    row = uploaded()
    monkeypatch.setattr(bring_in, "TOGETHER", 2)
    with monkeypatch.context() as killed:
        killed.setattr(jobs.Job, "tell", lambda job, rows: (_ for _ in ()).throw(jobs.Lost()))
        bring_in.run(row.pk)
    kept = Label.objects.count()
    LabelImport.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    bring_in.run(jobs.stale(LabelImport)[0])

    row.refresh_from_db()
    assert row.report is not None
    assert (kept, row.report["known"], row.report["added"], Label.objects.count()) == (2, 2, 4, 6)


def test_a_killed_command_is_told_and_taken_over_by_nobody() -> None:
    job = bring_in.begin("labels.csv", "Elsewhere", {})
    LabelImport.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    waiting = jobs.stale(LabelImport)
    jobs.fail_interrupted()

    job.row.refresh_from_db()
    assert (waiting, job.row.state, job.row.problem) == ([], "failed", jobs.INTERRUPTED)


def test_a_bad_mapping_is_refused_on_the_page(researcher: Client) -> None:
    sent = {
        "file": SimpleUploadedFile("labels.csv", b"id\n1\n"),
        "mapping": SimpleUploadedFile("map.toml", b"samples = 'id'"),
        "campaign": "Elsewhere",
    }

    page = researcher.post("/campaigns/import/", sent)

    assert (page.status_code, LabelImport.objects.count()) == (422, 0)
    (problem,) = page.context["form"].errors["mapping"]
    assert problem.partition(";")[0] == "A mapping of labels has no field 'samples'"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (LabelExport, {"state": "lost"}),
        (LabelExport, {"format": "xml"}),
        (LabelExport, {"file": "exports/x", "expires_at": None}),
    ],
)
def test_the_database_knows_the_states(made: Campaign, table: type[LabelExport], change: dict[str, object]) -> None:
    row = table.objects.create(campaign=made)

    with pytest.raises(DatabaseError), transaction.atomic():
        table.objects.filter(pk=row.pk).update(**change)


def test_every_label_is_written_however_many_there_are_at_once(
    made: Campaign, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("labeling.transfers.exported.TOGETHER", 2)
    told: list[int] = []

    with (tmp_path / "labels").open("wb") as file:
        rows = export(file, [made], "jsonl", told.append)

    assert (rows, told[-1], len((tmp_path / "labels").read_bytes().splitlines())) == (6, 6, 6)
