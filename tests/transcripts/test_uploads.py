import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from amdash.celery import app
from tests.transcripts.framework_tree import response, write_tree
from tests.transcripts.study import sample
from transcripts import lease
from transcripts.ingest import jobs, run, uploads
from transcripts.ingest.database.store import Store
from transcripts.ingest.report import Report
from transcripts.models import Evaluation, Ingestion, StatusTally, Transcript, TranscriptSearch
from transcripts.tasks import run_ingestion

# Apart from the queue that a running amdash on this machine may use.
BROKER = settings.CELERY_BROKER_URL.replace("virtual_host=0", "virtual_host=1")


def packed(folder: Path, samples: int) -> bytes:
    write_tree(folder / "tree", [response(n, answer=f"Answer {n}. " * 50) for n in range(1, samples + 1)])
    with zipfile.ZipFile(folder / "tree.zip", "w") as archive:
        for path in sorted((folder / "tree").rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    return (folder / "tree.zip").read_bytes()


@pytest.fixture
def _uploads_here(tmp_path: Path) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path / "uploads"):
        yield


def upload(content: bytes, name: str = "tree.zip") -> Ingestion:
    return Ingestion.objects.create(
        evaluation=Evaluation.objects.create(name="Upload"), name=name, file=ContentFile(content, name)
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_an_upload_ends_with_its_report(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 3))
    uploads.run(job.pk)
    job.refresh_from_db()
    assert job.report is not None
    assert (job.state, job.report["created"], job.leased_until, job.attempts) == ("done", 3, None, 1)
    assert Transcript.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_name_that_is_too_long_for_a_file_is_cut(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 1))
    Ingestion.objects.update(name="語" * 240 + ".zip")
    uploads.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.transcripts_done) == ("done", 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_job_is_done_once(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 3))
    for _ in range(2):
        uploads.run(job.pk)
    job.refresh_from_db()
    assert job.attempts == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_lease_in_force_keeps_others_away(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 1))
    Ingestion.objects.update(state="running", leased_until=timezone.now() + timedelta(minutes=1))
    uploads.run(job.pk)
    assert Transcript.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_job_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 1))
    Ingestion.objects.update(state="running", leased_until=timezone.now(), attempts=uploads.ATTEMPTS)
    uploads.run(job.pk)
    job.refresh_from_db()
    reason = "given up after 5 attempts, each of which ended with its worker or its database connection"
    assert (job.state, job.error) == ("failed", reason)


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_cancelled_job_stops_and_keeps_what_it_has(tmp_path: Path) -> None:
    job = upload(packed(tmp_path, 1))
    Ingestion.objects.update(state="cancelled")
    uploads.run(job.pk)
    job.refresh_from_db()
    assert (job.state, Transcript.objects.count()) == ("cancelled", 0)


@pytest.mark.django_db
@pytest.mark.usefixtures("_uploads_here")
def test_a_file_that_cannot_be_read_is_reported_not_raised() -> None:
    job = upload(b"not a zip", "tree.zip")
    uploads.run(job.pk)
    job.refresh_from_db()
    assert job.report is not None
    assert (job.state, job.report["created"], job.report["failed"]) == ("done", 0, 1)
    assert job.report["errors"][0]["source"] == "tree.zip"


@pytest.mark.django_db
def test_only_jobs_that_nobody_works_on_are_queued_again() -> None:
    evaluation = Evaluation.objects.create(name="Upload")
    now = timezone.now()
    stale = Ingestion.objects.create(evaluation=evaluation, name="a", file="a", state="running", leased_until=now)
    held = now + timedelta(minutes=1)
    Ingestion.objects.create(evaluation=evaluation, name="b", file="b", state="running", leased_until=held)
    Ingestion.objects.create(evaluation=evaluation, name="c", file="c")
    Ingestion.objects.create(evaluation=evaluation, name="/a/command", state="running", leased_until=now)
    assert uploads.requeue_stale() == [stale.pk]


def abandoned(since: timedelta) -> Evaluation:
    """An evaluation whose ingest was killed so long ago, after its first batch."""
    evaluation = Evaluation.objects.create(name="Upload")
    Store(evaluation, Report(evaluation.pk)).write([sample("1")])
    Evaluation.objects.update(unsettled_at=timezone.now() - since)
    return evaluation


@pytest.mark.django_db
def test_what_a_killed_run_has_written_is_counted_and_made_searchable() -> None:
    evaluation = abandoned(lease.LEASE * 2)
    uploads.settle_abandoned()
    evaluation.refresh_from_db()
    assert evaluation.unsettled_at is None
    assert (StatusTally.objects.get().n, TranscriptSearch.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_a_run_that_may_still_write_is_left_alone() -> None:
    abandoned(timedelta(0))
    uploads.settle_abandoned()
    assert (StatusTally.objects.count(), TranscriptSearch.objects.count()) == (0, 0)


def junk(files: int) -> bytes:
    """An archive of which nothing can be read."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(files):
            archive.writestr(f"{number}.txt", "nothing")
    return packed.getvalue()


@contextmanager
def running(job: Ingestion) -> Iterator[threading.Thread]:
    """The job, done in a thread; what it raised is its name afterwards."""

    def do() -> None:
        try:
            uploads.run(job.pk)
        except OperationalError as error:
            thread.name = type(error).__name__
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    yield thread
    thread.join()


def progress(job: Ingestion) -> int:
    job.refresh_from_db()
    return job.files_done


@pytest.fixture
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH_RECORDS", 1)
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_uploads_here")
def test_a_lease_is_kept_for_as_long_as_the_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    # Renewed every fifth of a second: a machine may stall for most of a second without losing it.
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1.2))
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.2)
    job = upload(junk(25_000))
    stale: list[int] = []
    leases = set()
    with running(job) as thread:
        while thread.is_alive():
            stale += uploads.requeue_stale()
            leases.add(Ingestion.objects.values_list("leased_until", flat=True).get(pk=job.pk))
            time.sleep(0.01)
    job.refresh_from_db()
    assert (stale, job.state, job.attempts) == ([], "done", 1)
    assert len(leases - {None}) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_uploads_here", "_small_batches")
def test_a_job_that_is_cancelled_stops_between_two_batches() -> None:
    job = upload(junk(20_000))
    with running(job):
        wait_for("the first files", lambda: progress(job))
        Ingestion.objects.update(state="cancelled")
    done = progress(job)
    assert job.report is not None
    assert (job.state, job.leased_until) == ("cancelled", None)
    assert 0 < done <= job.report["failed"] < 20_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_uploads_here", "_small_batches")
def test_a_job_whose_database_connection_is_lost_is_taken_again() -> None:
    job = upload(junk(20_000))
    with running(job) as thread:
        wait_for("the first files", lambda: progress(job))
        with connection.cursor() as cursor:
            others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS other")
    job.refresh_from_db()
    assert (thread.name, job.state, job.error) == ("OperationalError", "running", "")
    Ingestion.objects.update(leased_until=timezone.now())
    assert uploads.requeue_stale() == [job.pk]
    uploads.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker with beat, on the test's database and a broker's database of its own."""
    database = connection.settings_dict
    host = database["HOST"].replace("/", "%2F")
    url = f"postgresql://{database['USER']}@{host}:{database['PORT']}/{database['NAME']}"
    command = ["celery", "-A", "amdash", "worker", "--beat", "--schedule", str(folder / "beat"), "--concurrency", "1"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--loglevel", "info"],
            env=os.environ
            | {"DATABASE_URL": url, "STORAGE_URL": f"file://{settings.MEDIA_ROOT}", "CELERY_BROKER_URL": BROKER},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(what: str, condition: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_uploads_here")
def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    samples = 3000
    job = upload(packed(tmp_path, samples))
    with worker(tmp_path) as first:
        with app.connection_for_write(BROKER) as broker:
            app.send_task(run_ingestion.name, kwargs={"ingestion_id": job.pk}, connection=broker)
        wait_for("the first batch", lambda: 0 < Transcript.objects.count() < samples)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    written = Transcript.objects.count()
    # Its lease would run out by itself; the test does not wait that long.
    Ingestion.objects.update(leased_until=timezone.now())
    with worker(tmp_path):
        wait_for("the job", lambda: Ingestion.objects.filter(state="done").exists())
    job.refresh_from_db()
    assert job.report is not None
    assert 0 < written < samples
    assert (job.report["created"], job.report["unchanged"]) == (samples - written, written)
    assert Transcript.objects.count() == TranscriptSearch.objects.count() == samples
