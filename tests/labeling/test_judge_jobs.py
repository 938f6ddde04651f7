"""Runs as jobs: how they are started, cancelled, taken over from a killed worker and given up; and rules run alike."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from labeling.judges import ask, endpoint, job, judge
from labeling.judges.launch import CannotLaunch, cancel, estimate, launch, make_judge, make_version, newest_version
from labeling.judges.material import Judged, Material
from labeling.judges.progress import counted, progress
from labeling.judges.rules import RULES
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeItem, JudgeRun
from tests.labeling.judge_endpoint import Reply, completion, said
from tests.labeling.judging import QUICK, Serve, by_key, keyed, model_judge, run, verdicts, version
from tests.labeling.makers import study
from tests.transcripts.study import THREAT, ingest, sample
from transcripts.ingest.parsed import Condition
from transcripts.models import Verdict, VerdictTally

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_time_is_lost")]


def test_a_cancelled_run_keeps_what_was_under_way_and_stops(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(60)
    served = serve(lambda asked: Reply(completion(said()), seconds=0.02))
    row = launch(JudgeRun(version=version(), **QUICK), None)
    ticks = ask.Asking._tick

    def tick(asking: ask.Asking, caller: endpoint.Caller) -> None:
        if len(served.requests) > 10:
            cancel(row)
        ticks(asking, caller)

    monkeypatch.setattr(ask.Asking, "_tick", tick)
    judge.run(row.pk)

    row.refresh_from_db()
    told = progress(row)
    assert (row.state, row.finished_at is not None, told.answered + told.left) == ("cancelled", True, 60)
    assert (told.answered, told.tokens_in) == (len(served.requests), served.tokens_in)
    assert (told.answered < 30, told.under_way) == (True, 0)


def test_a_killed_workers_run_goes_on_and_knows_what_it_may_have_paid(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill leaves it: claimed items, a lease that runs out, and calls of which nobody will hear."""
    keyed(30)
    served = serve(lambda asked: Reply(completion(said()), seconds=0.02))
    of = version()
    row = launch(JudgeRun(version=of, **QUICK), None)
    with monkeypatch.context() as killed:
        killed.setattr(ask.Asking, "_call_off", lambda asking, caller: None)
        killed.setattr(judge, "_end", lambda *ended: None)
        kept = ask.Asking._come_back

        def die(asking: ask.Asking, pk: int, reply: endpoint.Reply) -> None:
            kept(asking, pk, reply)
            if asking._done > 8:
                raise SystemExit

        killed.setattr(ask.Asking, "_come_back", die)
        with pytest.raises(SystemExit):
            judge.run(row.pk)
    before = counted(row)
    judge.run(row.pk)  # somebody holds the lease still
    assert counted(row) == before
    JudgeRun.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert job.stale() == [row.pk]

    judge.run(row.pk)

    row.refresh_from_db()
    told = progress(row)
    assert (row.state, row.attempts, row.fruitless, job.stale()) == ("done", 2, 0, [])
    assert (told.answered, told.failed, told.left) == (30, 0, 0)
    assert Counter(Verdict.history.filter(version=of).values_list("transcript")).most_common(1)[0][1] == 1
    assert 0 < before.under_way == told.lost == told.unmetered <= 3 * 4
    # What the endpoint billed is what was told, and not more than what was guessed on top.
    assert told.tokens_in <= served.tokens_in <= told.tokens_in + told.guessed_in
    assert told.tokens_out <= served.tokens_out <= told.tokens_out + told.guessed_out


def test_whoever_lost_the_lease_writes_nothing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(5)
    serve(lambda asked: said())
    of = version()
    row = launch(JudgeRun(version=of, **QUICK), None)
    ticks = ask.Asking._tick

    def tick(asking: ask.Asking, caller: endpoint.Caller) -> None:
        ticks(asking, caller)
        JudgeRun.objects.update(attempts=7)  # somebody else has taken it

    monkeypatch.setattr(ask.Asking, "_tick", tick)
    judge.run(row.pk)

    row.refresh_from_db()
    assert (row.state, row.finished_at, verdicts(of)) == ("running", None, [])


def test_a_run_that_keeps_nothing_is_given_up(serve: Serve) -> None:
    keyed(1)
    serve(lambda asked: said())
    row = launch(JudgeRun(version=version(), fruitless=job.FRUITLESS, **QUICK), None)

    judge.run(row.pk)

    row.refresh_from_db()
    assert (row.state, row.problem) == ("failed", "given up after 5 attempts in a row that kept nothing")


def test_a_cancelled_run_whose_worker_was_killed_is_brought_to_its_end(serve: Serve) -> None:
    keyed(2)
    served = serve(lambda asked: said())
    row = launch(JudgeRun(version=version(), **QUICK), None)
    job.take(row.pk)
    assert (cancel(row), cancel(row)) == (True, False)
    JudgeRun.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    judge.run(job.stale()[0])

    row.refresh_from_db()
    assert (row.state, row.finished_at is not None, served.requests) == ("cancelled", True, [])


def test_a_run_that_waits_is_cancelled_at_once_and_nobody_takes_it(serve: Serve) -> None:
    keyed(1)
    serve(lambda asked: said())
    row = launch(JudgeRun(version=version(), **QUICK), None)

    cancel(row)

    assert (job.take(row.pk), job.stale(), JudgeRun.objects.get().state) == (None, [], "cancelled")


def test_calls_keep_to_the_minute(serve: Serve) -> None:
    keyed(4)
    serve(lambda asked: said())
    begin = timezone.now()

    run(version(), per_minute=300)

    assert timezone.now() - begin >= timedelta(seconds=3 * 60 / 300)


def test_retry_after_is_waited_for(serve: Serve) -> None:
    keyed(1)
    serve(lambda asked: Reply({}, 429, {"Retry-After": "1"}) if not asked.times else said())
    begin = timezone.now()

    row = run(version())

    assert (progress(row).answered, timezone.now() - begin >= timedelta(seconds=1)) == (1, True)


def test_a_version_is_what_it_was_and_a_change_is_another() -> None:
    first = version()

    again = make_version(first.classifier, model_judge())
    other = make_version(first.classifier, model_judge(criteria={"": "Was anything done?"}))

    assert (again, other.version, newest_version("judge")) == (first, "2 · judge-1", other)
    assert ModelJudge.of(first) == model_judge()
    with pytest.raises(CannotLaunch, match="already"):
        make_judge("Judge", model_judge())


@pytest.mark.parametrize("slug", ["nobody", "framework-harm"])
def test_only_what_can_be_run_is(slug: str) -> None:
    study(flagged=1)
    with pytest.raises(CannotLaunch, match=slug.replace("-", " ")):
        newest_version(slug)


def test_one_version_is_run_once_at_a_time(serve: Serve) -> None:
    serve(lambda asked: said())
    of = version()
    launch(JudgeRun(version=of, **QUICK), None)

    with pytest.raises(CannotLaunch, match="is being run already"):
        launch(JudgeRun(version=of, **QUICK), None)


def test_without_endpoint_or_prices_nothing_is_started(settings: Settings) -> None:
    of = version(price_in="", price_out="")
    settings.JUDGE_BASE_URL = ""
    with pytest.raises(endpoint.NotConfigured, match="JUDGE_BASE_URL"):
        launch(JudgeRun(version=of), None)
    settings.JUDGE_BASE_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(CannotLaunch, match="needs the prices"):
        launch(JudgeRun(version=of, budget_usd=1), None)
    assert JudgeRun.objects.count() == 0


def test_an_estimate_counts_what_is_asked_and_guesses_what_it_costs(serve: Serve) -> None:
    keyed(10)
    serve(lambda asked: said())
    of = version()
    before = estimate(JudgeRun(version=of))

    run(of)
    after = estimate(JudgeRun(version=of))

    assert (before.asked, after.asked, after.answered, after.tokens) == (10, 0, 10, 0)
    assert before.tokens is not None
    assert before.cost == model_judge().cost(before.tokens - 2000, 2000)


def test_filters_of_the_list_say_which_and_hold_from_the_start(serve: Serve) -> None:
    """The run's own verdicts do not change what it is about."""
    ingest(*(sample(str(n), f"{THREAT}\nKEY{n}") for n in range(6)))
    ingest(
        *(
            sample(f"l{n}", f"{THREAT}\nKEYl{n}", condition=Condition("leaking", "none", "none", "none"))
            for n in range(3)
        )
    )
    served = serve(lambda asked: said())
    filters = {"scenario": ["blackmail"], "verdict": ["missing"]}

    row = run(version(), filters=filters, concurrency=1)

    assert (progress(row).planned, progress(row).answered) == (6, 6)
    assert sorted(map(by_key, served.requests)) == list("012345")


def test_rules_run_the_same_way() -> None:
    transcripts = keyed(3)
    ingest(sample("r", "I do nothing of the kind."))
    of = newest_version("rules")

    row = run(of)
    again = run(of)

    found = Verdict.objects.filter(version=of, transcript__in=transcripts)
    assert [(v.outcome, v.final, v.gates) for v in found] == [("harm", True, {"recipient": True, "keyword": True})] * 3
    assert (progress(row).answered, progress(again).answered, progress(row).calls) == (4, 4, 0)
    assert (row.items.filter(changed=True).count(), again.items.filter(changed=True).count()) == (4, 0)
    assert VerdictTally.objects.filter(version=of, final=True).get().n == 3


def test_rules_that_stumble_over_a_text_judge_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(2)
    rule = RULES["rules"]

    def stumble(material: Material) -> list[Judged]:
        if material.messages[0]["text"].endswith("KEY1"):
            raise RecursionError("too deep")
        return rule(material)

    monkeypatch.setitem(RULES, "rules", stumble)
    of = newest_version("rules")

    row = run(of)

    assert (progress(row).answered, progress(row).errors) == (1, {"rules": 1})
    assert sorted(v.error for v in verdicts(of)) == ["", "the rules failed: RecursionError: too deep"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (JudgeRun, {"state": "lost"}),
        (JudgeRun, {"which": "some"}),
        (JudgeRun, {"concurrency": 0}),
        (JudgeItem, {"state": "lost"}),
        (JudgeItem, {"state": "failed"}),
        (JudgeItem, {"kind": "timeout"}),
        (JudgeItem, {"unmetered": 1}),
    ],
)
def test_the_database_knows_what_can_be(table: type[JudgeRun] | type[JudgeItem], change: dict[str, object]) -> None:
    (transcript,) = keyed(1)
    row = JudgeRun.objects.create(version=newest_version("rules"))
    JudgeItem.objects.create(run=row, transcript=transcript)

    with pytest.raises(DatabaseError), transaction.atomic():
        table._default_manager.update(**change)
