"""A published data set end to end: three models, two classifiers, two raters, and every item decided in the end.

The shape is that of XSTest (Röttger et al. 2024, arXiv 2308.01263): a refusal is any full or partial one, the judge of
one model is sometimes unreadable, and all items are labelled, so that each stands for itself.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.core.management import call_command

from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import calibrate
from labeling.models import Calibration, Campaign, Resolution
from transcripts.models import Evaluation, Verdict

pytestmark = pytest.mark.django_db

COMPLIED, REFUSED, PARTLY, GARBAGE = "1_full_compliance", "2_full_refusal", "3_partial_refusal", "I'm sorry, but"
# By model: of how many rows the decision, the model judge and the string match say what.
ROWS = {
    "calm": [(6, REFUSED, REFUSED, REFUSED), (6, COMPLIED, COMPLIED, COMPLIED)],
    "keen": [(4, REFUSED, REFUSED, REFUSED), (4, PARTLY, COMPLIED, REFUSED), (4, COMPLIED, COMPLIED, REFUSED)],
    "odd": [
        (2, REFUSED, GARBAGE, COMPLIED),
        (2, REFUSED, COMPLIED, REFUSED),
        (3, COMPLIED, REFUSED, COMPLIED),
        (7, COMPLIED, COMPLIED, COMPLIED),
    ],
}
TRANSCRIPTS = """
model = "model"
sample = "id"
user = "prompt"
response = "completion"

[[verdicts]]
classifier = "=model-judge"
version = "=1"
outcome = "=refusal"
final = "judge_label"
positive = ["2_full_refusal", "3_partial_refusal"]
negative = ["1_full_compliance"]

[[verdicts]]
classifier = "=string-match"
version = "=1"
outcome = "=refusal"
final = "match_label"
positive = ["2_full_refusal"]
negative = ["1_full_compliance"]
"""
LABELS = """
evaluation = "=Refusals"
model = "model"
sample = "id"
probability = "=1"
hidden = ["others", "verdict"]

[[labels]]
rater = "=annotator 1"
[labels.answers]
refusal = "annotation_1"

[[labels]]
rater = "=annotator 2"
[labels.answers]
refusal = "annotation_2"

[adjudicated]
refusal = "final_label"

[outcomes.refusal]
question = "refusal"
positive = ["2_full_refusal", "3_partial_refusal"]
"""


def tables(folder: Path) -> Path:
    """The completions and the labels. Of keen's partial refusals the raters disagree on two, and agree on two; of
    calm's first refusal both say otherwise than what was decided."""
    completions = [["model", "id", "prompt", "completion", "judge_label", "match_label"]]
    labels = [["model", "id", "annotation_1", "annotation_2", "final_label"]]
    for model, blocks in ROWS.items():
        decided = [(final, judge, match) for n, final, judge, match in blocks for _ in range(n)]
        for number, (final, judge, match) in enumerate(decided):
            key = f"v2-{number + 1}"
            completions.append([model, key, f"Question {number + 1}?", f"{model} says so.", judge, match])
            first, second = final, COMPLIED if (model, number) in (("keen", 4), ("keen", 5)) else final
            if (model, number) == ("calm", 0):
                first = second = COMPLIED
            labels.append([model, key, first, second, final])
    paths = folder / "completions.csv", folder / "labels.csv"
    for path, rows in zip(paths, (completions, labels), strict=True):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return paths[0]


def bring_in(folder: Path) -> None:
    call_command("import_labels", folder / "labels.csv", map=folder / "labels.toml", campaign="Published labels")


@pytest.fixture
def refusals(tmp_path: Path) -> Evaluation:
    """Brought in by the commands that a user has."""
    completions = tables(tmp_path)
    for name, mapping in (("completions.toml", TRANSCRIPTS), ("labels.toml", LABELS)):
        (tmp_path / name).write_text(mapping)
    call_command("ingest", completions, map=tmp_path / "completions.toml", evaluation="Refusals")
    bring_in(tmp_path)
    return Evaluation.objects.get(name="Refusals")


def squares(calibration: Calibration) -> tuple[int, ...]:
    """TP, FN, FP, TN, and how many have no verdict."""
    table = calibration.figures["confusion"]
    return *(table["cells"][name]["n"] for name in ("tp", "fn", "fp", "tn")), table["without_verdict"]


def test_a_census_with_decided_labels_gives_the_published_tables(refusals: Evaluation) -> None:
    campaign = Campaign.objects.get(name="Published labels")
    assert set(campaign.items.values_list("source", "pi")) == {("sample", 1.0)}
    assert campaign.waves.get().size == 38
    found = {slug: calibrate(Basis.of(refusals, "refusal", slug)) for slug in ("model-judge", "string-match")}

    assert {slug: squares(whole) for slug, whole in found.items()} == {
        "model-judge": (10, 6, 3, 17, 2),
        "string-match": (16, 2, 4, 16, 0),
    }
    # An answer that cannot be read is missing, and not a no.
    unread = Verdict.objects.filter(version__classifier__slug="model-judge", final=None)
    assert [(one.judge, bool(one.error)) for one in unread] == [(None, True)] * 2
    by_model = {
        (scoped.classifier_version.classifier.slug, scoped.scope["model"]): squares(scoped)
        for scoped in Calibration.objects.filter(scope__has_key="model")
    }
    assert by_model == {
        ("model-judge", "calm"): (6, 0, 0, 6, 0),
        ("model-judge", "keen"): (4, 4, 0, 4, 0),
        ("model-judge", "odd"): (0, 2, 3, 7, 2),
        ("string-match", "calm"): (6, 0, 0, 6, 0),
        ("string-match", "keen"): (8, 0, 4, 0, 0),
        ("string-match", "odd"): (2, 2, 0, 10, 0),
    }
    # One correction for all models would be wrong: the judge finds all refusals of one and none of another.
    pooled = found["model-judge"].figures["pooling"]["model"]["sensitivity"]
    assert (pooled["lowest"][0], pooled["highest"][0]) == ("odd", "calm")
    assert pooled["adjusted"] < 0.05


def test_what_was_decided_stands_beside_what_raters_say(refusals: Evaluation, tmp_path: Path) -> None:
    bring_in(tmp_path)  # a second time, which changes nothing

    current = Resolution.objects.filter(superseded_at=None)
    decided = current.filter(method="adjudicated").order_by("item__transcript")

    assert current.count() == 38
    assert [(row.item.transcript.sample, row.value, row.positive, row.negative) for row in decided] == [
        ("v2-1", True, 0, 2),
        ("v2-5", True, 1, 1),
        ("v2-6", True, 1, 1),
    ]
    assert Resolution.objects.exclude(superseded_at=None).count() == 3
