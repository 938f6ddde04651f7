"""The labels that a text classifier learns from: agreed answers about a campaign's sample, with texts and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F

from labeling.calibration.basis import Basis, StratumKey, responses
from labeling.judges.materials import materials
from labeling.judges.text.features import Texts, texts_of
from labeling.judges.text.model import CannotTrain
from labeling.models import Campaign, CampaignItem, Resolution
from transcripts.models import Transcript
from transcripts.models.transcripts import JUDGEABLE

# More would need more memory than a worker should take: training holds about 25 KB for 450 different words and pairs,
# and real texts have up to three times as many. Words alone learn little more from more labels.
MOST_LABELS = 5_000
TEXTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled transcript."""

    transcript: int
    resolution: int
    positive: bool
    weight: float
    prompt: int
    model: str


def basis_of(campaign: Campaign, outcome: str) -> Basis:
    """Raises CannotTrain where the campaign's answers cannot teach a classifier."""
    basis = Basis(campaign.evaluation, outcome, campaign=campaign)
    if basis.label_outcome is None:
        raise CannotTrain(f"The codebook of {campaign} has no outcome {outcome}.")
    if Campaign.Hidden.VERDICT not in campaign.hides:
        raise CannotTrain(f"Raters of {campaign} see the verdict: they would teach what the judge says.")
    return basis


def choose(basis: Basis) -> list[int]:
    """The current resolutions of the sample, in the order of the transcripts' random numbers: where there are more
    than can be learned from, a random part."""
    agreed = Resolution.objects.filter(
        item__campaign=basis.campaign,
        item__source=CampaignItem.Source.SAMPLE,
        item__transcript__status__in=JUDGEABLE,
        outcome=basis.label_outcome,
        superseded_at__isnull=True,
        value__isnull=False,
        text_sha256=F("item__transcript__text_sha256"),
    )
    return list(agreed.order_by("item__transcript__u").values_list("pk", flat=True))


def examples(basis: Basis, resolutions: Sequence[int], weights: Mapping[int, float] | None = None) -> list[Example]:
    """By transcript. What was agreed about an earlier text of a transcript teaches nothing about this one.

    `weights`, by resolution, are those of an earlier look: answers and waves that came since change them.
    """
    response = responses(basis)
    rows = Resolution.objects.filter(pk__in=resolutions, value__isnull=False).select_related(
        "item__stratum", "item__transcript__cell__model"
    )
    found = []
    for row in rows.order_by("item__transcript_id"):
        item, transcript = row.item, row.item.transcript
        if item.pi is None or bytes(row.text_sha256) != bytes(transcript.text_sha256):
            continue
        stratum = item.stratum
        key: StratumKey = (stratum.model_id, stratum.scenario, stratum.verdict) if stratum else (None, "", "")
        factor = response[key].factor if key in response else 1.0
        found.append(
            Example(
                transcript.pk,
                row.pk,
                bool(row.value),
                weights[row.pk] if weights else factor / item.pi,
                transcript.prompt_id,
                str(transcript.cell.model),
            )
        )
    return found


def digest(found: Iterable[Example]) -> str:
    """Of what is learned: the transcripts with their answers and weights."""
    lines = (f"{one.transcript} {one.resolution} {one.positive:d} {one.weight:.12g} {one.prompt}" for one in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read(ids: Sequence[int]) -> Iterator[tuple[int, str, Texts]]:
    """Each transcript's id, the hash of its text, and its words; so many in memory as are read at once."""
    for start in range(0, len(ids), TEXTS_AT_ONCE):
        some = ids[start : start + TEXTS_AT_ONCE]
        hashes = dict(Transcript.objects.filter(pk__in=some).values_list("pk", "text_sha256"))
        for material in materials(some):
            yield material.transcript, bytes(hashes[material.transcript]).hex(), texts_of(material)
