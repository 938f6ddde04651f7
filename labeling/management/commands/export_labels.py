"""Write labels to a file or to standard output."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.models import Campaign, LabelExport
from labeling.transfers.export import export, formats


class Command(BaseCommand):
    help = "Writes all labels, or those of a campaign, as JSON Lines, CSV or Parquet. Needs no worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", required=True, choices=LabelExport.Format.values)
        parser.add_argument("--campaign", metavar="NAME", help="only this campaign; default: all of them")
        parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        form, output = options["format"], options["output"]
        if form not in formats():
            raise CommandError(f"{form} cannot be written here: pyarrow is not installed.")
        campaigns = Campaign.objects.order_by("pk")
        if name := options["campaign"]:
            campaigns = campaigns.filter(name=name)
            if not campaigns:
                raise CommandError(f"There is no campaign {name}.")
        if output is None:
            rows = export(sys.stdout.buffer, list(campaigns), form)
            sys.stdout.buffer.flush()
        else:
            rows = _whole(output, list(campaigns), form)
        self.stderr.write(f"{rows:,} labels written to {output or 'standard output'}.", style_func=str)


def _whole(output: Path, campaigns: list[Campaign], form: str) -> int:
    """A file that is there is there as a whole."""
    try:
        with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}-", delete=False) as file:
            part = Path(file.name)
            try:
                rows = export(file, campaigns, form)
            except BaseException:
                part.unlink()
                raise
        part.chmod(0o644)
        part.replace(output)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
    return rows
