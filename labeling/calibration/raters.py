"""What single raters say of an outcome: those of one panel side by side, and one rater at two times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from labeling.calibration.basis import Basis
from labeling.models import Answer, Assignment, Label, Outcome
from labeling.panel.ratings import without_thirds
from labeling.panel.resolve import said_of
from labeling.stats.agreement import Ratings, coefficients
from labeling.stats.ceiling import STATISTICS

if TYPE_CHECKING:
    from labeling.calibration.basis import SampleItem


def rater_answers(basis: Basis, items: Iterable[SampleItem]) -> dict[int, list[bool | None]]:
    """What each rater says about the outcome, by item: one place per rater, None where unsure or not asked. Those
    whom a disagreement called are left out: agreement and noise are of raters who were asked anyway."""
    scenarios = _scenarios(items)
    labels = Label.objects.filter(item__in=scenarios).current().order_by("item", "assignment__submitted_at", "pk")
    rows = list(labels.values_list("pk", "item", "rater"))
    if basis.campaign:
        rows = list(without_thirds(basis.campaign, rows, lambda row: int(row[1])))
    said = _answers(basis, labels)
    place = {rater: i for i, rater in enumerate(sorted({rater for _, _, rater in rows}))}
    answers: dict[int, list[bool | None]] = {}
    for label, item, rater in rows:
        answers.setdefault(item, [None] * len(place))[place[rater]] = said(label, scenarios[item])
    return answers


def repeated(basis: Basis, items: Iterable[SampleItem]) -> dict[str, Any]:
    """How far raters agree with themselves where they were asked the same once more. The first answer is their very
    first, whatever they corrected later; one about another text is left out."""
    scenarios = _scenarios(items)
    fields = ("pk", "item", "rater", "text_sha256")
    labels = Label.objects.filter(item__in=scenarios, assignment__voided_at=None).order_by("pk")
    again = labels.filter(assignment__purpose=Assignment.Purpose.REPEAT)
    seconds = {(item, rater): (pk, bytes(text)) for pk, item, rater, text in again.values_list(*fields)}
    asked = labels.filter(assignment__purpose=Assignment.Purpose.PANEL, item__in={item for item, _ in seconds})
    firsts: dict[tuple[int, int], tuple[int, bytes]] = {}
    for pk, item, rater, text in asked.values_list(*fields) if seconds else ():
        firsts.setdefault((item, rater), (pk, bytes(text)))
    said = _answers(basis, labels.filter(item__in={item for item, _ in seconds}))
    pairs = [
        [said(label, scenarios[key[0]]) for label in (firsts[key][0], second)]
        for key, (second, text) in seconds.items()
        if key in firsts and firsts[key][1] == text
    ]
    found = coefficients(STATISTICS, Ratings.of(pairs, (False, True)))
    return {name: asdict(one) for name, one in found.items()}


def _answers(basis: Basis, labels: QuerySet[Label]) -> Callable[[int, str], bool | None]:
    """From a label and the scenario to what it says about the outcome."""
    assert basis.label_outcome is not None, "the caller has looked for it"
    outcome = Outcome.objects.prefetch_related("positives").get(pk=basis.label_outcome.pk)
    chosen: dict[int, set[int]] = defaultdict(set)
    rows = Answer.objects.filter(label__in=labels.order_by().values("pk"), question=outcome.question_id)
    for label, choice in rows.filter(choice__isnull=False).values_list("label", "choice").order_by():
        chosen[label].add(choice)
    return lambda label, scenario: said_of(outcome, chosen.get(label, ()), scenario)


def _scenarios(items: Iterable[SampleItem]) -> dict[int, str]:
    return {item.pk: item.transcript.cell.condition.scenario for item in items}
