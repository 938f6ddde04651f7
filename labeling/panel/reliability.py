"""How well each rater of a campaign answers: against known answers, the others and themselves, how fast, how surely."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from django.contrib.auth.models import User
from django.db.models import Count, Q

from labeling.models import Answer, Assignment, Campaign, CampaignItem, Evidence, Expected, Label, Question, Skip
from labeling.panel.ratings import Panel, Subject, chosen, current_labels, panel
from labeling.panel.votes import HASTY_SECONDS, HASTY_SHARE
from labeling.stats.agreement import Coefficient, Ratings, percent_agreement
from labeling.stats.agreement import coefficient as coefficient_of
from labeling.stats.dawid_skene import Consensus
from labeling.stats.pairs import cohen_kappas
from labeling.stats.raters import Pace, Quality, Share, against_the_others, error_rates, pace, quality
from labeling.stats.spans import Overlap, Span, overlap
from labeling.stats.words import rate_with_limits


@dataclass(frozen=True)
class Habit:
    """What can be said of a rater without looking at what they answered."""

    rater: User
    labels: int
    pace: Pace | None
    unsure: Share
    skips: int
    recognised: int


def habits(campaign: Campaign) -> list[Habit]:
    """Everybody who has answered, the most active first. Repeated items count for none of it."""
    labels = current_labels(campaign)
    seconds: dict[int, list[float]] = defaultdict(list)
    recognised: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for rater, took, name in labels.values_list("rater", "seconds", "recognised").order_by():
        count[rater] += 1
        recognised[rater] += bool(name)
        if took is not None:
            seconds[rater].append(took)
    choices = Answer.objects.filter(label__in=labels.order_by().values("pk"), choice__isnull=False)
    unsure = {
        rater: Share(missing, n)
        for rater, missing, n in choices.values_list("label__rater").annotate(
            missing=Count("pk", filter=Q(choice__is_missing=True)), n=Count("pk")
        )
    }
    skips = dict(Skip.objects.filter(item__campaign=campaign).values_list("rater").annotate(n=Count("pk")))
    people = User.objects.in_bulk(count)
    hasty = hasty_seconds([one for of_rater in seconds.values() for one in of_rater])
    return [
        Habit(people[pk], n, pace(seconds[pk], hasty), unsure.get(pk, Share(0, 0)), skips.get(pk, 0), recognised[pk])
        for pk, n in sorted(count.items(), key=lambda one: (-one[1], people[one[0]].username))
    ]


def hasty_seconds(seconds: list[float]) -> float:
    """In less nobody has read a transcript: as where single answers are adjudicated."""
    return max(HASTY_SECONDS, HASTY_SHARE * median(seconds)) if seconds else HASTY_SECONDS


@dataclass(frozen=True)
class Standing:
    """How well one rater answers one subject. Sensitivity and specificity are of a yes-or-no subject."""

    rater: int
    gold: Quality | None
    others: Quality | None
    # Rows: what is true by all raters' answers; columns: what this rater says of it.
    confusion: tuple[tuple[float, ...], ...] | None
    repeat: Share

    @property
    def wrong(self) -> list[float]:
        """Of each true answer, how much this rater calls something else."""
        return [1 - row[place] for place, row in enumerate(self.confusion or ())]


@dataclass(frozen=True)
class Standings:
    """All raters on one subject, and how far raters agree with themselves."""

    subject: Subject
    by_rater: dict[int, Standing]
    no_error_rates: str
    consensus: Consensus | None
    repeats: int
    repeat_percent: Coefficient
    repeat_kappa: Coefficient

    @property
    def answers(self) -> tuple[str, ...]:
        return self.subject.answers


def standings(campaign: Campaign, subject: Subject) -> Standings:
    found = panel(campaign, subject, sample_only=False)
    ratings = found.ratings()
    gold = _against_gold(campaign, subject)
    others = {found.raters[place]: one for place, one in against_the_others(ratings).items()}
    consensus, why_not = error_rates(ratings)
    confusions = dict(zip(found.raters, consensus.confusions, strict=False)) if consensus else {}
    again = _repeats(campaign, subject)
    same = {rater: Share(sum(a == b for a, b in pairs), len(pairs)) for rater, pairs in again.items()}
    pooled = Ratings.of([pair for pairs in again.values() for pair in pairs], range(len(subject.answers)))
    raters = sorted({*found.raters, *gold, *again})
    return Standings(
        subject=subject,
        by_rater={
            pk: Standing(pk, gold.get(pk), others.get(pk), confusions.get(pk), same.get(pk, Share(0, 0)))
            for pk in raters
        },
        no_error_rates=why_not,
        consensus=consensus,
        repeats=len(pooled.weights),
        repeat_percent=coefficient_of(percent_agreement, pooled),
        repeat_kappa=cohen_kappas(pooled).mean,
    )


def _against_gold(campaign: Campaign, subject: Subject) -> dict[int, Quality]:
    """Where one true answer is known. Attention checks tell other things, and the qualification is for learning."""
    code, known = subject.coder(), len(subject.answers)
    keys = {choice.key: choice.pk for choice in subject.question.choices.all()}
    expected = Expected.objects.filter(item__campaign=campaign, purpose=Expected.Purpose.GOLD)
    rows = expected.values_list("item", "answers", "item__transcript__cell__condition__scenario")
    truths: dict[int, tuple[set[int], str]] = {}
    for item, answers, scenario in rows:
        right = {keys[key] for key in answers.get(subject.question.key, ()) if key in keys}
        together = subject.question.kind == Question.Kind.SEVERAL
        codes = {code(one, scenario) for one in ([frozenset(right)] if together else [frozenset({pk}) for pk in right])}
        codes = {place for place in codes if 0 <= place < known}
        if codes and (len(codes) == 1 or not subject.is_yes_or_no):
            truths[item] = (codes, scenario)
    given: dict[int, list[tuple[int, int]]] = defaultdict(list)
    labels = current_labels(campaign).filter(item__in=truths).order_by("pk")
    for item, rater, choices in chosen(campaign, labels, subject.question, "item", "rater"):
        right_places, scenario = truths[item]
        said = code(frozenset(choices), scenario)
        if 0 <= said < known:
            given[rater].append((said, said if said in right_places else min(right_places)))
    return {rater: quality(pairs, known) for rater, pairs in given.items()}


def _repeats(campaign: Campaign, subject: Subject) -> dict[int, list[tuple[int | None, int | None]]]:
    """By rater what they said first and what they said when they were asked again, where they were sure both times."""
    again = Label.objects.filter(
        item__campaign=campaign,
        assignment__purpose=Assignment.Purpose.REPEAT,
        assignment__voided_at=None,
    )
    scenario_of = "item__transcript__cell__condition__scenario"
    asked = chosen(campaign, again.order_by("-pk"), subject.question, "item", "rater", "text_sha256", scenario_of)
    seconds = {(item, rater): (text, choices, scenario) for item, rater, text, scenario, choices in asked}
    firsts = Label.objects.filter(item__in={item for item, _ in seconds}, assignment__purpose=Assignment.Purpose.PANEL)
    # The first label of each, whatever was corrected later: the second was given without a look at it.
    rows = chosen(campaign, firsts.order_by("-pk"), subject.question, "item", "rater", "text_sha256")
    first = {(item, rater): (text, choices) for item, rater, text, choices in rows}
    code, known = subject.coder(), len(subject.answers)
    pairs: dict[int, list[tuple[int | None, int | None]]] = defaultdict(list)
    for (item, rater), (text, choices, scenario) in seconds.items():
        before = first.get((item, rater))
        if before is None or bytes(before[0]) != bytes(text):
            continue
        then, now = (code(frozenset(one), scenario) for one in (before[1], choices))
        if 0 <= then < known and 0 <= now < known:
            pairs[rater].append((then, now))
    return pairs


def evidence_overlap(found: Panel, campaign: Campaign, question: Question | None = None) -> Overlap:
    """How far raters of one transcript mark the same passages, of the items and raters of this panel."""
    labels = current_labels(campaign).filter(item__source=CampaignItem.Source.SAMPLE)
    rows = Evidence.objects.filter(label__in=labels.order_by().values("pk"))
    if question is not None:
        rows = rows.filter(question=question)
    spans: dict[tuple[int, int], list[Span]] = defaultdict(list)
    where = ("label__item", "label__rater", "place", "start", "end")
    for item, rater, place, start, end in rows.order_by().values_list(*where):
        spans[item, rater].append((place, start, end))
    by_item: dict[int, dict[int, list[Span]]] = defaultdict(dict)
    for item, rater, _ in found.rows:
        pk = found.raters[rater]
        by_item[item][pk] = spans.get((found.items[item].pk, pk), [])
    return overlap(list(by_item.values()), [found.items[item].weight for item in by_item])


def in_words(share: Share | None) -> str:
    """ "95 % [76, 99] of 20", or a dash where there is nothing."""
    if share is None or share.value is None or share.limits is None:
        return "–"
    return f"{rate_with_limits(share.value, share.limits)} of {share.n:,}"
