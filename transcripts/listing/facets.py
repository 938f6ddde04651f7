"""What can be chosen in the filter form."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transcripts.ingest.parsed import Status
from transcripts.listing.counts import Counts, Numbers
from transcripts.listing.filters import ACTIONS, LABELS, VERDICTS, YES_NO, Chosen, label_states
from transcripts.models import Classifier, Condition, Evaluation, LanguageModel
from transcripts.models.conditions import Role

ORDER = [
    *("model", "scenario", "verdict", "gate_conflict", "action", "recipient_role"),
    *("goal_type", "goal_value", "urgency", "mitigation", "awareness", "prod", "condition"),
    *("status", "label", "classifier", "evaluation"),
]
OPEN = {"model", "scenario", "verdict", "action"}


@dataclass(frozen=True)
class Option:
    value: str
    words: str
    checked: bool
    count: int | None = None  # None: not known, or not exactly


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    options: list[Option]
    is_open: bool

    @property
    def chosen(self) -> int:
        return sum(option.checked for option in self.options)


def facets(chosen: Chosen) -> list[Facet]:
    """The filter form's choices; a facet with nothing to choose from is left out."""
    choices = _choices() | {"condition": _conditions(chosen)}
    found = []
    for name in ORDER:
        checked = chosen.values(name)
        known = choices[name]
        # A value that is in force is shown even where nothing has it any more.
        for value in checked:
            known.setdefault(value, value)
        options = [Option(value, words, value in checked) for value, words in known.items()]
        if len(options) > 1 or checked:
            found.append(Facet(name, LABELS[name], options, name in OPEN or bool(checked)))
    return found


def counted(chosen: Chosen) -> list[Facet]:
    """The same with counts, each facet counted under the others."""
    counts = Counts(chosen)
    return [_with_counts(facet, counts.of(facet.name)) for facet in facets(chosen)]


def _with_counts(facet: Facet, numbers: Numbers | None) -> Facet:
    if numbers is None:
        return facet
    return replace(facet, options=[replace(option, count=numbers.get(option.value, 0)) for option in facet.options])


def _conditions(chosen: Chosen) -> dict[str, str]:
    """Only those in force: there may be thousands, and the links to cells choose them."""
    return {str(found.pk): str(found) for found in Condition.objects.filter(pk__in=chosen.condition)}


def _choices() -> dict[str, dict[str, str]]:
    factors = ("scenario", "goal_type", "goal_value", "urgency", "mitigation", "awareness")
    conditions = list(Condition.objects.order_by().values(*factors, "prod"))
    choices: dict[str, dict[str, str]] = {
        factor: {value: value for value in sorted({condition[factor] for condition in conditions})}
        for factor in factors
    }
    choices["prod"] = YES_NO if any(condition["prod"] for condition in conditions) else {}
    choices["prod"] = dict(choices["prod"])
    choices["model"] = {model.recorded_id: str(model) for model in LanguageModel.objects.all()}
    filled = Evaluation.objects.filter(cells__isnull=False).distinct()
    choices["evaluation"] = {str(pk): name for pk, name in filled.values_list("pk", "name")}
    choices["classifier"] = dict(Classifier.objects.values_list("slug", "name"))
    choices["status"] = {status.value: status.value for status in Status}
    choices["verdict"] = dict(VERDICTS)
    choices["gate_conflict"] = dict(YES_NO)
    choices["action"] = dict(ACTIONS)
    choices["recipient_role"] = {role: role for role in Role.values}
    choices["label"] = {name: words for name, (words, _) in label_states.items()}
    return choices
