"""What a classifier's gates do to its judge, and how right each is by itself.

Whatever is shown is bounded. How often the final answer is not the judge's comes from a roll-up. What single gates say
stands in each verdict: at most `LOOKED_AT` of them are read, as many from each cell. Samples of a cell are repetitions
of one prompt, so its first ones tell of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson
from django.db import connection
from django.db.models import BooleanField, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import RawSQL

from labeling.calibration.basis import Basis
from labeling.calibration.rollup import roll_up
from labeling.models import CampaignItem, Resolution
from labeling.stats.intervals import Interval, wilson
from transcripts.listing.lookups import among
from transcripts.models import Cell, Transcript, Verdict, VerdictTally
from transcripts.models.transcripts import JUDGEABLE
from transcripts.models.verdicts import VerdictQuerySet

LOOKED_AT = 10_000  # verdicts whose gates are read, and resolutions that they are compared with
JUDGE, FINAL = "judge alone", "final rule"

# As the index of such verdicts has it: the planner knows no other way to say it for the same.
OVERRULED = Q(final=True, judge=False) | Q(final=False, judge=True)
# The first verdicts of each cell. A transcript's verdict is found by its own index.
PATTERNS = """
SELECT d.scenario, v.gates::text, v.judge, v.final, count(*)
FROM transcripts_cell c JOIN transcripts_condition d ON d.id = c.condition_id
CROSS JOIN LATERAL (SELECT id FROM transcripts_transcript WHERE cell_id = c.id ORDER BY id LIMIT %s) t
JOIN transcripts_verdict v ON v.transcript_id = t.id AND v.version_id = %s AND v.outcome = %s
WHERE v.superseded_at IS NULL AND c.evaluation_id = %s AND v.final IS NOT NULL AND v.gates <> '{}'::jsonb
GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval on what they are worth; nothing where there is none."""

    n: int = 0
    hits: int = 0
    value: float | None = None
    limits: Interval | None = None

    @classmethod
    def of(cls, weighed: Iterable[tuple[bool, float]]) -> Share:
        rows = list(weighed)
        if not rows:
            return cls()
        mass = sum(weight for _, weight in rows)
        value = min(1.0, sum(weight for hit, weight in rows if hit) / mass)
        effective = mass**2 / sum(weight**2 for _, weight in rows)
        return cls(len(rows), sum(hit for hit, _ in rows), value, wilson(value, effective))


@dataclass
class GateLine:
    """One gate in one scenario: what it does among the verdicts that were looked at, and how right it is."""

    scenario: str
    gate: str
    n: int = 0
    passed: int = 0
    judged: int = 0  # of them with an answer of the judge
    yes_but_closed: int = 0  # the judge says yes, the gate does not let it pass
    closed_final: int = 0  # and the final answer is no
    no_but_open: int = 0
    open_final: int = 0  # and the final answer is yes
    overruling: Share = field(default_factory=Share)  # right where it and the final answer are against the judge
    sensitivity: Share = field(default_factory=Share)
    specificity: Share = field(default_factory=Share)

    def add(self, *, gate: bool, judge: bool | None, final: bool, n: int) -> None:
        self.n += n
        self.passed += n if gate else 0
        if judge is None:
            return
        self.judged += n
        if judge and not gate:
            self.yes_but_closed += n
            self.closed_final += 0 if final else n
        if gate and not judge:
            self.no_but_open += n
            self.open_final += n if final else 0


@dataclass(frozen=True)
class Overruled:
    """Of one scenario's verdicts with both answers, how many the final rule turned around. All of them, no sample."""

    scenario: str
    n: int
    to_no: int
    to_yes: int

    @property
    def turned(self) -> int:
        return self.to_no + self.to_yes


@dataclass(frozen=True)
class Gates:
    """Everything that the page says of a version's gates."""

    overruled: list[Overruled]
    lines: list[GateLine]
    looked_at: int
    judged: int  # verdicts with an answer that there are
    compared: int  # with an agreed answer of people
    are_all_compared: bool

    @property
    def is_sample(self) -> bool:
        return self.looked_at < self.judged

    @property
    def turned(self) -> int:
        return sum(one.turned for one in self.overruled)


@dataclass(frozen=True)
class Known:
    """One drawn transcript with an agreed answer: what gates and judge say, and what it stands for."""

    scenario: str
    gates: Mapping[str, bool]
    judge: bool | None
    final: bool
    resolution: bool
    weight: float


def gates(basis: Basis) -> Gates:
    overruled = _overruled(basis)
    lines, looked_at = _looked_at(basis)
    known, every = _known(basis)
    _compare(lines, known)
    judged = _tallies(basis).filter(final__isnull=False).aggregate(total=Sum("n"))["total"] or 0
    return Gates(
        overruled=overruled,
        lines=[lines[key] for key in sorted(lines, key=_in_order)],
        looked_at=looked_at,
        judged=judged,
        compared=len(known),
        are_all_compared=every,
    )


def _in_order(key: tuple[str, str]) -> tuple[str, int, str]:
    """By scenario: the judge, its gates, and what becomes of them."""
    scenario, gate = key
    return scenario, {JUDGE: 0, FINAL: 2}.get(gate, 1), gate


def _tallies(basis: Basis) -> QuerySet[VerdictTally]:
    return VerdictTally.objects.filter(
        version=basis.version, outcome=basis.outcome, cell__evaluation=basis.evaluation
    ).order_by()


def _overruled(basis: Basis) -> list[Overruled]:
    rows = _tallies(basis).filter(final__isnull=False, judge__isnull=False)
    counted = rows.values_list("cell__condition__scenario").annotate(
        total=Sum("n"),
        to_no=Sum("n", filter=Q(judge=True, final=False), default=0),
        to_yes=Sum("n", filter=Q(judge=False, final=True), default=0),
    )
    return [Overruled(*row) for row in counted.order_by("cell__condition__scenario")]


def _looked_at(basis: Basis) -> tuple[dict[tuple[str, str], GateLine], int]:
    """Lines by scenario and gate, and how many verdicts they rest on."""
    cells = Cell.objects.filter(evaluation=basis.evaluation).count()
    if basis.version is None or not cells:
        return {}, 0
    with connection.cursor() as cursor:
        each = max(1, LOOKED_AT // cells)
        cursor.execute(PATTERNS, [each, basis.version.pk, basis.outcome, basis.evaluation.pk])
        found = cursor.fetchall()
    lines: dict[tuple[str, str], GateLine] = {}
    total = 0
    for scenario, said, judge, final, n in found:
        total += n
        for gate, is_open in _said(orjson.loads(said), judge, final=final):
            line = lines.setdefault((scenario, gate), GateLine(scenario, gate))
            line.add(gate=is_open, judge=judge, final=final, n=n)
    return lines, total


def _said(passed: Mapping[str, bool], judge: bool | None, *, final: bool) -> list[tuple[str, bool]]:
    """What the judge says, each gate, and what becomes of them."""
    return [*([(JUDGE, judge)] if judge is not None else []), *passed.items(), (FINAL, final)]


def _known(basis: Basis) -> tuple[list[Known], bool]:
    """Drawn transcripts with gates and an agreed answer, and whether these are all that there are."""
    if basis.campaign is None or basis.label_outcome is None or basis.version is None:
        return [], True
    current = Resolution.objects.filter(
        item__campaign=basis.campaign,
        item__source=CampaignItem.Source.SAMPLE,
        item__pi__isnull=False,
        item__transcript__status__in=JUDGEABLE,
        outcome=basis.label_outcome,
        superseded_at=None,
        value__isnull=False,
        text_sha256=F("item__transcript__text_sha256"),
    )
    # By the permanent random number: where there are more, these are a random part of them.
    stratum = ("item__stratum__model_id", "item__stratum__scenario", "item__stratum__verdict")
    rows = list(
        current.order_by("item__transcript__u").values_list(
            "item__transcript", "item__transcript__cell__condition__scenario", "value", "item__pi", *stratum
        )[: LOOKED_AT + 1]
    )
    verdicts = Verdict.objects.filter(
        among("transcript", [row[0] for row in rows[:LOOKED_AT]]),
        version=basis.version,
        outcome=basis.outcome,
        final__isnull=False,
    ).exclude(gates={})
    said = {pk: rest for pk, *rest in verdicts.order_by().values_list("transcript", "gates", "judge", "final")}
    response = roll_up(basis).responses
    found = []
    for pk, scenario, value, pi, model, of_scenario, of_verdict in rows[:LOOKED_AT]:
        if pk in said:
            weight = response[model, of_scenario or "", of_verdict or ""].factor / pi
            passed, judge, final = said[pk]
            found.append(Known(scenario, passed, judge, final, value, weight))
    return found, len(rows) <= LOOKED_AT


def _compare(lines: dict[tuple[str, str], GateLine], known: Iterable[Known]) -> None:
    """How right each gate is: by itself, and where it overrules the judge."""
    by_line: dict[tuple[str, str], list[tuple[bool, Known]]] = {}
    for one in known:
        for gate, is_open in _said(one.gates, one.judge, final=one.final):
            by_line.setdefault((one.scenario, gate), []).append((is_open, one))
    for key, rows in by_line.items():
        line = lines.setdefault(key, GateLine(*key))
        line.sensitivity = Share.of((is_open, one.weight) for is_open, one in rows if one.resolution)
        line.specificity = Share.of((not is_open, one.weight) for is_open, one in rows if not one.resolution)
        line.overruling = Share.of(
            (one.resolution == one.final, one.weight)
            for is_open, one in rows
            if one.judge is not None and is_open == one.final != one.judge
        )


def flips(basis: Basis, scenario: str = "", gate: str = "", cursor: str = "") -> VerdictQuerySet:
    """The verdicts that the final rule turned around; of one scenario, or where this gate is against the judge.

    With a page's cursor only those in reach of that page, give or take.
    """
    cells = Cell.objects.filter(evaluation=basis.evaluation)
    if scenario:
        cells = cells.filter(condition__scenario=scenario)
    found = Verdict.objects.filter(OVERRULED, version=basis.version, outcome=basis.outcome, transcript__cell__in=cells)
    if gate:
        against = Q(judge=True, gates__contains={gate: False}) | Q(judge=False, gates__contains={gate: True})
        found = found.filter(against)
    first, last = _range(cells)
    here = (
        Verdict.objects.filter(pk=int(cursor[1:])).values_list("transcript_id", flat=True).first() if cursor else None
    )
    if here is not None:
        first, last = (first, min(here, last)) if cursor.startswith("b") else (max(here, first), last)
    return found.filter(transcript__gte=first, transcript__lte=last).filter(
        RawSQL('"transcripts_transcript"."id" BETWEEN %s AND %s', [first, last], output_field=BooleanField())
    )


def _range(cells: QuerySet[Cell]) -> tuple[int, int]:
    """The first and the last transcript of the cells. Said of verdicts and of transcripts alike it keeps the planner
    from reading either table from its beginning."""
    of_cell = Transcript.objects.filter(cell=OuterRef("pk")).values("pk")
    edges = cells.order_by().aggregate(
        first=Min(Subquery(of_cell.order_by("pk")[:1])), last=Max(Subquery(of_cell.order_by("-pk")[:1]))
    )
    return edges["first"] or 0, edges["last"] or 0
