"""Runs a classifier over transcripts, under a lease: plan, judge until nothing is left, bring the roll-ups up to date.

A killed worker's run goes on with what is left. Each transcript ends with one answer or one error.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from labeling.judges.ask import Asking
from labeling.judges.endpoint import NotConfigured
from labeling.judges.items import Claimed, Finished, claim, finish_items, planned
from labeling.judges.job import FRUITLESS, Job, Lost, take
from labeling.judges.keep import Said, make_searchable
from labeling.judges.material import Judged, Material
from labeling.judges.materials import materials
from labeling.judges.progress import counted
from labeling.judges.rules import OUTCOME, RULES, VERSIONS
from labeling.models import JudgeItem, JudgeRun
from transcripts.models import Classifier
from transcripts.models.tallies import refresh_tallies

TOGETHER = 500  # transcripts that rules judge in one transaction
# Roll-ups are refreshed in the middle of a run so often, and so seldom that it costs no more than a twentieth.
REFRESH_SECONDS = 60.0
REFRESH_SHARE = 20
State = JudgeRun.State
End = tuple[JudgeRun.State, str]
Rule = Callable[[Material], list[Judged]]


def run(run_id: int) -> None:
    """Do the run if nobody else is at it. Raises what went wrong, once it is written down."""
    job = take(run_id)
    if job is None:
        return
    try:
        with job.kept():
            state, problem = _judge(job)
            _end(job, state, problem)
    except Lost:
        return
    except (OperationalError, InterfaceError):
        raise  # the database's trouble: when the lease has run out, the run is taken again
    except NotConfigured as problem:
        _fail(job, str(problem))
    except Exception as problem:
        _fail(job, f"{type(problem).__name__}: {problem}")
        raise


def _fail(job: Job, problem: str) -> None:
    with suppress(Lost):
        _end(job, State.FAILED, problem)


def _judge(job: Job) -> End:
    row = job.row
    if row.state == State.CANCELLED:
        return State.CANCELLED, ""
    if row.fruitless > FRUITLESS:
        return State.FAILED, f"given up after {FRUITLESS} attempts in a row that kept nothing"
    rules = row.version.classifier.slug if row.version.classifier.kind == Classifier.Kind.RULES else ""
    if rules and VERSIONS.get(rules) != row.version.version:
        return State.FAILED, f"the rules here are {VERSIONS.get(rules, 'gone')}, not {row.version.version}: start anew"
    with transaction.atomic():
        if not job.hold():
            return State.CANCELLED, ""
        planned(row)
    refreshed = Refreshed()
    if row.version.classifier.kind == Classifier.Kind.MODEL:
        return Asking(job, refreshed).until_it_ends()
    return _by_rules(job, RULES[row.version.classifier.slug], refreshed)


def _by_rules(job: Job, rule: Rule, refreshed: Refreshed) -> End:
    done, start, begin = 0, 0, time.monotonic()
    while True:
        with transaction.atomic():
            if not job.hold():
                return State.CANCELLED, ""
            claimed = {item.transcript: item for item in claim(job.row, TOGETHER, sent=False, start=start)}
            if not claimed:
                return State.DONE, ""
            found = materials(list(claimed))
            finish_items(job.row, [_ruled(claimed[material.transcript], material, rule) for material in found])
        start = max(item.pk for item in claimed.values()) + 1
        done += len(found)
        job.rate = done / (time.monotonic() - begin)
        refreshed.if_due()


def _ruled(item: Claimed, material: Material, rule: Rule) -> Finished:
    try:
        said = rule(material)
    except Exception as problem:  # one text that the rules stumble over is an error, and the others are judged
        said = [Judged(OUTCOME, None, error=f"the rules failed: {type(problem).__name__}: {problem}")]
    kind = "rules" if any(one.error for one in said) else ""
    return Finished(item.pk, [Said(item.transcript, item.text_sha256, one) for one in said], kind)


class Refreshed:
    """The roll-ups, brought up to date now and then: a page about a run that takes hours shows what is there."""

    def __init__(self) -> None:
        self._due = time.monotonic() + REFRESH_SECONDS

    def if_due(self) -> None:
        begin = time.monotonic()
        if begin < self._due:
            return
        refresh_tallies()
        end = time.monotonic()
        self._due = end + max(REFRESH_SECONDS, REFRESH_SHARE * (end - begin))


def _end(job: Job, state: JudgeRun.State, problem: str) -> None:
    """Make what was written findable and counted, and say how the run ended; a cancelled one stays cancelled."""
    row = job.row
    changed = JudgeItem.objects.filter(run=row, changed=True).order_by("pk")
    last = 0
    while rows := list(changed.filter(pk__gt=last).values_list("pk", "transcript_id")[:TOGETHER]):
        make_searchable([transcript for _, transcript in rows])
        last = rows[-1][0]
    refresh_tallies()
    with transaction.atomic():
        if not job.hold():
            state, problem = State.CANCELLED, ""
        JudgeRun.objects.filter(pk=row.pk).update(
            state=state,
            problem=problem,
            report=counted(row).as_json(),
            finished_at=timezone.now(),
            leased_until=None,
            rate=None,
        )
