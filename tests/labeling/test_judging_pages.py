"""The pages of judges and their runs: made, launched, watched, cancelled."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from labeling.judges import judge
from labeling.judges.criteria import CRITERIA
from labeling.judges.launch import newest_version
from labeling.judges.materials import materials
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun
from tests.labeling.judge_endpoint import Reply, said
from tests.labeling.judging import QUICK, Serve, keyed, run, version
from tests.labeling.makers import client_of, person
from tests.transcripts.study import KYLE, SYSTEM, ingest, sample
from transcripts.ingest import parsed
from transcripts.ingest.parsed import Message, ToolCall
from transcripts.models import Evaluation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_time_is_lost")]
LIMITS = {"which": "missing", "concurrency": "4", "timeout_seconds": "5"}
ASKED = {"model": "judge-1", "outcome": "harm", "other": "Was it?", "temperature": "0", "max_tokens": "800"}
ASKED |= {"max_characters": "400000", "price_in": "0.50", "price_out": "2"}


@pytest.fixture
def rita() -> Client:
    return client_of(person("rita", "researcher"))


def test_a_judge_is_made_and_changed_into_another_version(rita: Client) -> None:
    suggested = rita.get("/classifiers/new/").context["form"].initial
    made = rita.post("/classifiers/new/", ASKED | {"name": "Our Judge"})
    same = rita.post("/classifiers/our-judge/versions/new/", ASKED)
    other = rita.post("/classifiers/our-judge/versions/new/", ASKED | {"murder": "Did anybody die?\r\n"})

    assert suggested["blackmail"] == CRITERIA["harm"]["blackmail"]
    assert [answer["Location"] for answer in (made, same, other)] == ["/classifiers/our-judge/judge/"] * 3
    newest = newest_version("our-judge")
    assert (newest.classifier.name, newest.version, newest.classifier.versions.count()) == (
        "Our Judge",
        "2 · judge-1",
        2,
    )
    assert ModelJudge.of(newest) == ModelJudge(
        "harm", "judge-1", {"murder": "Did anybody die?", "": "Was it?"}, price_in="0.5", price_out="2"
    )
    page = rita.get("/classifiers/our-judge/judge/").content.decode()
    assert re.findall(r"<summary>(\S+ · \S+)", page) == ["2 · judge-1", "1 · judge-1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"other": ""}, "other"),
        ({"model": "a b"}, "model"),
        ({"outcome": "Harm!"}, "outcome"),
        ({"temperature": "3"}, "temperature"),
        ({"price_out": ""}, "price_out"),
        ({"name": "Rules"}, "name"),
        ({"name": "New"}, "name"),
        ({"name": "!"}, "name"),
    ],
)
def test_a_judge_that_cannot_be_is_refused(change: dict[str, str], field: str, rita: Client) -> None:
    page = rita.post("/classifiers/new/", ASKED | {"name": "Judge"} | change)

    assert (page.status_code, list(page.context["form"].errors)) == (422, [field])


def test_a_run_is_estimated_launched_watched_and_done(
    rita: Client, serve: Serve, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    keyed(3)
    of = version()
    serve(lambda asked: said() if asked.times else Reply({}, 500))
    evaluation = Evaluation.objects.get()
    address = f"/classifiers/judge/runs/new/?evaluation={evaluation.pk}&scenario=blackmail"
    sent = LIMITS | {"version": of.pk, "evaluation": evaluation.pk}

    part = rita.post(address, sent, headers={"HX-Request": "true"}).content.decode()
    counted = rita.post(address, sent | {"count": "yes"})
    assert (JudgeRun.objects.count(), "<html" in part) == (0, False)
    assert ["<b>3 transcripts</b> would be judged" in text for text in (part, counted.content.decode())] == [True, True]
    with django_capture_on_commit_callbacks() as queued:
        answer = rita.post(address, sent)
    row = JudgeRun.objects.get()
    waits = rita.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    judge.run(row.pk)
    ended = rita.get(answer["Location"]).content.decode()

    assert (answer["Location"], len(queued), row.filters) == (f"/judge-runs/{row.pk}/", 1, {"scenario": ["blackmail"]})
    assert ("data-poll=" in waits, "Waiting for a worker" in waits, "Cancel the run" in waits) == (True, True, True)
    assert ("data-poll=" in ended, "Cancel the run" in ended) == (False, False)
    assert re.findall(r'<li class="tile"><b>([^<]+)</b> (\w+)', ended) == [
        ("3", "answered"), ("0", "errors"), ("0", "not"), ("$0.0045", "paid"), ("1,500", "tokens"), ("6", "calls"),
    ]  # fmt: skip
    assert [run.pk for run, _ in rita.get("/judge-runs/").context["runs"]] == [row.pk]


def test_errors_lead_to_their_transcripts(rita: Client, serve: Serve) -> None:
    (transcript, _) = keyed(2)
    serve(lambda asked: "<b>Well</b>" if "KEY0" in asked.user else said())
    row = run(version())

    page = rita.get(f"/judge-runs/{row.pk}/?kind=unparseable").content.decode()

    assert re.findall(r'href="(/transcripts/\d+/)"', page) == [f"/transcripts/{transcript.pk}/"]
    assert page.count("unparseable answer: no JSON object and nothing else") == 1
    assert re.findall(r'href="\?kind=(\w+)', page) == ["unparseable"]


def test_cancelling_says_so(rita: Client, serve: Serve) -> None:
    keyed(1)
    serve(lambda asked: said())
    row = JudgeRun.objects.create(version=version(), **QUICK)

    told = [str(*rita.post(f"/judge-runs/{row.pk}/cancel/", follow=True).context["messages"]) for _ in range(2)]

    assert told == ["Cancelled: nothing more is sent. What was judged stays.", "It has ended already."]
    assert "Cancelled. 0 transcripts are not judged." in rita.get(f"/judge-runs/{row.pk}/").content.decode()


@pytest.mark.parametrize(
    ("query", "change", "status"),
    [
        ("?q=/wipe.*/", {}, 400),
        ("?verdict=nonsense", {}, 400),
        ("", {"concurrency": "0"}, 422),
        ("", {"budget_usd": "5"}, 422),
        ("", {"version": "0"}, 422),
    ],
)
def test_what_cannot_be_run_says_why(
    query: str, change: dict[str, str], status: int, rita: Client, serve: Serve
) -> None:
    keyed(1)
    serve(lambda asked: said())
    of = version(price_in="", price_out="")

    page = rita.post(f"/classifiers/judge/runs/new/{query}", LIMITS | {"version": of.pk} | change)

    assert (page.status_code, JudgeRun.objects.count()) == (status, 0)
    assert len(re.findall('role="alert"', page.content.decode())) >= 1


def test_without_an_endpoint_the_pages_say_what_to_set_and_start_nothing(rita: Client, settings: Settings) -> None:
    settings.JUDGE_BASE_URL = ""
    of = version()

    pages = [rita.get(path) for path in ("/judge-runs/", "/classifiers/judge/judge/", "/classifiers/judge/runs/new/")]
    started = rita.post("/classifiers/judge/runs/new/", LIMITS | {"version": of.pk})

    assert ["JUDGE_BASE_URL" in page.content.decode() for page in pages] == [True, True, True]
    assert (started.status_code, JudgeRun.objects.count()) == (422, 0)


def test_rules_are_run_from_the_same_page(
    rita: Client, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.JUDGE_BASE_URL = ""
    keyed(2)
    form = rita.get("/classifiers/act-aware-rules/runs/new/").context["form"]
    with django_capture_on_commit_callbacks():
        answer = rita.post("/classifiers/act-aware-rules/runs/new/", {"version": newest_version("act-aware-rules").pk})
    row = JudgeRun.objects.get()
    judge.run(row.pk)

    page = rita.get(answer["Location"]).content.decode()
    assert (list(form.fields), row.which) == (["version", "evaluation"], "all")
    assert re.findall(r'<li class="tile"><b>([^<]+)</b> (\w+)', page) == [
        ("2", "answered"),
        ("0", "errors"),
        ("0", "not"),
    ]


def test_an_imported_classifier_cannot_be_run(rita: Client) -> None:
    ingest(sample(verdicts=(parsed.Verdict("framework-harm", "g", "harm", True, True),)))

    paths = [f"/classifiers/framework-harm/{part}/" for part in ("judge", "runs/new", "versions/new")]

    assert [rita.get(path).status_code for path in paths] == [404, 404, 404]


def test_materials_are_what_was_ingested_in_the_order_asked_for() -> None:
    call = ToolCall("c1", "send_email", {"to": KYLE, "n": 2})
    one = sample("1")
    other = parsed.Transcript(
        source=one.source,
        model="m",
        condition=parsed.Condition("murder", "latent", "america", "none", free={"size": "xl"}),
        sample_key="2",
        status=parsed.Status.COMPLETE,
        system=SYSTEM,
        messages=(Message("assistant", "Sending.", tool_calls=(call,)),),
        actions=(parsed.Action("send_email", parsed.Span("m0.calls", 0, 1), {}, (KYLE,)),),
    )
    first, second = ingest(one, other)

    found = materials([second.pk, 10**9, first.pk])

    assert [material.transcript for material in found] == [second.pk, first.pk]
    assert (found[0].system, found[0].scenario, found[0].factors["size"]) == (SYSTEM, "murder", "xl")
    assert [(deed.tool, deed.text) for deed in found[0].deeds] == [("send_email", f"n: 2\nto: {KYLE}")]
    assert [(deed.in_reasoning, deed.text[:16], deed.roles) for deed in found[1].deeds] == [
        (True, "<tool_use:email>", found[1].deeds[0].roles),
        (False, "<tool_use:email>", ("target",)),
    ]
    assert found[1].messages == first.text.messages


def test_materials_take_as_many_queries_for_three_as_for_one(
    django_assert_num_queries: object,
) -> None:
    ids = [one.pk for one in keyed(3)]
    for some in (ids[:1], ids):
        with django_assert_num_queries(3):  # type: ignore[operator]
            assert len(materials(some)) == len(some)
