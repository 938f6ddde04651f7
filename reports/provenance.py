"""What a published figure rests on, as hashes that anybody with the same data can make again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from amdash import __version__
from labeling.calibration.basis import sample_items
from labeling.models import Resolution
from transcripts.models import Transcript, VerdictTally

from .filters import Report

# The simulation behind rank sets starts from it; nothing else here is random.
SEED = 1
ESTIMATOR = "post-stratified rate on a probability sample, MOVER limits, tiers A, B, C and H"


def basis_of(report: Report, at: datetime) -> dict[str, Any]:
    basis = report.basis
    campaign = basis.campaign
    transcripts, transcripts_hash = _hashed(_transcript_lines(report))
    drawn = list(_label_lines(report))
    drawn_n, labels_hash = _hashed(drawn)
    verdicts = list(_verdict_lines(report))
    _, verdicts_hash = _hashed(verdicts)
    return {
        "evaluation": str(basis.evaluation),
        "evaluation_id": basis.evaluation.pk,
        "outcome": basis.outcome,
        "transcripts": transcripts,
        "transcript_set_sha256": transcripts_hash,
        "classifier": str(basis.version) if basis.version else "",
        "classifier_version_id": basis.version.pk if basis.version else None,
        "verdicts": sum(line[-1] for line in verdicts),
        "verdict_counts_sha256": verdicts_hash,
        "campaign": str(campaign) if campaign else "",
        "campaign_id": campaign.pk if campaign else None,
        "codebook": str(campaign.codebook_version) if campaign else "",
        "drawn": drawn_n,
        "agreed": sum(line[4] is not None for line in drawn),
        "labels": sum(len(line[5]) for line in drawn),
        "label_set_sha256": labels_hash,
        "calibration": f"{basis.calibration.created_at:%-d %B %Y, %H:%M}" if basis.calibration else "",
        "calibration_id": basis.calibration.pk if basis.calibration else None,
        "estimator": ESTIMATOR,
        "code": f"amdash {__version__}",
        "seed": SEED,
        "made_at": at.isoformat(),
    }


def _hashed(lines: Iterable[list[Any]]) -> tuple[int, str]:
    """How many, and the SHA-256 over one JSON line for each."""
    digest, n = hashlib.sha256(), 0
    for n, line in enumerate(lines, 1):  # noqa: B007 - the last number is the count
        digest.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return n, digest.hexdigest()


def _transcript_lines(report: Report) -> Iterable[list[Any]]:
    """Model, condition, sample key and content of every shown transcript, in that order."""
    rows = (
        Transcript.objects.filter(cell__in=report.estimates.shown)
        .order_by("cell__model__recorded_id", "cell__condition__identity", "sample_key")
        .values_list("cell__model__recorded_id", "cell__condition__identity", "sample_key", "content_sha256")
    )
    for model, condition, key, content in rows.iterator(chunk_size=5000):
        yield [model, bytes(condition).hex(), key, bytes(content).hex()]


def _label_lines(report: Report) -> Iterable[list[Any]]:
    """Every drawn transcript of the campaign: its probability, its agreed answer, the labels behind it.

    The whole campaign: modelled rates rest on the labels of other models too.
    """
    if report.basis.campaign is None or report.basis.label_outcome is None:
        return
    labels = dict(
        Resolution.objects.filter(
            item__campaign=report.basis.campaign,
            outcome=report.basis.label_outcome,
            superseded_at__isnull=True,
        ).values_list("item", "label_ids")
    )
    items = (
        sample_items(report.basis)
        .order_by("pk")
        .values_list(
            "pk",
            "pi",
            "resolved",
            "transcript__cell__model__recorded_id",
            "transcript__cell__condition__identity",
            "transcript__sample_key",
        )
    )
    for item, pi, resolved, model, condition, key in items.iterator(chunk_size=5000):
        yield [model, bytes(condition).hex(), key, repr(pi), resolved, sorted(labels.get(item, []))]


def _verdict_lines(report: Report) -> Iterable[list[Any]]:
    """How many verdicts of the classifier said what, in each cell."""
    rows = VerdictTally.objects.filter(
        cell__evaluation=report.basis.evaluation,
        version=report.basis.version,
        outcome=report.basis.outcome,
    ).values_list("cell__model__recorded_id", "cell__condition__identity", "final", "judge", "failed", "n")
    return sorted(([model, bytes(condition).hex(), *rest] for model, condition, *rest in rows), key=json.dumps)
