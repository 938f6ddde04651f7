"""Asks a model judge about the transcripts of a run, many at once, until none is left or something ends it.

What is claimed and not yet kept is never more than three times the calls allowed at once: so much, and no more, a
killed worker's run asks again.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import transaction

from labeling.judges.budget import Budget
from labeling.judges.endpoint import TECHNICAL, Caller, Reply
from labeling.judges.items import Claimed, Finished, Paid, claim, finish_items
from labeling.judges.job import Job
from labeling.judges.keep import Said
from labeling.judges.material import Judged, Material
from labeling.judges.materials import materials
from labeling.judges.prompt import MOST_KEPT, Prompt, Unparseable, failed, judged, read
from labeling.judges.protocol import Completion, shown
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun

if TYPE_CHECKING:
    from labeling.judges.judge import End, Refreshed

WINDOW = 3  # times the calls at once: some under way, some ready to go, some about to be kept
WINDOW_CHARACTERS = 30_000_000
KEEP_SECONDS = 0.5
# Calls that are under way when a run is stopped are paid for: so long they are waited for.
GRACE_SECONDS = 10.0
# So many transcripts in a row, or three rounds of all calls at once, and the endpoint is taken to be away.
STREAK = 20
State = JudgeRun.State


@dataclass(slots=True)
class Asked:
    """A question that is out."""

    item: Claimed
    material: Material
    characters: int
    guess: tuple[int, int]


class Asking:
    """One attempt at a run of a model judge."""

    def __init__(self, job: Job, refreshed: Refreshed) -> None:
        self.job, self.run, self.refreshed = job, job.row, refreshed
        self.judge = ModelJudge.of(self.run.version)
        self.budget = Budget.of(self.run, self.judge)
        self.endpoint = self.judge.endpoint(settings.JUDGE_API_KEY, self.run.timeout_seconds)
        self.out: dict[int, Asked] = {}
        self.finished: list[Finished] = []
        self.streak = 0
        self.end: End | None = None
        self._from = 0  # every item before it is claimed
        self._full = False  # nothing fits into the budget until something comes back
        self._done, self._begin, self._kept = 0, time.monotonic(), time.monotonic()

    def until_it_ends(self) -> End:
        with Caller(self.endpoint, self.run.concurrency, self.run.per_minute) as caller:
            while self.end is None:
                self._tick(caller)
            self._call_off(caller)
        return self.end

    def _tick(self, caller: Caller) -> None:
        """Take in what has come back; keep it and claim as much again; send that."""
        self._take_in(caller, 0.05 if self.out else 0.0)
        due = time.monotonic() > self._kept + KEEP_SECONDS
        enough = len(self.finished) >= max(1, self.run.concurrency // 2)
        if not (due or enough or not self.out):
            return
        with transaction.atomic():
            if not self.job.hold():
                self.end = State.CANCELLED, ""
            claimed = self._keep_and_claim()
        self._send(caller, claimed)
        if not self.out and not self.finished and not claimed and self.end is None:
            self.end = (State.OUT_OF_BUDGET, "") if self._full else (State.DONE, "")
        self.refreshed.if_due()

    def _take_in(self, caller: Caller, seconds: float) -> None:
        """Everything that is there by now; the first of it is waited for."""
        try:
            name, reply = caller.done.get(timeout=seconds) if seconds else caller.done.get_nowait()
            while True:
                self._come_back(cast(int, name), reply)
                name, reply = caller.done.get_nowait()
        except queue.Empty:
            caller.check()

    def _come_back(self, pk: int, reply: Reply) -> None:
        asked = self.out.pop(pk)
        tokens = (0, 0)
        if reply.completion and reply.completion.tokens_in is not None and reply.completion.tokens_out is not None:
            tokens = reply.completion.tokens_in, reply.completion.tokens_out
        unheard = reply.unmetered + (0 if reply.unsent else asked.item.lost)
        guessed = (asked.guess[0] * unheard, asked.guess[1] * unheard)
        self.budget.come_back(asked.guess, tokens, guessed)
        paid = Paid(reply.calls, reply.unmetered, tokens, guessed)
        if reply.unsent:
            self.finished.append(Finished(pk, unsent=True, paid=paid))
            self._from = min(self._from, pk)
            return
        self._full = False
        said, kind = self._answer(asked.material, reply)
        kept = [Said(asked.item.transcript, asked.item.text_sha256, said)]
        self.finished.append(Finished(pk, kept, kind, paid=paid))
        self.streak = self.streak + 1 if kind in TECHNICAL else 0
        if self.end is not None:
            return
        if kind == "refused":
            self.end = State.FAILED, f"The endpoint refuses every call: {reply.problem}"
        elif self.streak >= max(STREAK, WINDOW * self.run.concurrency):
            self.end = State.FAILED, f"{self.streak} transcripts in a row got no answer. The last: {reply.problem}"

    def _answer(self, material: Material, reply: Reply) -> tuple[Judged, str]:
        """The verdict, and the kind of its error where it is one."""
        said = reply.completion
        if said is None:
            return failed(self.judge.outcome, f"{reply.kind}: {reply.problem}", {}), reply.kind
        raw = {"model": said.model, "finish": said.finish[:100]}
        kind, problem = _unusable(said)
        if not kind:
            try:
                return judged(read(said.content or ""), material, self.judge.outcome, raw), ""
            except Unparseable as found:
                kind, problem = "unparseable", f"unparseable answer: {found}"
        kept = shown((said.content or "").encode(errors="replace"), MOST_KEPT)
        return failed(self.judge.outcome, problem, raw | {"content": kept}), kind

    def _keep_and_claim(self) -> list[Claimed]:
        finish_items(self.run, self.finished)
        self._done += sum(not one.unsent for one in self.finished)
        self._kept = time.monotonic()
        self.job.rate = self._done / (self._kept - self._begin)
        self.finished = []
        room = WINDOW * self.run.concurrency - len(self.out)
        wide = sum(asked.characters for asked in self.out.values()) < WINDOW_CHARACTERS
        if self.end or self._full or room <= 0 or not wide:
            return []
        claimed = claim(self.run, room, sent=True, start=self._from)
        self._from = max([self._from, *(item.pk + 1 for item in claimed)])
        return claimed

    def _send(self, caller: Caller, claimed: list[Claimed]) -> None:
        """Ask about these; what is too long or does not fit into the budget is not sent."""
        found = {material.transcript: material for material in materials([item.transcript for item in claimed])}
        for item in claimed:
            material = found.get(item.transcript)
            if material is None:  # deleted meanwhile, and the item with it
                continue
            prompt = self.judge.prompt(material)
            guess = self.judge.guess(prompt.characters)
            if prompt.characters > self.judge.max_characters:
                self.finished.append(self._too_long(item, prompt))
            elif self._full or not self.budget.take(guess):
                self._full = True
                self._from = min(self._from, item.pk)
                self.finished.append(Finished(item.pk, unsent=True))
            else:
                self.out[item.pk] = Asked(item, material, prompt.characters, guess)
                caller.put(item.pk, prompt)

    def _too_long(self, item: Claimed, prompt: Prompt) -> Finished:
        problem = (
            f"too long: {prompt.characters:,} characters; this judge is sent at most {self.judge.max_characters:,}"
        )
        said = failed(self.judge.outcome, problem, {})
        return Finished(item.pk, [Said(item.transcript, item.text_sha256, said)], "too long")

    def _call_off(self, caller: Caller) -> None:
        """Wait a little for what is under way, and keep it."""
        caller.call_off()
        until = time.monotonic() + GRACE_SECONDS
        while self.out and time.monotonic() < until:
            self._take_in(caller, 0.1)
        caller.call_off(abort=True)
        while self.out:
            self._take_in(caller, 1.0)
        with transaction.atomic():
            self.job.hold()
            finish_items(self.run, self.finished)


def _unusable(said: Completion) -> tuple[str, str]:
    """Kind and words of what is wrong with a completion before its content is read."""
    if said.refusal:
        return "refusal", f"refusal: {shown(said.refusal.encode(errors='replace'), 500)}"
    if said.finish == "content_filter":
        return "refusal", "refusal: the endpoint's content filter stopped the answer"
    if said.finish == "length":
        return "cut short", "cut short: the answer reached the limit of tokens before its end"
    if said.content is None:
        return "unparseable", "unparseable answer: the message holds no text"
    return "", ""
