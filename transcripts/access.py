"""Who may see and change what in this app. Whoever may not is told that nothing is there.

Raters are blind: the pages here show verdicts, models and conditions, so being a rater does not open them.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404

from transcripts.models import Evaluation, Ingestion, Note, SavedView, Transcript
from transcripts.models.transcripts import TranscriptQuerySet

READERS = frozenset({"researcher", "viewer", "admin"})
INGESTERS = frozenset({"researcher", "admin"})
NOTERS = frozenset({"researcher", "admin"})


def groups(user: AbstractBaseUser | AnonymousUser) -> frozenset[str]:
    """The names of the user's groups, asked for once per request."""
    if not isinstance(user, User):
        return frozenset()
    known: frozenset[str] | None = getattr(user, "_group_names", None)
    if known is None:
        known = frozenset(user.groups.values_list("name", flat=True))
        user._group_names = known  # type: ignore[attr-defined]
    return known


def may_read(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & READERS))


def may_ingest(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & INGESTERS))


def readable_transcripts(user: AbstractBaseUser | AnonymousUser) -> TranscriptQuerySet:
    if not may_read(user):
        raise Http404
    return Transcript.objects.all()


def readable_transcript(user: AbstractBaseUser | AnonymousUser, pk: int) -> Transcript:
    transcript = readable_transcripts(user).for_reading().filter(pk=pk).first()
    if transcript is None:
        raise Http404
    return transcript


def readable_evaluation(user: AbstractBaseUser | AnonymousUser, pk: int) -> Evaluation:
    evaluation = Evaluation.objects.filter(pk=pk).first() if may_read(user) else None
    if evaluation is None:
        raise Http404
    return evaluation


def require_reader(user: AbstractBaseUser | AnonymousUser) -> None:
    if not may_read(user):
        raise Http404


def require_ingester(user: AbstractBaseUser | AnonymousUser) -> User:
    if not may_ingest(user) or not isinstance(user, User):
        raise Http404
    return user


def ingestion(user: AbstractBaseUser | AnonymousUser, pk: int) -> Ingestion:
    found = Ingestion.objects.select_related("evaluation").filter(pk=pk).first() if may_ingest(user) else None
    if found is None:
        raise Http404
    return found


def may_note(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & NOTERS))


def require_noter(user: AbstractBaseUser | AnonymousUser) -> User:
    if not may_note(user) or not isinstance(user, User):
        raise Http404
    return user


def readable_notes(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Note]:
    require_reader(user)
    return Note.objects.select_related("author")


def own_note(user: AbstractBaseUser | AnonymousUser, pk: int) -> Note:
    """A note is changed and deleted by whoever wrote it, and by nobody else."""
    found = readable_notes(require_noter(user)).filter(pk=pk, author_id=user.pk).first()
    if found is None:
        raise Http404
    return found


def seen_view(user: AbstractBaseUser | AnonymousUser, pk: int) -> SavedView:
    reader = user if may_read(user) and isinstance(user, User) else None
    found = SavedView.objects.seen_by(reader).filter(pk=pk).first() if reader else None
    if found is None:
        raise Http404
    return found


def own_view(user: AbstractBaseUser | AnonymousUser, pk: int) -> SavedView:
    """A view is renamed, shared and deleted by its owner."""
    found = seen_view(user, pk)
    if found.owner_id != user.pk:
        raise Http404
    return found
