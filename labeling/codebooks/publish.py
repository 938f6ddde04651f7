"""From one published edition of a codebook to the next: a draft is copied, changed part by part, and published."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from labeling.codebooks.codebook import described, write
from labeling.codebooks.edition import Edition, Problem, problems, stamp, tidied
from labeling.models import Codebook, CodebookVersion


class NotNow(Exception):
    """A change that the draft, as it is by now, does not allow; says why in words."""


class Stale(NotNow):
    """Somebody else changed in the meantime what this change was made for."""


@transaction.atomic
def start(slug: str, name: str, source: CodebookVersion | None = None) -> CodebookVersion:
    """A new codebook with its first draft, empty or copied from an edition of another."""
    codebook = Codebook.objects.create(slug=slug, name=name)
    return _draft(codebook, described(source) if source else Edition())


@transaction.atomic
def redraft(codebook: Codebook) -> CodebookVersion:
    """The codebook's draft: the one that there is, else a copy of its newest edition."""
    Codebook.objects.select_for_update().get(pk=codebook.pk)
    found = draft_of(codebook)
    if found is not None:
        return found
    newest = codebook.versions.first()
    return _draft(codebook, described(newest) if newest else Edition())


def draft_of(codebook: Codebook) -> CodebookVersion | None:
    return codebook.versions.filter(published_at=None).first()


def _draft(codebook: Codebook, edition: Edition) -> CodebookVersion:
    newest = codebook.versions.first()
    made = CodebookVersion.objects.create(codebook=codebook, number=newest.number + 1 if newest else 1)
    write(made, edition)
    return made


@transaction.atomic
def change(codebook: Codebook, how: Callable[[Edition], Edition]) -> Edition:
    """The draft after a change. `how` sees it as it is now, and raises Stale where that is not what it was made for."""
    draft = _locked(codebook)
    before = described(draft)
    after = tidied(how(before))
    if after != before:
        write(draft, after)
    return after


@transaction.atomic
def publish(codebook: Codebook, note: str, user: User, *, based_on: str) -> CodebookVersion:
    """Publish the draft as it was seen: `based_on` is its stamp. From then on the database lets nobody change it."""
    draft = _locked(codebook)
    edition = described(draft)
    if stamp(edition) != based_on:
        raise Stale("Somebody changed the draft since you opened this page: read it again before you publish it.")
    found = obstacles(draft, edition)
    if found:
        raise NotNow(" ".join(problem.words for problem in found))
    if draft.number > 1 and not note.strip():
        raise NotNow("Say what changed, and why: whoever compares labels of two editions has to know.")
    draft.changes = note.strip()
    draft.published_at = timezone.now()
    draft.published_by = user
    draft.save(update_fields=["changes", "published_at", "published_by"])
    return draft


def obstacles(draft: CodebookVersion, edition: Edition) -> list[Problem]:
    """Why this draft cannot be published yet."""
    before = edition_before(draft)
    if before is not None and before[1] == edition:
        return [Problem(f"Nothing differs from edition {before[0].number}.")]
    return problems(edition)


def edition_before(version: CodebookVersion) -> tuple[CodebookVersion, Edition] | None:
    """The published edition before this one, with what it holds."""
    older = version.codebook.versions.filter(number__lt=version.number, published_at__isnull=False).first()
    return (older, described(older)) if older else None


@transaction.atomic
def discard(codebook: Codebook, *, based_on: str) -> None:
    """Throw the draft away; a codebook that never had an edition goes with it."""
    draft = _locked(codebook)
    if stamp(described(draft)) != based_on:
        raise Stale("Somebody changed the draft since you opened this page: nothing was thrown away.")
    write(draft, Edition())
    draft.delete()
    if not codebook.versions.exists():
        codebook.delete()


def _locked(codebook: Codebook) -> CodebookVersion:
    draft = CodebookVersion.objects.select_for_update(of=("self",)).filter(codebook=codebook, published_at=None).first()
    if draft is None:
        raise NotNow("This codebook has no draft: it was published or thrown away in the meantime.")
    return draft
