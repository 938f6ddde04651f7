"""Two transcripts side by side, and two conditions: what differs in what was shown, thought and done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from transcripts.access import readable_transcript, readable_transcripts, require_reader
from transcripts.comparing.counterfactuals import counterfactuals, first_of_cells, flips
from transcripts.comparing.differences import Stretch, differences, shortened
from transcripts.models import Cell, Condition, Prompt, Transcript
from transcripts.page import gaps
from transcripts.page.judgements import Judgement, judgement
from transcripts.page.reading import Reading, read
from transcripts.synthetic import ribbon

from .transcript import cast, factors
from .transcripts import kept_query


@dataclass(frozen=True)
class Side:
    """One of the two transcripts; `prefix` sets its anchors apart."""

    name: str
    prefix: str
    transcript: Transcript
    reading: Reading
    judgements: list[Judgement]
    gaps: list[str]


@dataclass(frozen=True)
class PromptDifference:
    """How one part of the prompt differs between the two."""

    name: str
    before: str
    after: str

    @property
    def same(self) -> bool:
        return self.before == self.after

    @property
    def length(self) -> int:
        return len(self.before)

    @cached_property
    def stretches(self) -> list[Stretch]:
        return differences(self.before, self.after)

    @cached_property
    def short(self) -> list[Stretch]:
        return shortened(self.stretches)

    @property
    def is_cut(self) -> bool:
        return self.short != self.stretches


@require_safe
def beside(request: HttpRequest, pk: int) -> HttpResponse:
    """The transcript beside its nearest counterfactual; where there is none, a page that says so."""
    found = readable_transcript(request.user, pk)
    near = counterfactuals(found, readable_transcripts(request.user), "harm")
    query = _query(request)
    if near:
        return redirect(reverse("transcripts:compare", args=[found.pk, near[0].transcript.pk]) + query)
    return render(request, "transcripts/alone.html", {"transcript": found, "query": query})


@require_safe
def compare(request: HttpRequest, first: int, second: int) -> HttpResponse:
    left, right = _side(request.user, first, "left"), _side(request.user, second, "right")
    near = counterfactuals(left.transcript, readable_transcripts(request.user), "harm")
    ids = [one.transcript.pk for one in near]
    at = ids.index(second) if second in ids else -1
    context = {
        "left": left,
        "right": right,
        "sides": [left, right],
        "flips": flips(left.transcript.cell.condition, right.transcript.cell.condition),
        "prompts": _prompts(left.transcript.prompt, right.transcript.prompt),
        "beside": near,
        "next": ids[at + 1] if at + 1 < len(ids) else None,
        "previous": ids[at - 1] if at > 0 else None,
        "query": _query(request),
        "synthetic": ribbon(side.transcript.cell.evaluation for side in (left, right)),
    }
    return render(request, "transcripts/compare.html", context)


@require_safe
def condition(request: HttpRequest, pk: int) -> HttpResponse:
    """A condition with the whole prompt that it stands for, who was tested in it, and what is one factor away."""
    require_reader(request.user)
    found = get_object_or_404(Condition, pk=pk)
    cells = list(found.cells.with_counts().select_related("evaluation", "model").order_by("evaluation", "model"))
    first = first_of_cells(readable_transcripts(request.user).select_related("prompt"), cells)
    others = Condition.objects.filter(scenario=found.scenario).exclude(pk=pk)
    flipped = [(other, flips(found, other)) for other in others]
    context = {
        "condition": found,
        "factors": factors(found),
        "lines": [{"cell": cell, "first": first.get(cell.pk)} for cell in cells],
        "prompts": list({sample.prompt_id: sample.prompt for sample in first.values()}.values()),
        "beside": [(other, one[0]) for other, one in flipped if len(one) == 1],
        "synthetic": ribbon(cell.evaluation for cell in cells),
    }
    return render(request, "transcripts/condition.html", context)


@require_safe
def conditions(request: HttpRequest, first: int, second: int) -> HttpResponse:
    """What differs between the prompts of two conditions, as one sample of each was sent them."""
    require_reader(request.user)
    left, right = (get_object_or_404(Condition, pk=pk) for pk in (first, second))
    samples = _samples(request.user, left, right)
    context = {
        "left": left,
        "right": right,
        "flips": flips(left, right),
        "samples": samples,
        "prompts": _prompts(*(sample.prompt for sample in samples)) if samples else [],
        "evaluations": {sample.cell.evaluation for sample in samples},
        "synthetic": ribbon(sample.cell.evaluation for sample in samples),
    }
    return render(request, "transcripts/conditions.html", context)


def _side(user: AbstractBaseUser | AnonymousUser, pk: int, name: str) -> Side:
    found = readable_transcript(user, pk)
    verdicts = list(found.verdicts.select_related("version__classifier"))
    reading = read(found.prompt, found.text, list(found.actions.all()), cast(found.cell.condition.scenario))
    cancelled = any(deed.verb == "cancel" for deed in reading.deeds)
    return Side(
        name=name,
        prefix=f"{name}-",
        transcript=found,
        reading=reading,
        judgements=[judgement(verdict, cancelled=cancelled) for verdict in verdicts],
        gaps=[*gaps.of_transcript(found, reading), *gaps.of_verdicts(found, verdicts)],
    )


def _prompts(left: Prompt, right: Prompt) -> list[PromptDifference]:
    return [
        PromptDifference("System prompt", left.system, right.system),
        PromptDifference("User message, with the inbox", left.user, right.user),
    ]


def _samples(user: AbstractBaseUser | AnonymousUser, left: Condition, right: Condition) -> list[Transcript]:
    """A sample of each, of the same evaluation and model where there is one; none where one of the two has none."""
    cells = Cell.objects.filter(condition__in=[left, right]).order_by("pk")
    first = first_of_cells(
        readable_transcripts(user).select_related("prompt", "cell__evaluation", "cell__model"), cells
    )
    sides = [[one for one in first.values() if one.cell.condition_id == of.pk] for of in (left, right)]
    pairs = [[here, there] for here in sides[0] for there in sides[1]]
    return max(pairs, key=_alike, default=[])


def _alike(pair: Sequence[Transcript]) -> tuple[bool, bool]:
    here, there = (sample.cell for sample in pair)
    return here.evaluation_id == there.evaluation_id, here.model_id == there.model_id


def _query(request: HttpRequest) -> str:
    """The filters of the list that the reader came from."""
    query = kept_query(request.GET)
    return f"?{query}" if query else ""
