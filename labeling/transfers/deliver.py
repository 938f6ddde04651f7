"""Puts an export of labels where its maker can fetch it, for a few days, under a lease."""

from __future__ import annotations

import tempfile
from datetime import timedelta

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from labeling.models import LabelExport
from labeling.transfers.export import export
from labeling.transfers.jobs import Lost, take

# For how long a file can be fetched.
KEPT = timedelta(days=7)
FOLDER = "exports"


def run(export_id: int) -> None:
    """Write the file if nobody else is at it. What an earlier, killed run had written is written anew."""
    job = take(LabelExport, export_id)
    if job is None:
        return
    row = job.row
    try:
        with job.kept(), tempfile.TemporaryFile() as file:
            job.rows = export(file, [row.campaign], row.format, job.tell)
            size = file.tell()
            name = default_storage.save(f"{FOLDER}/labels-{row.pk}-{row.attempts}.{row.format}", File(file))
    except Lost:
        return
    except (OperationalError, InterfaceError):
        raise  # the database's trouble: when the lease has run out, the job is taken again
    except Exception as problem:
        job.end("failed", problem=f"{type(problem).__name__}: {problem}")
        raise
    if not job.end("done", file=name, size=size, expires_at=timezone.now() + KEPT):
        default_storage.delete(name)


def delete_expired() -> None:
    """Delete the files whose time is over, and those that killed runs and deleted campaigns have left behind."""
    now = timezone.now()
    for row in LabelExport.objects.filter(expires_at__lt=now).exclude(file=""):
        row.file.delete(save=False)
        LabelExport.objects.filter(pk=row.pk).update(file="")
    if not default_storage.exists(FOLDER):
        return
    known = set(LabelExport.objects.exclude(file="").values_list("file", flat=True))
    for name in default_storage.listdir(FOLDER)[1]:
        path = f"{FOLDER}/{name}"
        if path not in known and default_storage.get_modified_time(path) < now - KEPT:
            default_storage.delete(path)
