"""Brings in labels that were made elsewhere, as a closed campaign of their own. A second time adds nothing."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max
from django.utils import timezone

from labeling.campaigns.population import population
from labeling.codebooks import found_codebook
from labeling.codebooks.codebook import outcomes_of
from labeling.codebooks.found_codebook import Categories, NoCodebook
from labeling.models import Campaign, CampaignItem, CodebookVersion, LabelImport, Wave
from labeling.panel.resolve import resolve_item
from labeling.transfers.jobs import Job, Lost, take
from labeling.transfers.keep import Keeper
from labeling.transfers.label_columns import OWN, LabelColumns, parse
from labeling.transfers.label_rows import Told, told
from labeling.transfers.settle import settle
from transcripts.ingest.files.tree import Folder
from transcripts.ingest.mapping import BadMapping
from transcripts.ingest.parsed import Problem
from transcripts.lease import LEASE
from transcripts.models import Evaluation, Transcript

TOGETHER = 500  # labels that are written in one transaction
MOST_TOLD = 1_000  # problems that are told one by one
SIGHTED = 'The mapping does not say hidden = ["verdict"]: raters may have seen it, so these labels calibrate nothing.'


class CannotBringIn(Exception):
    """Nothing of the file can be taken; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """What is to be made of a file."""

    campaign: str
    columns: LabelColumns = OWN
    evaluation: str = ""
    codebook: str = ""  # slug, or slug:number

    @classmethod
    def by(cls, row: LabelImport) -> Wanted:
        """What was chosen with a file. Raises BadMapping."""
        mapping = row.choices.get("mapping")
        return cls(
            campaign=row.campaign_name,
            columns=parse(mapping) if mapping else OWN,
            evaluation=row.choices.get("evaluation", ""),
            codebook=row.choices.get("codebook", ""),
        )


@dataclass
class Report:
    """What became of a file's labels."""

    campaign: int | None = None
    codebook: str = ""
    added: int = 0
    known: int = 0
    failed: int = 0
    items: int = 0
    raters: int = 0
    resolved: int = 0
    adjudicated: int = 0
    remarks: list[str] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    untold: int = 0

    def tell(self, problem: Problem) -> None:
        self.failed += problem.lost
        if len(self.errors) < MOST_TOLD:
            self.errors.append({"source": problem.source, "where": problem.where, "reason": problem.reason})
        else:
            self.untold += 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def bring_in(path: Path, row: LabelImport, tell: Callable[[int], None] = lambda rows: None) -> Report:
    """Read a table of labels into its campaign. Raises CannotBringIn where nothing of it can be taken, BadMapping.

    Rows that cannot be taken are in the report, with their place and the reason; the others are kept.
    """
    wanted, report = Wanted.by(row), Report()
    tree = Folder(path.parent, path.name)
    seen = _look(told(tree, path.name, wanted.columns))
    if not seen.labels:
        reason = next((f": {problem.where} {problem.reason}" for problem in seen.problems), "")
        raise CannotBringIn(f"{path.name} holds no label{reason}")
    campaign = _campaign(wanted, seen, row)
    report.campaign, report.codebook = campaign.pk, str(campaign.codebook_version)
    labels = _good(told(tree, path.name, wanted.columns), report)
    keeper = Keeper(campaign, wanted.columns)
    done = 0
    while batch := list(islice(labels, TOGETHER)):
        with transaction.atomic():
            added, problems = keeper.keep(batch)
        report.added += added
        report.known += len(batch) - added - sum(problem.lost for problem in problems)
        for problem in problems:
            report.tell(problem)
        done += len(batch)
        tell(done)
    report.items, report.raters = len(keeper.touched), len(keeper.raters)
    campaign.waves.filter(number=1).update(size=campaign.items.filter(source=CampaignItem.Source.SAMPLE).count())
    report.resolved, report.adjudicated = _resolve(campaign, keeper, lambda: tell(done))
    report.remarks = _remarks(campaign, wanted)
    return report


def begin(name: str, campaign: str, choices: dict[str, Any]) -> Job[LabelImport]:
    """The job of a command, which reads from disk: it needs no worker, and none takes it over."""
    now = timezone.now()
    row = LabelImport.objects.create(
        name=name,
        campaign_name=campaign,
        choices=choices,
        state=LabelImport.State.RUNNING,
        attempts=1,
        started_at=now,
        leased_until=now + LEASE,
    )
    return Job(row)


def run(import_id: int) -> None:
    """Do the job if nobody else is at it. What an earlier, killed run had written is known to the second."""
    job = take(LabelImport, import_id)
    if job is None:
        return
    with suppress(Lost, CannotBringIn, BadMapping), tempfile.TemporaryDirectory(prefix="amdash-labels-") as folder:
        perform(job, _local(job, Path(folder)))
    if LabelImport.objects.filter(pk=import_id, state__in=["done", "failed"]).update(file=""):
        default_storage.delete(str(job.row.file.name))  # it may hold the names of people


def perform(job: Job[LabelImport], path: Path) -> Report:
    """Bring the file in and write how that ended. Raises whatever went wrong."""
    try:
        with job.kept():
            report = bring_in(path, job.row, job.tell)
    except (Lost, OperationalError, InterfaceError):
        raise  # the database's trouble, not the file's: when the lease has run out, the job is taken again
    except (CannotBringIn, BadMapping) as problem:
        job.end("failed", problem=str(problem))
        raise
    except BaseException as problem:
        job.end("failed", problem=f"{type(problem).__name__}: {problem}".removesuffix(": "))
        raise
    job.end("done", report=report.as_json(), total=job.rows)
    return report


def _local(job: Job[LabelImport], folder: Path) -> Path:
    """The uploaded file on disk: storage may be remote."""
    path = folder / (Path(job.row.name).name.encode()[-200:].decode(errors="ignore") or "labels")
    with job.row.file.open("rb") as uploaded, path.open("wb") as local:
        for chunk in uploaded.chunks():
            local.write(chunk)
    return path


@dataclass
class _Seen:
    """What a first look at the whole file finds."""

    first: Told | None = None
    labels: int = 0
    categories: Categories = field(default_factory=Categories)
    raters: Counter[int] = field(default_factory=Counter)  # by what names the transcript, as a hash
    problems: list[Problem] = field(default_factory=list)


def _look(found: Iterator[Told | Problem]) -> _Seen:
    seen = _Seen()
    for one in found:
        if isinstance(one, Problem):
            if len(seen.problems) < MOST_TOLD:
                seen.problems.append(one)
            continue
        seen.first = seen.first or one
        seen.labels += 1
        seen.categories.add(one)
        seen.raters[hash(one.about)] += 1
    return seen


def _good(found: Iterator[Told | Problem], report: Report) -> Iterator[Told]:
    for one in found:
        if isinstance(one, Problem):
            report.tell(one)
        else:
            yield one


@transaction.atomic
def _campaign(wanted: Wanted, seen: _Seen, row: LabelImport) -> Campaign:
    """The campaign of the labels: the one that an earlier import made, or a new one."""
    known = Campaign.objects.select_related("evaluation", "codebook_version__codebook")
    if found := known.filter(name=wanted.campaign).first():
        if found.imports.exists():
            LabelImport.objects.filter(pk=row.pk).update(campaign=found)
            return found
        raise CannotBringIn(f"A campaign named {wanted.campaign} exists, and its labels were made here.")
    assert seen.first is not None
    evaluation = _evaluation(wanted, seen.first)
    drawn = bool(wanted.columns.given("probability"))
    made = Campaign.objects.create(
        name=wanted.campaign,
        evaluation=evaluation,
        codebook_version=_edition(wanted, seen),
        design=Campaign.Design.PRIORITY if drawn else Campaign.Design.SIMPLE,
        raters_per_item=min(max(seen.raters.values()), 32_767),
        hides=list(wanted.columns.hidden),
        masks_names=False,
        state=Campaign.State.CLOSED,
        created_by=row.created_by,
    )
    LabelImport.objects.filter(pk=row.pk).update(campaign=made)
    if drawn:
        # The urn is the whole evaluation as it stands now: later transcripts are in no rate that rests on these.
        Campaign.objects.filter(pk=made.pk).update(frame_last_id=population(made).aggregate(last=Max("pk"))["last"])
        Wave.objects.create(campaign=made, number=1, size=len(seen.raters), drawn_at=timezone.now())
    return made


def _evaluation(wanted: Wanted, first: Told) -> Evaluation:
    name = wanted.evaluation or first.evaluation
    if name:
        if found := Evaluation.objects.filter(name=name).first():
            return found
        raise CannotBringIn(f"There is no evaluation {name}: ingest its transcripts first.")
    transcript = Transcript.objects.select_related("cell__evaluation").filter(pk=_id(first.transcript)).first()
    if transcript is None:
        raise CannotBringIn(f"{first.where} names no evaluation, and there is no transcript {first.transcript!r}.")
    return transcript.cell.evaluation


def _id(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _edition(wanted: Wanted, seen: _Seen) -> CodebookVersion:
    """The codebook that is named, by the caller or by the table, or one that is made of the answers."""
    slug, _, number = wanted.codebook.partition(":")
    editions = CodebookVersion.objects.select_related("codebook").exclude(published_at=None)
    if slug:
        named = editions.filter(codebook__slug=slug, **({"number": _id(number)} if number else {}))
        if found := named.order_by("-number").first():
            return found
        raise CannotBringIn(f"There is no published codebook {wanted.codebook}.")
    assert seen.first is not None
    slug, number = seen.first.codebook
    if slug and (found := editions.filter(codebook__slug=slug, number=_id(number)).first()):
        return found
    try:
        return found_codebook.make(wanted.campaign, seen.categories, wanted.columns)
    except NoCodebook as problem:
        raise CannotBringIn(f"No codebook can be made: {problem}") from None


def _resolve(campaign: Campaign, keeper: Keeper, tell: Callable[[], None]) -> tuple[int, int]:
    """Agree on what the labels say, where the codebook counts anything, and let stand what was decided otherwise. How
    many items have a new resolution, and how many resolutions were decided."""
    if not outcomes_of(campaign.codebook_version_id):
        return 0, 0
    items = CampaignItem.objects.filter(pk__in=keeper.touched).select_related("campaign", "transcript__cell__condition")
    resolved = adjudicated = 0
    for item in items.order_by("pk").iterator(chunk_size=TOGETHER):
        with transaction.atomic():
            resolved += bool(resolve_item(item))
            adjudicated += settle(item, keeper.decided.get(item.pk, {}))
        tell()
    return resolved, adjudicated


def _remarks(campaign: Campaign, wanted: Wanted) -> list[str]:
    if not wanted.columns.given("probability"):
        return ["No column was named for the inclusion probability, so these labels enter no rate."]
    blind = Campaign.Hidden.VERDICT in campaign.hides
    drawn = campaign.items.filter(source="sample").values_list("pi", flat=True)
    there, said = population(campaign).count(), sum(1 / pi for pi in drawn if pi)
    return [
        f"By their probabilities the {len(drawn):,} drawn transcripts stand for {said:,.0f}; "
        f"the evaluation has {there:,} with an answer.",
        *([] if blind else [SIGHTED]),
    ]
