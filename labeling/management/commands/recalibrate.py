"""Calibrates classifiers anew, as the button on their pages does."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import NothingToCompare, calibrate
from transcripts.models import Evaluation, VerdictTally


class Command(BaseCommand):
    help = "Compares classifiers with what people agreed on, and keeps each comparison as a dated calibration."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--evaluation", metavar="NAME", help="only this evaluation")
        parser.add_argument("--classifier", metavar="SLUG", help="only this classifier")
        parser.add_argument("--outcome", metavar="KEY", help="only this outcome, such as harm")

    def handle(self, *args: Any, **options: Any) -> None:
        found = VerdictTally.objects.order_by("cell__evaluation", "version__classifier__slug", "outcome")
        chosen = {
            "cell__evaluation__name": options["evaluation"],
            "version__classifier__slug": options["classifier"],
            "outcome": options["outcome"],
        }
        found = found.filter(**{lookup: value for lookup, value in chosen.items() if value})
        subjects = found.values_list("cell__evaluation", "version__classifier__slug", "outcome").distinct()
        evaluations = Evaluation.objects.in_bulk([pk for pk, _, _ in subjects])
        done = 0
        for pk, slug, outcome in subjects:
            name = f"{slug} on {outcome} in {evaluations[pk]}"
            try:
                made = calibrate(Basis.of(evaluations[pk], outcome, slug))
            except NothingToCompare as problem:
                self.stdout.write(f"{name}: not calibrated. {problem}")
            else:
                done += 1
                self.stdout.write(f"{name}: calibrated with {len(made.resolution_ids)} resolutions.")
        if not done:
            raise CommandError("Nothing was calibrated.")
