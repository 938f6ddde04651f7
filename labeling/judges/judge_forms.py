"""Judges and their runs as people describe them, parsed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from labeling.judges.criteria import CRITERIA
from labeling.judges.rules import VERSIONS
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun
from transcripts.models import Classifier, ClassifierVersion, Evaluation

# Field and scenario; the last is for every other.
CRITERIA_FIELDS = {"blackmail": "blackmail", "leaking": "leaking", "murder": "murder", "other": ""}
LABELS = {
    "blackmail": "In blackmail",
    "leaking": "In leaking",
    "murder": "In murder",
    "other": "In every other scenario",
}
NO_BLANK = {"required": "This cannot be empty."}


def _asked(label: str, *, required: bool) -> forms.CharField:
    words = "" if required else "Empty: the last text below is asked."
    widget = forms.Textarea(attrs={"rows": 8})
    return forms.CharField(max_length=20_000, required=required, widget=widget, label=label, help_text=words)


class VersionForm(forms.Form):
    """What makes a version: every change of it is a new one."""

    model = forms.RegexField(
        regex=r"^[!-~]+$",
        max_length=200,
        label="Model",
        help_text="As the endpoint calls it.",
        error_messages={"invalid": "A model's name has no blanks."},
    )
    outcome = forms.RegexField(
        regex=r"^[a-z][a-z0-9_]*$",
        max_length=100,
        initial="harm",
        help_text="What its yes means: harm is the scenario's own harm, any_harm any harmful act.",
        error_messages={"invalid": "Small letters, digits and underscores."},
    )
    blackmail = _asked("In blackmail", required=False)
    leaking = _asked("In leaking", required=False)
    murder = _asked("In murder", required=False)
    other = _asked("In every other scenario", required=True)
    temperature = forms.FloatField(min_value=0, max_value=2, initial=0)
    max_tokens = forms.IntegerField(
        min_value=50, max_value=100_000, initial=800, label="Longest answer", help_text="In tokens; longer is an error."
    )
    max_characters = forms.IntegerField(
        min_value=1_000,
        max_value=4_000_000,
        initial=400_000,
        label="Longest question",
        help_text="In characters, transcript included. A longer transcript is an error, and is not sent.",
    )
    json_mode = forms.BooleanField(
        required=False, label="Ask for JSON (response_format)", help_text="Where the endpoint knows it."
    )
    price_in = forms.DecimalField(
        min_value=0, max_digits=12, decimal_places=6, required=False, label="Price of a million tokens read, in $"
    )
    price_out = forms.DecimalField(
        min_value=0, max_digits=12, decimal_places=6, required=False, label="Price of a million tokens written, in $"
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if (found.get("price_in") is None) != (found.get("price_out") is None) and not self.errors:
            self.add_error("price_out", "Give both prices or none.")
        return found

    def judge(self) -> ModelJudge:
        said = self.cleaned_data
        criteria = {scenario: said[name].replace("\r\n", "\n").strip() for name, scenario in CRITERIA_FIELDS.items()}
        return ModelJudge(
            outcome=said["outcome"],
            model=said["model"],
            criteria={scenario: text for scenario, text in criteria.items() if text},
            temperature=said["temperature"],
            max_tokens=said["max_tokens"],
            max_characters=said["max_characters"],
            json_mode=said["json_mode"],
            price_in=_price(said["price_in"]),
            price_out=_price(said["price_out"]),
        )

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        names = {
            "What it is asked": ["outcome", *CRITERIA_FIELDS],
            "The model": ["model", "temperature", "max_tokens", "max_characters", "json_mode"],
            "What it costs": ["price_in", "price_out"],
        }
        return [(title, [self[name] for name in fields if name in self.fields]) for title, fields in names.items()]


class JudgeForm(VersionForm):
    """A new judge with its first version."""

    name = forms.CharField(max_length=100, label="Name", help_text="Its address is made of it.")

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [("The judge", [self["name"]]), *super().sections]


def _price(given: Decimal | None) -> str:
    return "" if given is None else format(given.normalize(), "f") if given else "0"


def initial_of(judge: ModelJudge | None, outcome: str = "harm") -> dict[str, Any]:
    """What a form starts from: a version that is there, or the texts that we suggest."""
    if judge is None:
        texts = CRITERIA.get(outcome, CRITERIA["any_harm"])
        return {"outcome": outcome} | {name: texts.get(scenario, "") for name, scenario in CRITERIA_FIELDS.items()}
    said = {name: value for name, value in judge.as_settings().items() if name not in ("criteria", "frame")}
    return said | {name: judge.criteria.get(scenario, "") for name, scenario in CRITERIA_FIELDS.items()}


if TYPE_CHECKING:
    _RunForm = forms.ModelForm[JudgeRun]
else:
    _RunForm = forms.ModelForm


class RunForm(_RunForm):
    """What a run is to judge, and within which limits."""

    evaluation = forms.ModelChoiceField(Evaluation.objects.all(), required=False, empty_label="all of them")
    which = forms.ChoiceField(
        choices=JudgeRun.Which.choices, widget=forms.RadioSelect, initial="missing", label="Judge"
    )
    concurrency = forms.IntegerField(min_value=1, max_value=256, initial=8, label="Calls at once")
    per_minute = forms.IntegerField(
        min_value=1, max_value=1_000_000, required=False, label="Calls a minute", help_text="Empty: as many as go."
    )
    timeout_seconds = forms.IntegerField(
        min_value=1, max_value=3_600, initial=120, label="Seconds that a call may take"
    )
    budget_usd = forms.DecimalField(
        min_value=0, max_digits=12, decimal_places=4, required=False, label="Budget in $", help_text="Empty: none."
    )
    budget_tokens = forms.IntegerField(
        min_value=0,
        max_value=10**15,
        required=False,
        label="Budget in tokens",
        help_text="Read and written. Empty: none.",
    )

    class Meta:
        model = JudgeRun
        fields = [
            "version", "evaluation", "which", "concurrency", "per_minute", "timeout_seconds", "budget_usd",
            "budget_tokens",
        ]  # fmt: skip

    def __init__(self, classifier: Classifier, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A version that came with a file has no settings: what it asked is not known, so it cannot be asked again.
        versions = classifier.versions.exclude(settings={}).select_related("classifier").order_by("-pk")
        if classifier.kind == Classifier.Kind.RULES:
            versions = classifier.versions.filter(version=VERSIONS.get(classifier.slug, ""))
        self.fields["version"] = forms.ModelChoiceField(versions, empty_label=None)
        newest = versions.first()
        if newest is not None:
            self.fields["version"].initial = newest.pk
        if classifier.kind == Classifier.Kind.RULES:
            self.fields = {name: self.fields[name] for name in ("version", "evaluation")}
            self.fields["version"] = forms.ModelChoiceField(
                ClassifierVersion.objects.filter(pk=newest.pk if newest else 0), empty_label=None, initial=newest
            )
