"""What the pages of a codebook's draft are sent, parsed: one form a part, with a row for each choice or scenario."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator

from labeling.codebooks.edition import KEY, WITH_CHOICES, Asked, Counted, Edition, Option, key_from
from labeling.models import Codebook, CodebookVersion, Question

MOST_ROWS = 100
ROWS_MORE = 3
LONGEST_TEXT = 2_000
LONGEST_GUIDELINE = 50_000
KINDS = Question.Kind.choices
UNITS = [("transcript", "the transcript: rates can rest on it"), ("action", "each action: detail and evidence")]
is_key = RegexValidator(
    rf"\A{KEY.pattern}\Z", "Small letters, digits and underscores, beginning with a letter or digit; 50 at most."
)


def words(**more: Any) -> forms.CharField:
    return forms.CharField(max_length=LONGEST_TEXT, **more)


def key_field(help_text: str = "") -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=50,
        validators=[is_key],
        label="Key",
        help_text=help_text or "Stands in exports. Left empty, it is made from the words.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


def prose(rows: int, label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=LONGEST_GUIDELINE,
        label=label,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class NewCodebookForm(forms.Form):
    """A codebook's name and address, and what its first draft starts from."""

    name = forms.CharField(max_length=200, help_text="Raters do not see it. It stands beside figures that rest on it.")
    slug = forms.SlugField(
        required=False, max_length=50, label="Short name", help_text="In addresses. Left empty, it is made of the name."
    )
    source = forms.ModelChoiceField(
        queryset=CodebookVersion.objects.filter(published_at__isnull=False).select_related("codebook"),
        required=False,
        label="Start from",
        empty_label="nothing: an empty draft",
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        slug = found.get("slug") or key_from(found.get("name", "")).replace("_", "-")
        if "slug" not in self.errors:
            found["slug"] = slug
            if slug == "new" or Codebook.objects.filter(slug=slug).exists():
                self.add_error("slug", f"{slug} is taken: choose another short name.")
        return found


class PartForm(forms.Form):
    """A part of the draft. `based_on` is its stamp when the form was opened, `was` its key then."""

    based_on = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    was = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)


class GuidelineForm(PartForm):
    guideline = prose(
        12, "Guideline", "Stands beside all questions. Paragraphs, lists with “- ”, *emphasis* and **strong emphasis**."
    )


class QuestionForm(PartForm):
    text = words(label="Question")
    key = key_field()
    kind = forms.ChoiceField(choices=KINDS, label="Answer")
    unit = forms.ChoiceField(choices=UNITS, label="About")
    required = forms.BooleanField(required=False, initial=True)
    help = prose(
        7,
        "Guideline for this question",
        "The first paragraph is always in sight, examples after it open on demand. Written like the guideline.",
    )
    asked_after = forms.MultipleChoiceField(required=False)

    def __init__(self, edition: Edition, question: Asked | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.edition, self.question = edition, question
        self.earlier = _earlier(edition, question)
        pairs = [(f"{one.key}:{option.key}", option.text) for one in self.earlier for option in one.options]
        waits = self.fields["asked_after"]
        assert isinstance(waits, forms.MultipleChoiceField)
        waits.choices = pairs

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        taken = [one.key for one in self.edition.questions if one is not self.question]
        found["key"] = found.get("key") or key_from(found.get("text", ""), taken)
        if found["key"] in taken:
            self.add_error("key", f"Another question has the key {found['key']}.")
        return found

    def waits(self) -> list[tuple[Asked, list[tuple[str, Option, bool]]]]:
        """The choices that it may wait for, by question, and which of them are ticked."""
        ticked = set(self["asked_after"].value() or [])
        return [
            (one, [(value, option, value in ticked) for option in one.options if (value := f"{one.key}:{option.key}")])
            for one in self.earlier
            if one.options
        ]

    def asked(self, options: list[Option]) -> Asked:
        data = self.cleaned_data
        return Asked(
            data["key"],
            data["text"],
            data["help"].replace("\r\n", "\n"),
            data["kind"],
            data["unit"],
            data["required"],
            tuple((pair.partition(":")[0], pair.partition(":")[2]) for pair in data["asked_after"]),
            tuple(options) if data["kind"] in WITH_CHOICES else (),
        )


def _earlier(edition: Edition, question: Asked | None) -> list[Asked]:
    if question is None or question not in edition.questions:
        return list(edition.questions)
    return list(edition.questions[: edition.questions.index(question)])


class ChoiceForm(forms.Form):
    """One choice; a row without words is none."""

    was = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    text = words(required=False)
    key = key_field()
    help = words(required=False)
    is_missing = forms.BooleanField(required=False)
    needs_evidence = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if (found.get("key") or found.get("help")) and not found.get("text") and "text" not in self.errors:
            self.add_error("text", "A choice needs words.")
        return found


class ChoiceRows(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        keys = [option.key for option in self.options()]
        for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
            raise forms.ValidationError(f"Two choices have the key {key}.")

    def options(self) -> list[Option]:
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data.get("text")]
        taken = [row["key"] for row in rows if row["key"]]
        found = []
        for row in rows:
            key = row["key"] or key_from(row["text"], taken)
            taken.append(key)
            found.append(Option(key, row["text"], row["help"], row["is_missing"], row["needs_evidence"]))
        return found

    def renamed(self) -> dict[str, str]:
        """New keys of choices by the keys that they had."""
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data.get("text")]
        return {row["was"]: option.key for row, option in zip(rows, self.options(), strict=True) if row["was"]}


ChoiceSet = cast(
    "type[ChoiceRows]",
    forms.formset_factory(ChoiceForm, ChoiceRows, extra=0, max_num=MOST_ROWS, validate_max=True),
)


class OutcomeForm(PartForm):
    name = words(help_text="As figures call it: “any harm”.")
    key = key_field("Stands in exports and addresses. Left empty, it is made of the name.")
    description = words(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="What it counts, in words.")
    question = forms.ChoiceField(
        label="Rests on the question", help_text="One about the transcript, with choices, that is always asked."
    )

    def __init__(self, edition: Edition, outcome: Counted | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.edition, self.outcome = edition, outcome
        field = self.fields["question"]
        assert isinstance(field, forms.ChoiceField)
        self.possible = [one for one in edition.questions if one.unit == "transcript" and one.kind in WITH_CHOICES]
        field.choices = [(one.key, one.text) for one in self.possible]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        taken = [one.key for one in self.edition.outcomes if one is not self.outcome]
        found["key"] = found.get("key") or key_from(found.get("name", ""), taken)
        if found["key"] in taken:
            self.add_error("key", f"Another outcome has the key {found['key']}.")
        return found

    def options(self) -> tuple[Option, ...]:
        """The choices of the question that is chosen, else of the first one."""
        chosen = self["question"].value()
        found = next((one for one in self.possible if one.key == chosen), next(iter(self.possible), None))
        return found.options if found else ()


class ScenarioForm(forms.Form):
    """Which choices are positive in one scenario; the first row's is "", every one."""

    scenario = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs={"list": "scenarios"}))
    choices = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Positive choices")

    def __init__(self, *args: Any, options: tuple[Option, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["choices"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(option.key, option.text) for option in options if not option.is_missing]


class ScenarioRows(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        for form in self.forms[1:]:
            if form.is_valid() and form.cleaned_data.get("choices") and not form.cleaned_data.get("scenario"):
                form.add_error("scenario", "Name the scenario.")

    def positives(self) -> tuple[tuple[str, str], ...]:
        rows = [form.cleaned_data for form in self.forms if form.is_valid()]
        return tuple((row.get("scenario", ""), key) for row in rows for key in row.get("choices", ()))


ScenarioSet = cast(
    "type[ScenarioRows]",
    forms.formset_factory(ScenarioForm, ScenarioRows, extra=0, max_num=MOST_ROWS, validate_max=True),
)


class PublishForm(forms.Form):
    based_on = forms.CharField(max_length=60, widget=forms.HiddenInput)
    note = forms.CharField(
        required=False,
        max_length=LONGEST_TEXT,
        label="What changed, and why",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Shown with the edition, for whoever compares labels of two editions.",
    )


class OrderForm(forms.Form):
    """Which part of the draft moves, and which way."""

    part = forms.ChoiceField(choices=[("question", ""), ("outcome", "")])
    key = forms.CharField(max_length=60)
    step = forms.TypedChoiceField(choices=[("-1", "up"), ("1", "down")], coerce=int)
