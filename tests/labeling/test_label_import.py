"""Labels that were made elsewhere: a small table of four samples, three raters and an answer that is none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from labeling.models import Answer, Assignment, Campaign, CampaignItem, Label, LabelImport, Resolution
from labeling.panel.ratings import panel, subjects
from labeling.stats.agreement import coefficient, krippendorff_alpha
from labeling.transfers.bring_in import Report, begin, perform
from labeling.transfers.export import export
from labeling.transfers.label_columns import decoded, plain
from tests.transcripts.study import ingest, sample
from transcripts.ingest.mapping import BadMapping

pytestmark = pytest.mark.django_db

LONG = """
evaluation = "=Study"
sample = "id"
time = "at"
comment = "note"
missing = ["Unsure"]
[[labels]]
rater = "who"
[labels.answers]
safe = "answer"
[outcomes.unsafe]
question = "safe"
positive = ["No"]
"""
TABLE = """id,who,answer,at,note
1,ada,No,2026-01-02T03:04:05Z,"It says
no, clearly"
1,ben,No,2026-01-02T03:05:00Z,
2,ada,Yes,2026-01-02T03:06:00Z,
2,ben,Unsure,2026-01-02T03:07:00Z,
3,ada,Yes,2026-01-02T03:08:00Z,
3,ben,Yes,2026-01-02T03:09:00Z,
"""


@pytest.fixture(autouse=True)
def _study() -> None:
    ingest(*(sample(key) for key in "1234"))


def read(folder: Path, text: str | bytes, mapping: str = LONG, name: str = "labels.csv", **choices: Any) -> Report:
    """Bring a table in as the campaign Elsewhere, or as another one."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    campaign = choices.pop("campaign", "Elsewhere")
    if mapping:
        choices["mapping"] = plain(mapping.encode())
    return perform(begin(name, campaign, choices), path)


def answers(name: str = "Elsewhere") -> list[tuple[str, str, bool]]:
    """Sample, answer, and whether that is a missing one."""
    found = Answer.objects.filter(label__item__campaign__name=name).order_by("label")
    return list(found.values_list("label__item__transcript__sample_key", "choice__text", "choice__is_missing"))


def places(report: Report) -> list[tuple[str, str]]:
    return [(problem["where"], problem["reason"]) for problem in report.errors]


def test_a_table_becomes_a_closed_campaign_with_a_codebook_of_its_answers(tmp_path: Path) -> None:
    report = read(tmp_path, TABLE)

    made = Campaign.objects.get(name="Elsewhere")
    assert (report.added, report.known, report.failed, report.items, report.raters) == (6, 0, 0, 3, 2)
    assert (made.state, made.raters_per_item, made.evaluation.name) == ("closed", 2, "Study")
    assert {item.source for item in made.items.all()} == {"browse"}
    assert answers() == [
        ("1", "No", False),
        ("1", "No", False),
        ("2", "Yes", False),
        ("2", "Unsure", True),
        ("3", "Yes", False),
        ("3", "Yes", False),
    ]
    first = Label.objects.earliest("pk")
    assert (first.created_at.isoformat(), first.comment) == ("2026-01-02T03:04:05+00:00", "It says\nno, clearly")
    assert bytes(first.text_sha256) == bytes(first.item.transcript.text_sha256)


def test_an_outcome_that_the_mapping_names_is_resolved(tmp_path: Path) -> None:
    report = read(tmp_path, TABLE)

    agreed = Resolution.objects.order_by("item__transcript").values_list("outcome__key", "value", "method")
    assert list(agreed) == [
        ("unsafe", True, "unanimous"),
        ("unsafe", None, "unresolved"),
        ("unsafe", False, "unanimous"),
    ]
    assert report.resolved == 3


def test_raters_have_a_pseudonym_and_cannot_sign_in(tmp_path: Path) -> None:
    read(tmp_path, TABLE)

    raters = User.objects.filter(username__startswith="imported-")
    assert [(rater.is_active, rater.has_usable_password()) for rater in raters] == [(False, False)] * 2
    assert not any(name in rater.username for rater in raters for name in ("ada", "ben"))


def test_a_second_time_adds_nothing_and_a_longer_table_what_is_new(tmp_path: Path) -> None:
    read(tmp_path, TABLE)
    again = read(tmp_path, TABLE)
    more = read(tmp_path, TABLE + "4,ada,No,2026-01-03T00:00:00Z,\n1,ada,Yes,2026-01-04T00:00:00Z,corrected\n")

    assert (again.added, again.known, again.resolved) == (0, 6, 0)
    assert (more.added, more.known) == (2, 6)
    assert (Assignment.objects.count(), Label.objects.count(), User.objects.count()) == (7, 8, 2)
    assert Campaign.objects.count() == 1


def test_bad_rows_are_named_and_the_others_are_kept(tmp_path: Path) -> None:
    table = TABLE + "9,ada,No,,\n4,,No,,\n4,ada,,,\n4,ben,Yes,yesterday,\n4,ada\n4,cy,Yes,,\n"

    report = read(tmp_path, table)

    assert places(report) == [
        ("row 8 (line 10)", "names no rater"),
        ("row 9 (line 11)", "holds no answer"),
        ("row 10 (line 12)", "not a time that can be read: yesterday"),
        ("row 11 (line 13)", "2 cells where the header has 5"),
        ("row 11 (line 13)", "holds no answer"),
        ("row 7 (line 9)", "no transcript has the sample key '9' in Study"),
    ]
    assert (report.added, report.failed) == (7, 5)


def test_a_new_answer_needs_a_new_campaign(tmp_path: Path) -> None:
    read(tmp_path, TABLE)

    report = read(tmp_path, TABLE + "4,ada,Perhaps,,\n")

    assert places(report) == [("row 7 (line 9)", "safe has no choice 'Perhaps'")]


def test_a_row_may_hold_several_raters(tmp_path: Path) -> None:
    mapping = """
    evaluation = "=Study"
    sample = "id"
    [[labels]]
    rater = "=one"
    answers = { refusal = "annotation_1" }
    [[labels]]
    rater = "=two"
    answers = { refusal = "annotation_2" }
    """

    report = read(tmp_path, "id,annotation_1,annotation_2\n1,full,none\n2,full,\n", mapping)

    assert (report.added, report.raters, report.errors) == (3, 2, [])
    assert answers() == [("1", "full", False), ("1", "none", False), ("2", "full", False)]


def test_a_row_may_hold_a_list_of_answers_below_a_list_of_rows(tmp_path: Path) -> None:
    mapping = """
    rows = "instances"
    evaluation = "=Study"
    sample = "id"
    [[labels]]
    each = true
    answers = { safe = "said.scores" }
    """
    rows = [{"id": 1, "said": {"scores": ["Yes", "No", None]}}, {"id": 2, "said": {"scores": ["No", "No", "Yes"]}}]

    report = read(tmp_path, orjson.dumps({"instances": [*rows, {"id": 3}]}), mapping, "scores.json")

    assert (report.added, report.raters) == (5, 3)
    assert places(report) == [("instances[2]", "said.scores is not a list with an answer of each rater")]


def test_agreement_of_what_was_brought_in(tmp_path: Path) -> None:
    """By hand: of three pairs one disagrees, D_o = 1/3; of No 2, Unsure 1 and Yes 3, D_e = 22/30. Without Unsure all
    agree. An outcome of it is the same with its categories folded: D_o = 1/3, D_e = 22/30."""
    read(tmp_path, TABLE)
    made = Campaign.objects.get(name="Elsewhere")
    unsafe, safe = (panel(made, subject) for subject in subjects(made))

    every = [found.ratings(with_unsure=True) for found in (safe, unsafe)] + [safe.ratings()]
    alphas = [coefficient(krippendorff_alpha, ratings, draws=0).value for ratings in every]

    assert alphas == pytest.approx([1 - (1 / 3) / (22 / 30), 1 - (1 / 3) / (22 / 30), 1])


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_what_is_exported_can_be_imported_again(tmp_path: Path, form: str) -> None:
    read(tmp_path, TABLE)
    label = Label.objects.earliest("pk")
    slot = Assignment.objects.create(item=label.item, slot=3, rater=label.rater, purpose="repeat")
    again = Label.objects.create(
        item=label.item, assignment=slot, rater=label.rater, text_sha256=bytes(32), comment="=again", recognised="Heron"
    )
    choice = label.answers.get().choice
    assert choice is not None
    again.answers.create(question=choice.question, choice=choice)
    label.evidence.create(place="m0.text", start=0, end=4, quote="<SCR", question=choice.question)
    first = exported("Elsewhere", form)

    report = read(tmp_path, first, "", f"labels.{form}", campaign="Again")
    twice = read(tmp_path, first, "", f"labels.{form}", campaign="Again")

    assert (report.added, report.failed, report.errors) == (7, 0, [])
    assert (twice.added, twice.known) == (0, 7)
    kept, back = (exported_lines(name) for name in ("Elsewhere", "Again"))
    own = {"label", "campaign", "rater", "resolutions"}
    assert [{k: v for k, v in line.items() if k not in own} for line in kept] == [
        {k: v for k, v in line.items() if k not in own} for line in back
    ]
    assert [line["resolutions"]["unsafe"] for line in kept] == [line["resolutions"]["unsafe"] for line in back]
    assert len({(a["rater"], b["rater"]) for a, b in zip(kept, back, strict=True)}) == 2


def exported(name: str, form: str) -> bytes:
    out = io.BytesIO()
    export(out, list(Campaign.objects.filter(name=name)), form)
    return out.getvalue()


def exported_lines(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in exported(name, "jsonl").splitlines()]


def test_evidence_that_the_text_does_not_have_is_named_and_the_label_kept(tmp_path: Path) -> None:
    mapping = LONG.replace('comment = "note"', 'evidence = "marked"')
    spans = [{"place": "m0.text", "start": 0, "end": 4}, {"place": "m7.text", "start": 0, "end": 4}]
    row = {"id": "1", "who": "ada", "answer": "No", "marked": spans}

    report = read(tmp_path, orjson.dumps(row), mapping, "labels.jsonl")

    assert (report.added, report.failed, len(report.errors)) == (1, 0, 1)
    assert list(Label.objects.get().evidence.values_list("place", "quote")) == [("m0.text", "<SCR")]


def test_with_probabilities_they_are_a_sample(tmp_path: Path) -> None:
    mapping = LONG + "\n"
    mapping = mapping.replace('time = "at"', 'probability = "pi"').replace('comment = "note"', "")
    table = "id,who,answer,pi\n1,ada,No,0.5\n2,ada,Yes,0.5\n3,ada,Yes,1.5\n4,ada,Yes,\n1,ben,No,0.25\n"

    report = read(tmp_path, table, mapping)

    items = CampaignItem.objects.order_by("transcript")
    assert [(item.source, item.pi, item.wave.number if item.wave else 0) for item in items] == [("sample", 0.5, 1)] * 2
    assert places(report) == [
        ("row 3 (line 4)", "has the probability 1.5: it must be above 0 and at most 1"),
        ("row 4 (line 5)", "has no inclusion probability: it must be above 0 and at most 1"),
        ("row 5 (line 6)", "another row gives this transcript the probability 0.5, which is kept"),
    ]
    assert report.remarks == [
        "By their probabilities the 2 drawn transcripts stand for 4; the evaluation has 4 with an answer.",
        'The mapping does not say hidden = ["verdict"]: raters may have seen it, so these labels calibrate nothing.',
    ]


def test_a_number_names_a_sample_behind_its_files_name(tmp_path: Path) -> None:
    ingest(sample("rows.jsonl/17"))

    read(tmp_path, "id,who,answer,at,note\n17,ada,No,,\n")

    assert answers() == [("rows.jsonl/17", "No", False)]


def test_a_key_of_two_models_needs_the_model(tmp_path: Path) -> None:
    ingest(sample("1", model="calm-otter-1"))
    table = "id,who,answer,at,note\n1,ada,No,,\n2,ada,No,,\n"

    unclear = read(tmp_path, table)
    clear = read(tmp_path, table, LONG.replace("[[labels]]", 'model = "=calm-otter-1"\n[[labels]]'), campaign="Clear")

    assert places(unclear) == [("row 1 (line 2)", "2 transcripts have the sample key '1' in Study")]
    assert places(clear) == [("row 2 (line 3)", "no transcript has the sample key '2' of calm-otter-1 in Study")]


def test_a_campaign_of_our_own_takes_no_labels_from_elsewhere(tmp_path: Path) -> None:
    read(tmp_path, TABLE, campaign="Other")
    LabelImport.objects.all().delete()

    (tmp_path / "map.toml").write_text(LONG)
    with pytest.raises(CommandError, match=r"^A campaign named Other exists, and its labels were made here\.$"):
        call_command("import_labels", tmp_path / "labels.csv", campaign="Other", map=tmp_path / "map.toml")
    assert LabelImport.objects.get().state == "failed"


def test_the_command_tells_its_report(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(LONG)
    (tmp_path / "labels.csv").write_text(TABLE)
    said = io.StringIO()

    call_command(
        "import_labels", tmp_path / "labels.csv", campaign="Told", map=tmp_path / "map.toml", json=True, stdout=said
    )

    report = orjson.loads(said.getvalue())
    assert (report["added"], report["items"], report["raters"], report["codebook"]) == (6, 3, 2, "Told 1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sample = 'id'", "It must have a section"),
        ("[[labels]]\nrater = 'who'", "It must say which column names the transcript"),
        ("sample = 'id'\n[[labels]]\nrater = 'who'", r"labels\[0\] must say in answers"),
        ("sample = 'id'\n[[labels]]\nanswers = {q = 'a'}", r"labels\[0\] must name its rater"),
        ("samples = 'id'", "has no field 'samples'"),
        ("sample = 'id'\nmissing = 'x'", "missing must be a list|It must have a section"),
        ("{", "not JSON"),
    ],
)
def test_a_mapping_is_checked(text: str, reason: str) -> None:
    with pytest.raises(BadMapping, match=reason):
        decoded(text.encode())
