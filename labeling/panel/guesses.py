"""Which model raters thought that they were reading, against which it was: whether the blind were blind."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count
from django.db.models.functions import Lower

from labeling.models import Campaign, Label
from transcripts.models import LanguageModel


@dataclass(frozen=True)
class Guess:
    """One guess about one model, and how often it was made."""

    said: str
    model: LanguageModel
    n: int


@dataclass(frozen=True)
class Guesses:
    """The most frequent first; `total` counts all of them, `labels` those that could have come with one."""

    rows: list[Guess]
    kinds: int
    total: int
    labels: int


def guesses(campaign: Campaign, most: int = 50) -> Guesses:
    labels = Label.objects.filter(item__campaign=campaign).newest().order_by()
    found = labels.exclude(recognised="").values_list(Lower("recognised"), "item__transcript__cell__model")
    counted = list(found.annotate(n=Count("pk")).order_by("-n", Lower("recognised"), "item__transcript__cell__model"))
    models = LanguageModel.objects.in_bulk({model for _, model, _ in counted[:most]})
    return Guesses(
        rows=[Guess(said, models[model], n) for said, model, n in counted[:most]],
        kinds=len(counted),
        total=sum(n for *_, n in counted),
        labels=labels.count(),
    )
