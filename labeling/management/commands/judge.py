"""Run a classifier over transcripts, through a worker."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from amdash.celery import app
from labeling.campaigns.population import CannotDraw
from labeling.judges.endpoint import NotConfigured
from labeling.judges.launch import CannotLaunch, launch, newest_version
from labeling.judges.progress import Progress, progress
from labeling.models import JudgeRun
from transcripts.models import Evaluation

LOOK_SECONDS = 1.0
# Between two looks for a worker while the run waits for one.
ASK_SECONDS = 15.0
NOBODY = "No worker answers. ./run starts one, and so does: celery -A amdash worker --beat"


def somebody_answers() -> bool:
    """Whether there is a worker; a busy one answers as well."""
    return bool(app.control.broadcast("ping", reply=True, timeout=3.0, limit=1))


def positive(text: str) -> int:
    number = int(text)
    if not 0 < number < 10**9:
        raise ArgumentTypeError(f"{text} is not above 0, or too large")
    return number


def dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is no amount") from None
    if not amount.is_finite() or not 0 <= amount < 10**8:
        raise ArgumentTypeError(f"{text} is no amount that can be spent")
    return amount


class Command(BaseCommand):
    help = (
        "Runs a model judge or rules over transcripts in a worker, and shows how far it is. Ctrl-C leaves it running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--classifier", required=True, metavar="SLUG", help="its newest version is run")
        parser.add_argument("--evaluation", metavar="NAME", help="default: the transcripts of all evaluations")
        parser.add_argument("--all", action="store_true", help="those with an answer of this version as well")
        parser.add_argument("--concurrency", type=positive, default=8, metavar="N", help="calls at once (default 8)")
        parser.add_argument("--per-minute", type=positive, metavar="N", help="calls a minute at most")
        parser.add_argument("--timeout", type=positive, default=120, metavar="SECONDS", help="that a call may take")
        parser.add_argument("--budget-usd", type=dollars, metavar="AMOUNT", help="stop before more than this is spent")
        parser.add_argument("--budget-tokens", type=positive, metavar="N", help="the same in tokens, read and written")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        evaluation = None
        if options["evaluation"]:
            evaluation = Evaluation.objects.filter(name=options["evaluation"]).first()
            if evaluation is None:
                raise CommandError(f"There is no evaluation {options['evaluation']!r}.")
        if not somebody_answers():
            raise CommandError(NOBODY)
        try:
            version = newest_version(options["classifier"])
            row = JudgeRun(
                version=version,
                evaluation=evaluation,
                which=JudgeRun.Which.ALL if options["all"] else JudgeRun.Which.MISSING,
                concurrency=options["concurrency"],
                per_minute=options["per_minute"],
                timeout_seconds=options["timeout"],
                budget_usd=options["budget_usd"],
                budget_tokens=options["budget_tokens"],
            )
            row.full_clean(exclude=["created_by"])
            run = launch(row, None)
        except (CannotLaunch, NotConfigured, CannotDraw) as problem:
            raise CommandError(str(problem)) from None
        self.stderr.write(f"{version}: {reverse('labeling:judge_run', args=[run.pk])}")
        try:
            told = self.watch(run)
        except KeyboardInterrupt:
            raise CommandError("The run goes on. Its page shows how far it is, and cancels it.") from None
        self.tell(run, told, as_json=options["json"])

    def watch(self, run: JudgeRun) -> Progress:
        """Until it ends; a line whenever it got on."""
        asked, last = time.monotonic(), ""
        while True:
            run.refresh_from_db()
            told = progress(run)
            line = f"{told.done:,} of {told.planned:,} judged, {told.failed:,} errors" + (
                f", ${float(told.cost):.4f}" if told.cost else ""
            )
            if line != last and run.planned_at:
                self.stderr.write(line)
                last = line
            if not run.is_open:
                return told
            if run.state == JudgeRun.State.QUEUED and time.monotonic() > asked + ASK_SECONDS:
                asked = time.monotonic()
                self.stderr.write("The run waits for a worker." if somebody_answers() else NOBODY)
            time.sleep(LOOK_SECONDS)

    def tell(self, run: JudgeRun, told: Progress, *, as_json: bool) -> None:
        if as_json:
            report = {"run": run.pk, "state": run.state, "problem": run.problem, **told.as_json()}
            self.stdout.write(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
        else:
            self.stdout.write(
                f"{run.get_state_display().capitalize()}: {told.answered:,} answered, {told.failed:,} errors, "
                f"{told.left:,} not judged, {told.skipped:,} had an answer; {told.calls:,} calls, "
                f"{told.tokens:,} tokens" + (f", ${told.cost}" if told.cost else "") + "."
            )
            for kind, n in told.errors.items():
                self.stdout.write(f"  {n:,} × {kind}")
        if run.problem:
            self.stderr.write(run.problem)
        if run.state != JudgeRun.State.DONE or (told.failed and not told.answered):
            sys.exit(1)
