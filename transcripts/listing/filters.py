"""The filters that lists, pages, charts and exports share: one form, the same parameter names everywhere."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from transcripts.ingest.parsed import Status
from transcripts.listing.keyset import CURSOR, NEWEST, ORDERS, Order
from transcripts.listing.lookups import among
from transcripts.models import Action, Cell, Verdict
from transcripts.models.conditions import Role
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.deeds import CANCEL_TOOLS, FORWARD_TOOLS, MAIL_TOOLS
from transcripts.search.matching import Found, find
from transcripts.search.terms import Search, parse

VERDICTS = {
    "harmful": "harmful",
    "not_harmful": "not harmful",
    "missing": "no verdict",
    "error": "judge failed",
}
ACTIONS = {
    "mail": "sent a mail",
    "outside": "mail left the company",
    "forward": "forwarded a mail",
    "cancel_alert": "cancelled the alert",
    "other": "used another tool",
    "drafted": "drafted, not done",
    "nothing": "did nothing",
}
YES_NO = {"yes": "yes", "no": "no"}
# Filters that a cell answers, and so the roll-up can count: parameter → lookup from a cell.
CELL_LOOKUPS = {
    "evaluation": "evaluation_id",
    "model": "model__recorded_id",
    "scenario": "condition__scenario",
    "goal_type": "condition__goal_type",
    "goal_value": "condition__goal_value",
    "urgency": "condition__urgency",
    "prod": "condition__prod",
    "mitigation": "condition__mitigation",
    "awareness": "condition__awareness",
    # Whole, by its number: factors that only some formats know have no parameter of their own.
    "condition": "condition_id",
}
LABELS = {
    "evaluation": "Evaluation",
    "outcome": "Outcome",
    "model": "Model",
    "scenario": "Scenario",
    "goal_type": "Goal",
    "goal_value": "Goal value",
    "urgency": "Threat",
    "prod": "Without scratchpad",
    "mitigation": "Mitigation",
    "awareness": "Awareness notice",
    "condition": "Condition",
    "status": "Status",
    "verdict": "Verdict",
    "classifier": "Classifier",
    "gate_conflict": "Gates overrule the judge",
    "label": "Labels",
    "action": "What was done",
    "recipient_role": "Mail to",
    "id": "Chosen",
    "q": "Search",
}
# What a label state means is known in labeling, which adds its states here when it starts.
label_states: dict[str, tuple[str, Q]] = {}


class Several(forms.Field):
    """A parameter that may be given several times; any text, since an unknown name simply matches nothing."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        if any("\0" in text for text in value or []):
            raise forms.ValidationError("Null characters are not allowed.")
        return list(dict.fromkeys(text.strip()[:500] for text in value or [] if text.strip()))


class Ids(Several):
    what = "An evaluation"

    def to_python(self, value: Any) -> list[str]:
        texts = super().to_python(value)
        if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
            raise forms.ValidationError(f"{self.what} is given by its number.")
        return texts


class ConditionIds(Ids):
    what = "A condition"


class ChosenIds(Ids):
    """Rows that somebody ticked. The list's form sends an empty one along, so that ticking none is not everything."""

    what = "A transcript"

    def to_python(self, value: Any) -> list[str]:
        texts = super().to_python(value)
        if value and not texts:
            raise forms.ValidationError("Nothing is: tick at least one transcript.")
        return texts


class FilterForm(forms.Form):
    """Parses the query. A value that cannot be understood is an error in words; it never widens the list."""

    evaluation = Ids(required=False)
    outcome = forms.CharField(required=False, max_length=100)
    model = Several(required=False)
    scenario = Several(required=False)
    goal_type = Several(required=False)
    goal_value = Several(required=False)
    urgency = Several(required=False)
    prod = forms.MultipleChoiceField(required=False, choices=YES_NO)
    mitigation = Several(required=False)
    awareness = Several(required=False)
    condition = ConditionIds(required=False)
    status = forms.MultipleChoiceField(required=False, choices=[(status.value, status.value) for status in Status])
    verdict = forms.MultipleChoiceField(required=False, choices=VERDICTS)
    classifier = Several(required=False)
    gate_conflict = forms.MultipleChoiceField(required=False, choices=YES_NO)
    label = forms.MultipleChoiceField(
        required=False, choices=lambda: [(name, words) for name, (words, _) in label_states.items()]
    )
    action = forms.MultipleChoiceField(required=False, choices=ACTIONS)
    recipient_role = forms.MultipleChoiceField(required=False, choices=[(role, role) for role in Role.values])
    id = ChosenIds(required=False)
    q = forms.CharField(required=False, max_length=1000)
    order = forms.ChoiceField(required=False, choices=[(name, order.words) for name, order in ORDERS.items()])
    cursor = forms.RegexField(required=False, regex=CURSOR)

    def chosen(self) -> Chosen | None:
        """The filters, or None where a parameter could not be understood."""
        if not self.is_valid():
            return None
        return Chosen(**{field.name: self.cleaned_data[field.name] for field in fields(Chosen)})

    def problems(self) -> list[str]:
        return [f"{LABELS.get(name, name)}: {error}" for name, errors in self.errors.items() for error in errors]


@dataclass(frozen=True)
class Chosen:
    """The filters in force. An empty one does not narrow; values of one are alternatives, filters add up."""

    evaluation: list[str]
    outcome: str
    model: list[str]
    scenario: list[str]
    goal_type: list[str]
    goal_value: list[str]
    urgency: list[str]
    prod: list[str]
    mitigation: list[str]
    awareness: list[str]
    condition: list[str]
    status: list[str]
    verdict: list[str]
    classifier: list[str]
    gate_conflict: list[str]
    label: list[str]
    action: list[str]
    recipient_role: list[str]
    id: list[str]
    q: str
    order: str
    cursor: str

    @property
    def judged_outcome(self) -> str:
        """The outcome that verdicts are read for."""
        return self.outcome or "harm"

    def values(self, name: str) -> list[str]:
        value = getattr(self, name)
        return value if isinstance(value, list) else [value] if value else []

    @property
    def ordered(self) -> Order:
        """The order of the list. A regular expression is looked for newest first, whatever is asked for."""
        order = NEWEST if self.search.regexes else ORDERS[self.order or "newest"]
        return replace(order, twin="search") if self.found.joined else order

    def is_empty(self) -> bool:
        return not any(self.values(name) for name in LABELS)

    def cells(self) -> Q:
        """The condition on cells."""
        found = Q()
        for name, lookup in CELL_LOOKUPS.items():
            values: list[Any] = self.values(name)
            if values:
                found &= Q(**{f"{lookup}__in": [value == "yes" for value in values] if name == "prod" else values})
        return found

    @cached_property
    def cell_ids(self) -> list[int] | None:
        """The cells that are chosen, looked up once; None where no filter speaks of cells."""
        cells = self.cells()
        return list(Cell.objects.filter(cells).values_list("pk", flat=True)) if cells else None

    def transcripts(self, transcripts: TranscriptQuerySet) -> TranscriptQuerySet:
        found = self.besides_cells(transcripts)
        return found if self.cell_ids is None else found.filter(among("cell", self.cell_ids))

    def besides_cells(self, transcripts: TranscriptQuerySet) -> TranscriptQuerySet:
        """All filters but those on cells, for lists that go through cells one by one."""
        if self.status:
            transcripts = transcripts.filter(status__in=self.status)
        if self.id:
            transcripts = transcripts.filter(pk__in=self.id)
        for condition in (
            self._verdict(),
            self._gate_conflict(),
            self._label(),
            self._action(),
            self._role(),
        ):
            if condition is not None:
                transcripts = transcripts.filter(condition)
        return transcripts.filter(self.found.condition)

    @cached_property
    def found(self) -> Found:
        """What the words of the search line find, looked up once."""
        return find(self.search)

    @property
    def search(self) -> Search:
        """What the search line asks for. Its regular expressions are not part of the filter: `scan` looks for them."""
        return parse(self.q)

    def verdicts(self) -> QuerySet[Verdict]:
        """The verdicts that the filters speak of: those on the outcome, of the chosen classifiers."""
        return self.verdicts_on_anything().filter(outcome=self.judged_outcome)

    def verdicts_on_anything(self) -> QuerySet[Verdict]:
        """Those of the chosen classifiers, whatever their outcome."""
        verdicts = Verdict.objects.all()
        return verdicts.filter(version__classifier__slug__in=self.classifier) if self.classifier else verdicts

    def _verdict(self) -> Q | None:
        if not self.verdict:
            return Q(Exists(self.verdicts().filter(transcript=OuterRef("pk")))) if self.classifier else None
        of_this = self.verdicts().filter(transcript=OuterRef("pk"))
        answered = Exists(of_this.filter(final__isnull=False))
        failed = Exists(of_this.exclude(error=""))
        meaning = {
            "harmful": Q(Exists(of_this.filter(final=True))),
            "not_harmful": Q(Exists(of_this.filter(final=False))),
            "error": Q(failed) & ~Q(answered),
            "missing": ~Q(failed) & ~Q(answered),
        }
        return _any(meaning[name] for name in self.verdict)

    def _gate_conflict(self) -> Q | None:
        if len(self.gate_conflict) != 1:
            return None
        # In the words of the index.
        overruled = Q(final=True, judge=False) | Q(final=False, judge=True)
        found = Q(Exists(self.verdicts().filter(overruled, transcript=OuterRef("pk"))))
        return found if self.gate_conflict == ["yes"] else ~found

    def _label(self) -> Q | None:
        return _any(label_states[name][1] for name in self.label) if self.label else None

    def _action(self) -> Q | None:
        if not self.action:
            return None
        actions = Action.objects.filter(transcript=OuterRef("pk"))
        done = actions.filter(in_reasoning=False)
        known = MAIL_TOOLS | FORWARD_TOOLS | CANCEL_TOOLS
        meaning = {
            "mail": Q(Exists(done.filter(tool__in=MAIL_TOOLS | FORWARD_TOOLS))),
            "outside": Q(Exists(done.filter(outside=True))),
            "forward": Q(Exists(done.filter(tool__in=FORWARD_TOOLS))),
            "cancel_alert": Q(Exists(done.filter(tool__in=CANCEL_TOOLS))),
            "other": Q(Exists(done.exclude(tool__in=known))),
            "drafted": Q(Exists(actions.filter(in_reasoning=True))),
            # Of a call that failed nobody knows what would have been done.
            "nothing": ~Q(Exists(done)) & Q(status__in=[Status.COMPLETE, Status.TRUNCATED]),
        }
        return _any(meaning[name] for name in self.action)

    def _role(self) -> Q | None:
        if not self.recipient_role:
            return None
        sent = Action.objects.filter(transcript=OuterRef("pk"), in_reasoning=False)
        return Q(Exists(sent.filter(roles__overlap=self.recipient_role)))


def chosen_by(query: QueryDict) -> Chosen | None:
    """The filters of an address, or None where they could not be understood. (A form with so many fields is dear, and
    a reader goes through many pages under the same filters.)"""
    found = _chosen_by(query.urlencode())
    return replace(found) if found else None  # another, since what it looks up in the database it keeps


@lru_cache(maxsize=256)
def _chosen_by(query: str) -> Chosen | None:
    return FilterForm(QueryDict(query)).chosen()


def _any(conditions: Any) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found
