"""What the pages upstream say of labels: the states that the list filters by, how many there are of each, what a row
of the list says, and evidence marked in a transcript."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import Count, Exists, F, OuterRef, Q

from labeling.models import CampaignItem, Evidence, Label, Resolution
from transcripts.ingest.parsed import Span
from transcripts.listing.labelled import Labelled
from transcripts.listing.lookups import among
from transcripts.models import Transcript
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.references import Mark

_labels = Label.objects.filter(item__transcript=OuterRef("pk"))
# Of the text as it is now: a label on another text is missing.
_resolutions = Resolution.objects.filter(
    item__transcript=OuterRef("pk"), superseded_at__isnull=True, text_sha256=OuterRef("text_sha256")
)
_unresolved = Q(Exists(_resolutions.filter(method="unresolved")))
# Unresolved, or adjudicated as not to be told: missing either way, and no agreement that there was nothing.
_missing = Q(Exists(_resolutions.filter(value=None)))

STATES: dict[str, tuple[str, Q]] = {
    "none": ("nobody has labelled it", ~Q(Exists(_labels))),
    "labelled": ("labelled", Q(Exists(_labels))),
    "agreed": ("raters agree", Q(Exists(_resolutions)) & ~_missing),
    "adjudicated": ("adjudicated", Q(Exists(_resolutions.filter(method="adjudicated")))),
    "unresolved": ("raters disagree or are unsure on an outcome", _unresolved),
    "undecided": (
        "an adjudicator could not tell",
        Q(Exists(_resolutions.filter(method="adjudicated", value=None))),
    ),
    "positive": ("people found an outcome in it", Q(Exists(_resolutions.filter(value=True)))),
    "negative": (
        "people found no outcome in it",
        Q(Exists(_resolutions)) & ~_missing & ~Q(Exists(_resolutions.filter(value=True))),
    ),
}


def of_transcripts(ids: Sequence[int], outcome: str) -> dict[int, Labelled]:
    """Those of the ids that somebody has labelled; most pages hold none of a campaign, and then a small query tells."""
    if not CampaignItem.objects.filter(among("transcript", ids)).exists():
        return {}
    of_this_text = Q(text_sha256=F("item__transcript__text_sha256"))
    counting = of_this_text & Q(assignment__purpose="panel", assignment__voided_at=None)
    asked = Label.objects.filter(among("item__transcript", ids)).order_by().values_list("item__transcript")
    labels = dict(asked.annotate(n=Count("assignment", filter=counting, distinct=True)))
    if not labels:
        return {}
    resolved = Resolution.objects.filter(of_this_text, item__transcript__in=list(labels), superseded_at__isnull=True)
    agreed: dict[int, tuple[bool | None, str]] = {}
    disputed = set()
    for pk, key, value, method in resolved.order_by("pk").values_list(
        "item__transcript", "outcome__key", "value", "method"
    ):
        if key == outcome:
            agreed[pk] = value, method
        if method == "unresolved":
            disputed.add(pk)
    found = {}
    for pk, n in labels.items():
        value, method = agreed.get(pk, (None, ""))
        found[pk] = Labelled(n, value, outcome, adjudicated=method == "adjudicated", disputed=pk in disputed)
    return found


def counts(transcripts: TranscriptQuerySet) -> dict[str, int]:
    """How many of the transcripts have each state, but for "none", which the labels cannot tell."""
    asked = CampaignItem.objects.filter(Exists(Label.objects.filter(item=OuterRef("pk"))))
    those = transcripts.filter(pk__in=asked.values("transcript"))
    return those.aggregate(**{name: Count("pk", filter=state) for name, (_, state) in STATES.items() if name != "none"})


def evidence(transcript: Transcript) -> Iterator[Mark]:
    """What raters marked, of the newest label of each; labels on another text than the present one are left out."""
    # Most transcripts stand in no campaign, which costs little to ask.
    if not CampaignItem.objects.filter(transcript=transcript).exists():
        return
    current = Label.objects.filter(item__transcript=transcript, text_sha256=transcript.text_sha256).current()
    for row in Evidence.objects.filter(label__in=current).order_by("place", "start", "end"):
        yield Mark(Span(row.place, row.start, row.end), "evidence")
