"""How far a campaign's raters agree, on each question and outcome, and how well each of them answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from labeling.access import adjudicated_campaign, managed_campaign, may_manage
from labeling.models import Campaign
from labeling.panel.agreement import Report, coefficient_words, disagreements, disputed, disputed_rows, report
from labeling.panel.ratings import Panel, Subject, current_labels, panel, subjects
from labeling.panel.reliability import Habit, Standing, evidence_overlap, habits, in_words, standings
from labeling.stats.contrast import signed
from labeling.stats.pairs import Pair
from labeling.stats.raters import Quality
from labeling.stats.spans import Overlap
from labeling.stats.words import percent
from transcripts.access import may_read

SHOWN_AT_ONCE = 25
# With so many labels the page brings all figures itself; with more each line is fetched as it comes into view.
FEW_LABELS = 200


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


@never_cache
@require_safe
def agreement(request: HttpRequest, pk: int) -> HttpResponse:
    """One line per outcome and question, and the items on which raters differ most."""
    campaign, user = adjudicated_campaign(request.user, pk)
    labels = current_labels(campaign).count()
    whole = labels <= FEW_LABELS
    pages = Paginator(disputed(campaign), SHOWN_AT_ONCE)
    page = pages.get_page(request.GET.get("page"))
    context = {
        "campaign": campaign,
        "labels": labels,
        "lines": [(subject, report(panel(campaign, subject)) if whole else None) for subject in subjects(campaign)],
        "page": page,
        "disagreements": disputed_rows(list(page.object_list)),
        "may_read": may_read(user),
        "may_manage": may_manage(user),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/agreement.html", context)


@never_cache
@require_safe
def agreement_on(request: HtmxRequest, pk: int, subject: str) -> HttpResponse:
    """One outcome or question: as a line of the table for htmx, and as a page with pairs of raters and items."""
    campaign, user = adjudicated_campaign(request.user, pk)
    about = _subject(campaign, subject)
    found = panel(campaign, about)
    said = report(found)
    context: dict[str, object] = {"campaign": campaign, "subject": about, "report": said}
    if request.htmx:
        return render(request, "labeling/agreement.html#line", context)
    page = Paginator(disagreements(found), SHOWN_AT_ONCE).get_page(request.GET.get("page"))
    context |= {
        "page": page,
        "disagreements": page.object_list,
        "shares": _shares(said),
        "pairs": _pairs(found, said, user),
        "overlap": _overlap_words(evidence_overlap(found, campaign, about.question)),
        "may_read": may_read(user),
        "may_manage": may_manage(user),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/agreement_on.html", context)


@never_cache
@require_safe
def raters(request: HttpRequest, pk: int) -> HttpResponse:
    """Each rater's pace and habits, and how well they answer one outcome or question. With names: for managers."""
    campaign = managed_campaign(request.user, pk)
    known = subjects(campaign)
    about = _subject(campaign, request.GET.get("on") or known[0].slug) if known else None
    context = {
        "campaign": campaign,
        "subjects": known,
        "subject": about,
        "synthetic": campaign.evaluation.synthetic,
    } | _quality(campaign, about)
    return render(request, "labeling/raters.html", context)


def _quality(campaign: Campaign, about: Subject | None) -> dict[str, object]:
    people = habits(campaign)
    if about is None:
        return {"habits": [_habit_line(habit, None) for habit in people]}
    found = standings(campaign, about)
    marked = evidence_overlap(panel(campaign, about), campaign)
    shares = found.consensus.shares if found.consensus else ()
    again = [coefficient_words("percent", found.repeat_percent), coefficient_words("kappa", found.repeat_kappa)]
    return {
        "habits": [_habit_line(habit, marked) for habit in people],
        "standings": found,
        "shares": [percent(share) for share in shares],
        "has_gold": any(one.gold for one in found.by_rater.values()),
        "again": again if found.repeats else [],
        "lines": [
            _rater_line(_name(habit.rater), found.by_rater[habit.rater.pk], about, shares)
            for habit in people
            if habit.rater.pk in found.by_rater
        ],
        "overlap": _overlap_words(marked),
    }


def _shares(said: Report) -> list[tuple[str, str, str]]:
    """Each answer with its share, without and with unsure as one of them."""
    counted = said.with_unsure.shares if said.with_unsure else said.figures.shares
    known = dict(said.figures.shares)
    return [(name, percent(known[name]) if name in known else "–", percent(share)) for name, share in counted]


@dataclass(frozen=True)
class PairLine:
    first: str
    second: str
    n: int
    kappa: str
    between: str


def _pairs(found: Panel, said: Report, user: User) -> list[PairLine]:
    """Pairs of raters, the least agreeing first; names are for those who run the campaign."""
    people = User.objects.in_bulk(found.raters) if may_manage(user) else {}
    names = [_name(people[pk]) if pk in people else f"Rater {n}" for n, pk in enumerate(found.raters, start=1)]
    pairs = sorted(said.figures.pairs.pairs, key=lambda pair: (pair.kappa.value is None, pair.kappa.value, -pair.n))
    return [_pair_line(pair, names) for pair in pairs]


def _pair_line(pair: Pair, names: list[str]) -> PairLine:
    value, between = coefficient_words("kappa", pair.kappa)
    return PairLine(names[pair.first], names[pair.second], pair.n, value, between)


@dataclass(frozen=True)
class OverlapWords:
    value: str
    between: str
    n_pairs: int
    n_items: int
    n_one_sided: int


def _overlap_words(marked: Overlap) -> OverlapWords:
    value, between = coefficient_words("f1", marked.f1)
    return OverlapWords(value, between, marked.n_pairs, marked.f1.n_items, marked.n_one_sided)


@dataclass(frozen=True)
class HabitLine:
    """A rater's pace and habits in words."""

    name: str
    habit: Habit
    unsure: str
    overlap: str


def _habit_line(habit: Habit, marked: Overlap | None) -> HabitLine:
    mean, n = marked.by_rater.get(habit.rater.pk, (0.0, 0)) if marked else (0.0, 0)
    share = habit.unsure.value
    return HabitLine(
        _name(habit.rater),
        habit,
        "–" if share is None else percent(share),
        f"{signed(mean)} of {n:,}" if n else "–",
    )


@dataclass(frozen=True)
class RaterLine:
    """How well a rater answers one subject, in words: columns of one table."""

    name: str
    gold: list[str]
    others: list[str]
    # By Dawid and Skene: of all transcripts, and of each true answer.
    error: str
    wrong: list[str]
    repeat: str


def _rater_line(name: str, one: Standing, about: Subject, shares: Sequence[float]) -> RaterLine:
    def columns(found: Quality | None) -> list[str]:
        if not about.is_yes_or_no:
            return [in_words(found.right if found else None)]
        # The answers are no and yes: how much of each truth is recognised.
        return [in_words(found.by_truth[place] if found else None) for place in (1, 0)]

    wrong = [percent(share) for share in one.wrong] if one.confusion else []
    error = percent(sum(map(mul, shares, one.wrong))) if one.confusion else "–"
    return RaterLine(name, columns(one.gold), columns(one.others), error, wrong, in_words(one.repeat))


def _subject(campaign: Campaign, slug: str) -> Subject:
    found = next((one for one in subjects(campaign) if one.slug == slug), None)
    if found is None:
        raise Http404
    return found


def _name(rater: User) -> str:
    return rater.get_full_name() or rater.get_username()
