"""What a campaign's answers add up to by cell and verdict: the roll-up that rates are put together from.

It is kept in the process until a transaction commits that could change it. The database writes down which transactions
did (labeling_change); a reader asks whether there is one that its own figures have not seen.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models import FloatField as Float
from django.db.models.functions import Cast, Coalesce

from labeling.calibration.basis import Basis, Response, StratumKey, responses, sample_items
from labeling.models import CampaignItem, Label
from labeling.stats import strata
from transcripts.models import Transcript, Verdict

# So many are kept, the longest unused goes first; and none for longer, since old changes are forgotten after a day.
KEPT = 50
SECONDS = 3600.0


@dataclass(frozen=True)
class RollUp:
    """Of one campaign, classifier version and outcome: response by design stratum, sums of labels and later transcripts
    by cell and verdict, the cells that could be drawn from, and who has labelled in each."""

    responses: Mapping[StratumKey, Response] = field(default_factory=dict)
    labels: Mapping[tuple[int, str], strata.Tally] = field(default_factory=dict)
    later: Mapping[tuple[int, str], int] = field(default_factory=dict)
    covered: frozenset[int] = frozenset()
    raters: Mapping[int, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Kept:
    snapshot: str
    until: float
    rolled: RollUp


_kept: OrderedDict[tuple[int, int | None, str], _Kept] = OrderedDict()


def roll_up(basis: Basis) -> RollUp:
    """Counted anew only where something has changed since it last was. Inside a transaction always: it may have written
    something that is undone, or speak of an earlier moment than the kept figures."""
    if basis.campaign is None:
        return RollUp()
    if connection.in_atomic_block:
        return _counted(basis)
    key = (basis.campaign.pk, basis.version.pk if basis.version else None, basis.outcome)
    kept = _kept.get(key)
    snapshot = _snapshot(kept.snapshot if kept and kept.until > time.monotonic() else "")
    if kept is None or snapshot != kept.snapshot:
        # The snapshot was taken before the counting: what was committed in between counts as a change, and is in it
        # all the same.
        kept = _Kept(snapshot, time.monotonic() + SECONDS, _counted(basis))
    _kept.pop(key, None)
    _kept[key] = kept
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return kept.rolled


def _snapshot(known: str) -> str:
    """The known snapshot where no change has been committed since; else the one of now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN %(known)s <> '' AND NOT EXISTS (SELECT FROM labeling_change "
            "WHERE xid >= pg_snapshot_xmin(nullif(%(known)s, '')::pg_snapshot) "
            "AND NOT pg_visible_in_snapshot(xid, nullif(%(known)s, '')::pg_snapshot)) THEN %(known)s "
            "ELSE pg_current_snapshot()::text END",
            {"known": known},
        )
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def forget_changes() -> None:
    """Those of more than a day ago: nobody keeps figures for that long."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM labeling_change WHERE at < now() - interval '1 day'")


def _counted(basis: Basis) -> RollUp:
    response = responses(basis)
    raters: dict[int, set[int]] = defaultdict(set)
    labels = Label.objects.filter(item__campaign=basis.campaign, item__source=CampaignItem.Source.SAMPLE)
    for cell, rater in labels.order_by().values_list("item__transcript__cell", "rater").distinct():
        raters[cell].add(rater)
    return RollUp(
        response,
        dict(_label_tallies(basis, response)),
        _later(basis),
        basis.covered,
        {cell: frozenset(found) for cell, found in raters.items()},
    )


NAMES = {True: "flagged", False: "unflagged", None: "without verdict"}


def _later(basis: Basis) -> dict[tuple[int, str], int]:
    """Judgeable transcripts of covered cells that came after the campaign's first draw, by cell and verdict."""
    if basis.campaign is None or basis.campaign.frame_last_id is None:
        return {}
    final = Verdict.objects.filter(transcript=OuterRef("pk"), version=basis.version, outcome=basis.outcome)
    rows = (
        Transcript.objects.judgeable()
        .filter(pk__gt=basis.campaign.frame_last_id, cell__in=basis.covered)
        .annotate(final=Subquery(final.values("final")[:1]))
        .order_by()
        .values_list("cell_id", "final")
        .annotate(n=Count("pk"))
    )
    return {(cell, NAMES[verdict]): n for cell, verdict, n in rows}


def _label_tallies(basis: Basis, response: Mapping[StratumKey, Response]) -> dict[tuple[int, str], strata.Tally]:
    """Sums over the drawn items of each cell and verdict; an item without an agreed answer is missing.

    Answers weigh 1 / π, times drawn / answered of their design stratum: non-response is taken for random within
    a stratum, and only there.
    """
    if basis.campaign is None or basis.label_outcome is None:
        return {}
    weight = Cast(Value(1.0), Float()) / F("pi")
    known = Q(resolved__isnull=False)
    rows = (
        sample_items(basis)
        .order_by("transcript__cell", "final", "stratum__model_id", "stratum__scenario", "stratum__verdict")
        .values("transcript__cell", "final", "stratum__model_id", "stratum__scenario", "stratum__verdict")
        .annotate(
            n=Count("pk", filter=known),
            n_positive=Count("pk", filter=Q(resolved=True)),
            weight=Coalesce(Sum(weight, filter=known), 0.0),
            weight_squares=Coalesce(Sum(weight * weight, filter=known), 0.0),
            weight_positive=Coalesce(Sum(weight, filter=Q(resolved=True)), 0.0),
            n_missing=Count("pk", filter=~known),
            weight_missing=Coalesce(Sum(weight, filter=~known), 0.0),
        )
    )
    labels: dict[tuple[int, str], strata.Tally] = defaultdict(strata.Tally)
    for found in rows:
        row: dict[str, Any] = dict(found)
        cell, final = row.pop("transcript__cell"), row.pop("final")
        stratum = (
            row.pop("stratum__model_id"),
            row.pop("stratum__scenario") or "",
            row.pop("stratum__verdict") or "",
        )
        labels[cell, NAMES[final]] += scaled(strata.Tally(**row), response[stratum].factor)
    return labels


def scaled(labels: strata.Tally, share: float) -> strata.Tally:
    """The same labels, each with `share` times its weight."""
    return strata.Tally(
        labels.n,
        labels.n_positive,
        labels.weight * share,
        labels.weight_squares * share**2,
        labels.weight_positive * share,
        labels.n_missing,
        labels.weight_missing * share,
    )
