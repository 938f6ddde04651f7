from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client, override_settings
from django.utils import timezone

from reports.views.evaluation import RUNS
from tests.transcripts.study import user
from transcripts.lease import LEASE
from transcripts.models import Evaluation, Ingestion
from transcripts.views.ingestions import LISTED

pytestmark = pytest.mark.django_db

COUNTS = {"created": 1, "updated": 0, "unchanged": 0, "failed": 0, "statuses": {}}


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("researcher"))
    return client


def job(**fields: object) -> Ingestion:
    evaluation, _ = Evaluation.objects.get_or_create(name="Study")
    return Ingestion.objects.create(evaluation=evaluation, **{"name": "/data/tree", **fields})


def done(errors: int = 0, **fields: object) -> Ingestion:
    problems = [{"source": f"{n}.json", "where": "", "reason": f"reason {n % 7}"} for n in range(errors)]
    return job(state="done", report={**COUNTS, "errors": problems, "missing": []}, **fields)


def test_the_report_is_a_download_that_says_what_it_is_of(researcher: Client) -> None:
    kept = done(2)
    answer = researcher.get(f"/ingest/{kept.pk}/report.json")
    report = answer.json()
    run = report.pop("run")
    assert report == kept.report
    assert (run["id"], run["name"], run["evaluation"], run["state"]) == (kept.pk, "/data/tree", "Study", "done")
    assert answer["Content-Disposition"] == f'attachment; filename="amdash-report-{kept.pk}.json"'


def test_long_lists_are_cut_and_all_of_it_is_a_link_away(researcher: Client) -> None:
    kept = done(LISTED + 30)
    first = researcher.get(f"/ingest/{kept.pk}/").context["report"]
    whole = researcher.get(f"/ingest/{kept.pk}/?all=1").context["report"]
    assert (len(first["errors"]), first["errors_cut"]) == (LISTED, 30)
    assert (len(whole["errors"]), whole["errors_cut"]) == (LISTED + 30, 0)


def test_errors_can_be_filtered_by_any_word(researcher: Client) -> None:
    kept = done(20)
    report = researcher.get(f"/ingest/{kept.pk}/?q=REASON 3").context["report"]
    assert [error["source"] for error in report["errors"]] == ["3.json", "10.json", "17.json"]
    assert (report["found"], report["errors_count"]) == (3, 20)


def test_an_evaluation_lists_its_runs_newest_first(researcher: Client) -> None:
    older, newer = done(), job()
    page = researcher.get(f"/evaluations/{older.evaluation_id}/")
    assert [run.pk for run in page.context["ingestions"]] == [newer.pk, older.pk]
    assert [run.created for run in page.context["ingestions"]] == [None, "1"]


def test_more_runs_than_fit_have_a_page(researcher: Client) -> None:
    runs = [done().pk for _ in range(RUNS + 1)]
    address = f"/evaluations/{Evaluation.objects.get().pk}/"
    assert researcher.get(address).context["more_ingestions"]
    listed = researcher.get(f"{address}ingestions/").context["page"].object_list
    assert [run.pk for run in listed] == runs[::-1]


def test_a_viewer_sees_the_runs_and_not_their_reports(client: Client) -> None:
    client.force_login(user("viewer"))
    kept = done()
    page = client.get(f"/evaluations/{kept.evaluation_id}/ingestions/").content.decode()
    assert ("/data/tree" in page, f"/ingest/{kept.pk}/" in page) == (True, False)
    assert client.get(f"/ingest/{kept.pk}/report.json").status_code == 404


def test_a_file_is_read_again_as_a_run_of_its_own(researcher: Client, tmp_path: Path) -> None:
    with override_settings(MEDIA_ROOT=tmp_path):
        first = done(name="tree.zip", file=ContentFile(b"no zip", "tree.zip"), format="framework")
        researcher.post(f"/ingest/{first.pk}/", {"again": ""})
    second = Ingestion.objects.exclude(pk=first.pk).get()
    assert (second.file.name, second.format, second.state) == (first.file.name, "framework", "queued")
    first.refresh_from_db()
    assert first.state == "done"


@pytest.mark.parametrize("fields", [{}, {"file": "tree.zip", "state": "running"}])
def test_nothing_is_read_again_without_a_file_or_while_it_is_read(researcher: Client, fields: dict[str, str]) -> None:
    first = job(**{"state": "cancelled", **fields})
    researcher.post(f"/ingest/{first.pk}/", {"again": ""})
    assert list(Ingestion.objects.values_list("pk", "state")) == [(first.pk, first.state)]


@pytest.mark.parametrize(("seconds", "silent"), [(2, False), (30, True)])
def test_a_worker_that_stops_answering_is_noticed(researcher: Client, seconds: int, silent: bool) -> None:
    heard = timezone.now() - timedelta(seconds=seconds)
    running = job(file="tree.zip", state="running", started_at=heard, leased_until=heard + LEASE)
    page = researcher.get(f"/ingest/{running.pk}/")
    assert page.context["pace"].silent_since == (heard if silent else None)
    assert ("The worker has not answered since" in page.content.decode()) == silent
