"""Campaigns as they are started, changed and gone on with: everything that their pages send, parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.forms.boundfield import BoundField

from labeling.models import Campaign, CodebookVersion, Expected, Question, Wave
from labeling.stats.sampling import MINIMUM_PER_STRATUM
from transcripts.models import Cell, Classifier, ClassifierVersion, Evaluation, StatusTally, Verdict, VerdictTally
from transcripts.models.transcripts import JUDGEABLE

LARGEST_WAVE = 100_000
TRANSITIONS = {
    "draft": {"open": "Open"},
    "open": {"paused": "Pause", "closed": "Close"},
    "paused": {"open": "Go on", "closed": "Close"},
    "closed": {"open": "Reopen"},
}


# What the first wave can do: nothing is learned before it.
FIRST_ALLOCATIONS = [
    (key, words)
    for key, words in Wave.Allocation.choices
    if key not in (Wave.Allocation.LEARNED, Wave.Allocation.PLANNED)
]
# A plan draws its waves itself.
LATER_ALLOCATIONS = [(key, words) for key, words in Wave.Allocation.choices if key != Wave.Allocation.PLANNED]
RUNNING = [
    "gold_every",
    "repeat_every",
    "qualification_pass",
    "attention_limit",
    "blurs",
    "break_after_minutes",
    "contact",
    "lease_minutes",
]
LABELS = {
    "codebook_version": "Codebook",
    "classifier_version": "Judge whose verdicts make the strata",
    "raters_per_item": "Raters per transcript",
    "third_on_disagreement": "A third rater where two disagree",
    "triple_share": "Share of transcripts that always get three",
    "hides": "Hidden from raters",
    "masks_names": "Cover names by which a model gives itself away",
    "gold_every": "An item with a known answer in every … items",
    "repeat_every": "An own earlier item in every … items",
    "qualification_pass": "Right answers that the qualification asks for",
    "attention_limit": "Failed attention checks that end a rater's part",
    "blurs": "Cover texts that have a content note until they are asked for",
    "break_after_minutes": "Remind of a break after … minutes",
    "contact": "Whom raters turn to",
    "lease_minutes": "Minutes for which a transcript is kept for its rater",
    "participants": "Who takes part",
}
HELP = {
    "name": "Raters see it. It should give away neither models nor what you expect.",
    "design": "How the transcripts are drawn. Every design records the probability with which each is drawn.",
    "classifier_version": "A simple random sample needs none.",
    "raters_per_item": "Three can settle a disagreement, and from three their own error can be told.",
    "third_on_disagreement": "With two raters each: the same answers as from three, for about 2.15 instead of 3 each.",
    "triple_share": "Between 0 and 1, and at least 100 transcripts: the third rater is there from the start, so that "
    "the panel's own error can be told. Only where a third is called on disagreement.",
    "hides": "The transcript itself stays as it is.",
    "masks_names": "Raters can say that they recognised the model all the same.",
    "gold_every": "0: none. They tell how well a rater answers; raters cannot tell them from the others.",
    "repeat_every": "0: none. They tell whether raters agree with themselves, and never enter a rate.",
    "qualification_pass": "Between 0 and 1; empty: nobody is tested. The items come before all others, with feedback.",
    "attention_limit": "0: none does. Then the rater's answers count no more, and others take their places.",
    "break_after_minutes": "0: never.",
    "contact": "Shown where raters read and at the end: a name, a room, an address.",
    "participants": "Everybody ticked finds the campaign in their list. More can be added later.",
}


class Sections(forms.ModelForm):  # type: ignore[type-arg]
    """A long form in parts with headings."""

    PARTS: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def sections(self) -> list[tuple[str, list[BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.PARTS]


class CampaignForm(Sections):
    """A new campaign. What it draws from is checked by the draw itself."""

    PARTS = (
        ("What is asked", ("name", "evaluation", "codebook_version")),
        ("What is drawn", ("design", "classifier_version", "allocation", "size")),
        ("Who answers", ("participants", "raters_per_item", "third_on_disagreement", "triple_share")),
        ("What raters do not see", ("hides", "masks_names")),
        ("How raters are checked", ("gold_every", "attention_limit", "repeat_every", "qualification_pass")),
        ("How raters are looked after", ("blurs", "break_after_minutes", "contact", "lease_minutes")),
    )

    size = forms.IntegerField(
        min_value=1,
        max_value=LARGEST_WAVE,
        initial=150,
        label="Transcripts in the first wave",
        help_text="More waves can be drawn later. About 85 labelled transcripts a group tell its rate to ±5 points.",
    )
    allocation = forms.ChoiceField(
        choices=FIRST_ALLOCATIONS,
        initial=Wave.Allocation.NEYMAN,
        required=False,
        label="Shared out among the strata",
        help_text="At least 5 from each, or all that it has. It may be another one for each wave.",
    )

    class Meta:
        model = Campaign
        fields = [
            "name",
            "evaluation",
            "codebook_version",
            "design",
            "classifier_version",
            "raters_per_item",
            "third_on_disagreement",
            "triple_share",
            "hides",
            "masks_names",
            *RUNNING,
            "participants",
        ]
        field_classes = {"name": forms.CharField, "contact": forms.CharField}
        widgets = {
            "name": forms.TextInput,
            "contact": forms.TextInput,
            "design": forms.RadioSelect,
            "participants": forms.CheckboxSelectMultiple,
        }
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evaluation"] = EvaluationField(queryset=Evaluation.objects.order_by("-pk"))
        self.fields["codebook_version"].queryset = CodebookVersion.objects.filter(  # type: ignore[attr-defined]
            published_at__isnull=False
        ).select_related("codebook")
        self.fields["classifier_version"] = VersionField(
            # One that never gave an answer makes no strata.
            queryset=ClassifierVersion.objects.filter(
                Exists(Verdict.objects.filter(version=OuterRef("pk"), final__isnull=False))
            )
            .select_related("classifier")
            .order_by("classifier__slug", "-pk"),
            required=False,
            label=self.fields["classifier_version"].label,
            help_text=self.fields["classifier_version"].help_text,
        )
        self.fields["participants"] = PeopleField(
            queryset=possible_raters(),
            required=False,
            label=self.fields["participants"].label,
            help_text=self.fields["participants"].help_text,
        )
        self.fields["hides"] = forms.MultipleChoiceField(
            choices=Campaign.Hidden.choices,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label=LABELS["hides"],
            help_text=HELP["hides"],
            initial=list(Campaign.Hidden.values),
        )
        self.fields["raters_per_item"].widget.attrs |= {"min": 1, "max": 20}
        shares(self)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        design, version, evaluation = (found.get(n) for n in ("design", "classifier_version", "evaluation"))
        if design == Campaign.Design.SIMPLE:
            found["classifier_version"] = None
        elif design and version is None and "classifier_version" not in self.errors:
            self.add_error("classifier_version", "This design needs a judge's verdicts: choose one.")
        elif version and evaluation and not _has_judged(version, evaluation):
            self.add_error("classifier_version", f"It has judged nothing of {evaluation}.")
        if found.get("third_on_disagreement") and found.get("raters_per_item") not in (None, 2):
            self.add_error("third_on_disagreement", "A third comes after two: say two raters per transcript.")
        found["allocation"] = found.get("allocation") or Wave.Allocation.NEYMAN
        return found


class RunningForm(Sections):
    """What may change while a campaign runs: how raters are checked and looked after, not what is drawn and shown."""

    PARTS = (
        ("Name", ("name",)),
        CampaignForm.PARTS[4],
        CampaignForm.PARTS[5],
    )

    class Meta:
        model = Campaign
        fields = ["name", *RUNNING]
        field_classes = CampaignForm.Meta.field_classes
        widgets = {"name": forms.TextInput, "contact": forms.TextInput}
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shares(self)


def shares(form: forms.ModelForm) -> None:  # type: ignore[type-arg]
    """Fields that hold a share are shares."""
    for name in ("triple_share", "qualification_pass"):
        if name in form.fields:
            form.fields[name].widget.attrs |= {"min": 0, "max": 1, "step": 0.05}


def suggestion(evaluation: str, manager: User) -> dict[str, Any]:
    """What a new campaign's form starts with: the newest evaluation, and the judge with most verdicts on it."""
    found = Evaluation.objects.filter(pk=evaluation) if evaluation.isdecimal() else Evaluation.objects.all()
    chosen = found.order_by("-pk").first()
    tallies = VerdictTally.objects.filter(cell__evaluation=chosen, outcome="harm", final__isnull=False)
    others = tallies.exclude(version__classifier__kind=Classifier.Kind.TRAINED)
    versions = others.values_list("version").annotate(n=Sum("n")).order_by("-n", "-version")
    groups = Cell.objects.filter(evaluation=chosen).values("model", "condition__scenario").distinct().count()
    return {
        "participants": [manager.pk],
        # Enough for the minimum of every stratum, flagged, unflagged and without verdict, in hundreds.
        "size": max(150, ceil(groups * 3 * MINIMUM_PER_STRATUM / 100) * 100),
        "evaluation": chosen,
        "classifier_version": next((version for version, _ in versions[:1]), None),
        "codebook_version": CodebookVersion.objects.filter(published_at__isnull=False).order_by("-pk").first(),
    }


def prefilled(query: Mapping[str, str]) -> dict[str, Any]:
    """What a link to the form fills in: the design, the judge whose verdicts make the strata, and the size."""
    found: dict[str, Any] = {}
    if query.get("design") in Campaign.Design.values:
        found["design"] = query["design"]
    found |= {
        name: int(query[name])
        for name in ("classifier_version", "size")
        if query.get(name, "").isascii() and query.get(name, "").isdecimal() and len(query[name]) < 10
    }
    return found


def possible_raters() -> QuerySet[User]:
    in_group = Q(groups__name__in=["rater", "researcher", "admin"])
    return User.objects.filter(Q(is_superuser=True) | in_group, is_active=True).distinct().order_by("username")


def _has_judged(version: ClassifierVersion, evaluation: Evaluation) -> bool:
    return Verdict.objects.filter(version=version, transcript__cell__evaluation=evaluation, outcome="harm").exists()


class PeopleField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """People by name, and by what they sign in with."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        name = obj.get_full_name()
        return f"{name} ({obj.get_username()})" if name else str(obj.get_username())


class EvaluationField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Evaluations with how many of their transcripts can be drawn."""

    def label_from_instance(self, obj: Any) -> str:
        if not hasattr(self, "_sizes"):
            tallies = StatusTally.objects.filter(status__in=JUDGEABLE).values("cell__evaluation")
            self._sizes = dict(tallies.annotate(n=Sum("n")).values_list("cell__evaluation", "n"))
        return f"{obj} ({self._sizes.get(obj.pk, 0):,} transcripts with an answer)"


class VersionField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Classifier versions with what they have judged."""

    def label_from_instance(self, obj: Any) -> str:
        if not hasattr(self, "_judged"):
            tallies = VerdictTally.objects.filter(outcome="harm", final__isnull=False)
            rows = tallies.values_list("version", "cell__evaluation__name").annotate(n=Sum("n"))
            self._judged: dict[int, list[str]] = {}
            for version, name, n in rows.order_by("version", "cell__evaluation__name"):
                self._judged.setdefault(version, []).append(f"{n:,} of {name}")
        return f"{obj} (has judged {', '.join(self._judged.get(obj.pk, ['nothing']))})"


class WaveForm(forms.Form):
    """One draw more."""

    size = forms.IntegerField(min_value=1, max_value=LARGEST_WAVE, initial=50, label="Transcripts more")
    allocation = forms.ChoiceField(choices=LATER_ALLOCATIONS, required=False, label="Shared out")

    def clean_allocation(self) -> str:
        return self.cleaned_data["allocation"] or Wave.Allocation.NEYMAN


class ParticipantsForm(forms.Form):
    participants = PeopleField(queryset=User.objects.none(), required=False, label="Who takes part")

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.fields["participants"]
        assert isinstance(people, forms.ModelMultipleChoiceField)
        # Whoever came through an invitation stays until their part ends.
        own = User.objects.filter(participations__campaign=campaign, participations__invitation=None)
        people.queryset = (possible_raters() | own.distinct()).distinct()
        self.initial["participants"] = [person.pk for person in own]


class StateForm(forms.Form):
    """A step that the campaign's state allows."""

    state = forms.ChoiceField()

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        state = self.fields["state"]
        assert isinstance(state, forms.ChoiceField)
        state.choices = list(TRANSITIONS[campaign.state].items())


class GoldForm(forms.Form):
    """What the right answers to a transcript are known to be, by the questions of the codebook that have choices."""

    purpose = forms.ChoiceField(
        choices=[(key, f"{key}: {words}") for key, words in Expected.Purpose.choices],
        widget=forms.RadioSelect,
        label="What it is for",
    )
    why = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Why",
        help_text="Shown after a qualification item was answered: the passage, or the line of the guideline.",
    )

    def __init__(self, questions: Sequence[Question], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = [
            question for question in questions if question.unit == Question.Unit.TRANSCRIPT and question.choices.all()
        ]
        for question in self.questions:
            several = question.kind == Question.Kind.SEVERAL
            self.fields[f"q-{question.key}"] = forms.MultipleChoiceField(
                choices=[(c.key, c.text) for c in question.choices.all() if not c.is_missing],
                required=False,
                widget=forms.CheckboxSelectMultiple,
                label=question.text,
                help_text="All that apply; these and no others are right." if several else "",
            )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        found["answers"] = {
            question.key: found[f"q-{question.key}"] for question in self.questions if found.get(f"q-{question.key}")
        }
        if not found["answers"]:
            raise forms.ValidationError("Say what the right answer is to at least one question.")
        return found

    def known(self) -> list[BoundField]:
        return [self[f"q-{question.key}"] for question in self.questions]


class ReasonForm(forms.Form):
    """Why a rater is taken out."""

    reason = forms.CharField(max_length=500, strip=True)
