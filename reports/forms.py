"""What people type into report pages."""

from __future__ import annotations

from functools import partial
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from transcripts.access import READERS

from .charts import CHARTS
from .exhibit import LEADERBOARD
from .models import Disclosure, Snapshot, Subscription
from .share import DEFAULT_DAYS, LONGEST_DAYS

SHORTEST_PASSWORD = 8


class ReportField(forms.Form):
    """Which page and which filters: what stands in the address of live figures."""

    slug = forms.ChoiceField(
        choices=lambda: [(slug, slug) for slug in (LEADERBOARD, *CHARTS)], widget=forms.HiddenInput
    )
    query = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)


class WordsForm(forms.Form):
    title = forms.CharField(max_length=200)
    note = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What a reader should know, in your words. It is shown above the figures.",
    )


class SnapshotForm(WordsForm, ReportField):
    """What is frozen (a page and its filters), and how it is called."""

    field_order = ("slug", "query", "title", "note")


class PartForm(ReportField):
    """The same, put into a page that is still a draft; without one, into a new page."""

    page = forms.ModelChoiceField(
        queryset=Snapshot.objects.none(),
        required=False,
        empty_label="A new page",
        label="Page",
        help_text="Pages that are drafts, and yours to change.",
    )
    title = forms.CharField(max_length=200, required=False, label="Title of the new page")

    def __init__(self, *args: Any, pages: QuerySet[Snapshot], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        page = self.fields["page"]
        assert isinstance(page, forms.ModelChoiceField)
        page.queryset = pages


class PageForm(WordsForm):
    """A page's words: its title and note, and a field for each of its texts."""

    def __init__(self, *args: Any, texts: dict[int, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, text in texts.items():
            self.fields[f"text-{number}"] = forms.CharField(
                required=False,
                max_length=20_000,
                initial=text,
                label="Text",
                widget=forms.Textarea(attrs={"rows": 6}),
                help_text="An empty line begins a new paragraph.",
            )

    @property
    def texts(self) -> dict[int, str]:
        return {
            int(name.removeprefix("text-")): value
            for name, value in self.cleaned_data.items()
            if name.startswith("text-")
        }


class PublishForm(forms.Form):
    discloses = forms.ChoiceField(
        choices=Disclosure.choices,
        initial=Disclosure.FIGURES.value,
        label="Links may show",
        help_text="The most that any link to it can ever show. What goes beyond is deleted from the snapshot.",
    )


class LinkForm(forms.Form):
    # A page that is reloaded sends its form again: the same form makes one link.
    once = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput, initial=partial(token_urlsafe, 16))
    audience = forms.CharField(max_length=200, label="For whom", help_text="Only you and your colleagues see this.")
    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=DEFAULT_DAYS,
        label="Days until it expires",
    )
    disclosure = forms.ChoiceField(initial=Disclosure.FIGURES.value, label="Shows")
    password = forms.CharField(
        required=False,
        min_length=SHORTEST_PASSWORD,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="If you give one, whoever opens the link is asked for it. Send it by another way than the link.",
    )

    def __init__(self, *args: Any, most: str = Disclosure.FIGURES, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        levels = list(Disclosure)[: Disclosure(most).rank + 1]
        disclosure = self.fields["disclosure"]
        assert isinstance(disclosure, forms.ChoiceField)
        disclosure.choices = [(level.value, level.label) for level in levels]
        if len(levels) == 1:
            disclosure.help_text = "More was not kept when the snapshot was published."


class RetractionForm(forms.Form):
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody who opens a link reads it.",
    )


class PasswordForm(forms.Form):
    password = forms.CharField(
        max_length=200, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


def readers() -> Any:
    """Accounts that may read reports and have an address."""
    may = Q(is_superuser=True) | Q(groups__name__in=READERS)
    return User.objects.filter(may, is_active=True).exclude(email="").order_by("username").distinct()


if TYPE_CHECKING:
    UserChoice = forms.ModelMultipleChoiceField[User]
else:
    UserChoice = forms.ModelMultipleChoiceField


class Recipients(UserChoice):
    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.get_full_name() or obj.get_username()} ({obj.email})"


class SubscriptionForm(ReportField):
    """When a report is made by itself, who is told, and of what."""

    title = forms.CharField(max_length=200)
    when = forms.ChoiceField(choices=Subscription.When.choices, label="Made")
    hour = forms.IntegerField(
        min_value=0, max_value=23, initial=6, label="At the hour (UTC)", help_text="Of daily and weekly reports."
    )
    bound = forms.FloatField(
        required=False,
        min_value=0,
        max_value=100,
        label="Bound in per cent",
        help_text="You are told when a corrected rate is above it or below it with its whole interval. "
        "A point that crosses it alone is no evidence.",
    )
    recipients = Recipients(
        queryset=User.objects.none(),
        required=False,
        label="Told by e-mail",
        help_text="People who may read reports and have an address.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        recipients = self.fields["recipients"]
        assert isinstance(recipients, Recipients)
        recipients.queryset = readers()
        if not recipients.queryset.exists():
            recipients.help_text = "Nobody who may read reports has an address yet; an administrator can add one."
