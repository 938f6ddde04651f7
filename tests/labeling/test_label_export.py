"""Labels to take away: every one, in every format, with what they are marked by."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeling.models import Answer, Assignment, Campaign, Question, Resolution
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from labeling.transfers.export import export
from tests.labeling.makers import HARMFUL, PASSAGE, campaign, give, label_all, person, study
from transcripts.downloads.downloads import CANARY
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db


def written(form: str, *campaigns: Campaign) -> bytes:
    out = io.BytesIO()
    export(out, campaigns or list(Campaign.objects.all()), form)
    return out.getvalue()


def lines(*campaigns: Campaign) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in written("jsonl", *campaigns).splitlines()]


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


def test_a_line_tells_all_that_is_known_of_a_label(ada: User) -> None:
    (transcript,) = study(flagged=1)
    made = campaign(ada, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    given = Submission(HARMFUL, [PASSAGE], "Plain.", 12.5)
    label = submit(slot, given)

    (line,) = lines(made)

    pseudonym = line.pop("rater")
    assert line == {
        "label": label.pk,
        "campaign": "Campaign",
        "codebook": made.codebook_version.codebook.slug,
        "codebook_version": made.codebook_version.number,
        "created_at": label.created_at.isoformat(),
        "seconds": 12.5,
        "newest": True,
        "purpose": "panel",
        "voided": False,
        "source": "sample",
        "inclusion_probability": 1.0,
        "wave": 1,
        "stratum": "every model × every scenario × any verdict",
        "transcript": transcript.pk,
        "evaluation": "Study",
        "synthetic": False,
        "model": "brisk-heron-2",
        "scenario": "blackmail",
        "goal_type": "explicit",
        "goal_value": "america",
        "urgency": "replacement",
        "prod": False,
        "mitigation": "none",
        "awareness": "none",
        "other_factors": {},
        "sample_key": transcript.sample_key,
        "text_sha256": bytes(transcript.text_sha256).hex(),
        "text_is_present": True,
        "answers": line["answers"],
        "action_answers": {},
        "evidence": [{"place": "m0.text", "start": 0, "end": 20, "quote": "<SCRATCHPAD_REASONIN", "question": ""}],
        "comment": "Plain.",
        "recognised": "",
        "resolutions": line["resolutions"],
        "canary": CANARY,
    }
    assert (line["answers"]["harm"], line["answers"]["severity"]) == ("coercion", "3")
    assert line["resolutions"]["harm"] == {"value": True, "method": "unanimous"}
    assert len(pseudonym) == 16


def test_the_three_formats_hold_the_same(ada: User) -> None:
    study(flagged=1, unflagged=1)
    label_all(campaign(ada, size=2), {ada: [True, None]})
    Resolution.objects.filter(outcome__key="harm", value=None).update(superseded_at=timezone.now())

    rows = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    table = pyarrow.parquet.read_table(io.BytesIO(written("parquet")))

    assert [row["label"] for row in rows[2:]] == ["# 2 labels", f"# {CANARY}"]
    assert table.schema.metadata[b"canary"] == CANARY.encode()
    for line, row, cells in zip(lines(), rows, table.to_pylist(), strict=False):
        assert line["answers"]["harm"] == row["answer.harm"] == cells["answer.harm"]
        assert (str(line["label"]), cells["label"]) == (row["label"], line["label"])
        assert line["created_at"] == row["created_at"] == cells["created_at"].isoformat()
        assert orjson.loads(row["evidence"]) == orjson.loads(cells["evidence"]) == line["evidence"]
    assert [cells["resolution.harm"] for cells in table.to_pylist()] == [True, None]
    assert [row["resolution_method.harm"] for row in rows[:2]] == ["unanimous", ""]


def test_no_name_of_a_rater_leaves(ada: User) -> None:
    study(flagged=1)
    first, second = (campaign(ada, size=1, name=name) for name in ("First", "Second"))
    for made in (first, second):
        give(take_next(made, ada), True)

    one, two = lines()

    assert one["rater"] == lines(first)[0]["rater"] != two["rater"]
    assert all(b"ada" not in written(form) for form in ("jsonl", "csv", "parquet"))


def test_corrected_voided_and_repeated_labels_are_marked(ada: User) -> None:
    study(flagged=1)
    made = campaign(ada, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    give(slot, True)
    submit(slot, Submission(HARMFUL, [Span("m0.text", 5, 9)]), revision=1)
    again = Assignment.objects.create(item=slot.item, slot=2, rater=ada, purpose="repeat", voided_at=timezone.now())
    submit(again, Submission(HARMFUL, [PASSAGE]))

    marks = [(line["newest"], line["purpose"], line["voided"]) for line in lines()]

    assert marks == [(False, "panel", False), (True, "panel", False), (True, "repeat", True)]


def test_a_label_on_an_earlier_text_says_so(ada: User) -> None:
    study(flagged=1)
    label_all(campaign(ada, size=1), {ada: [True]})
    Transcript.objects.update(text_sha256=bytes(32))

    assert [line["text_is_present"] for line in lines()] == [False]


def test_answers_about_actions_stand_by_the_actions_number(ada: User) -> None:
    study(flagged=1)
    made = campaign(ada, size=1)
    label = give(take_next(made, ada), True)
    question = Question.objects.get(key="severity")
    choice = question.choices.order_by("ordinal").first()
    assert choice is not None
    Answer.objects.create(label=label, question=question, choice=choice, action_ordinal=1)

    assert [line["action_answers"] for line in lines()] == [{"1": {"severity": choice.key}}]


def test_no_cell_is_a_formula(ada: User) -> None:
    study(flagged=1)
    slot = take_next(campaign(ada, size=1), ada)
    assert slot is not None
    submit(slot, Submission(HARMFUL, [PASSAGE], "=1+1"))

    (row, *_) = csv.DictReader(io.StringIO(written("csv").decode(), newline=""))

    assert row["comment"] == "'=1+1"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_the_command_writes_the_same_file(ada: User, form: str, tmp_path: Path) -> None:
    study(flagged=1)
    label_all(campaign(ada, size=1), {ada: [True]})
    path = tmp_path / "labels"

    call_command("export_labels", format=form, campaign="Campaign", output=path)

    assert path.read_bytes() == written(form)
    assert [one.name for one in tmp_path.iterdir()] == ["labels"]


def test_the_command_knows_its_campaigns() -> None:
    with pytest.raises(CommandError, match=r"There is no campaign Nobody's\."):
        call_command("export_labels", format="csv", campaign="Nobody's")
