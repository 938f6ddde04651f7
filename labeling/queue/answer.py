"""Takes a rater's answers: checked against the codebook, kept as a new label, and resolved when the item is full."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import transaction

from labeling.campaigns.gold import is_qualification
from labeling.campaigns.screen import screen
from labeling.codebooks.codebook import questions_of
from labeling.models import Answer, Assignment, Campaign, CampaignItem, Evidence, Label, Question
from labeling.panel.resolve import resolve_full
from labeling.queue.keep import Locked, keep, lock
from transcripts.models import TranscriptText


class Refused(Exception):
    """Answers that cannot be kept; `problems` says why, by question key ("" for the whole)."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Span:
    """A stretch that a rater marked as evidence, for one question or ("") for all."""

    place: str
    start: int
    end: int
    question: str = ""


@dataclass(frozen=True)
class Submission:
    """What a rater sends: choice keys (or a number, or a text) by question key, and the evidence.

    A question about each action is answered under its key with the action's ordinal, which counts from 0: "deed-1".
    """

    answers: Mapping[str, Sequence[str]]
    evidence: Sequence[Span] = field(default_factory=tuple)
    comment: str = ""
    seconds: float | None = None
    recognised: str = ""


@transaction.atomic
def submit(assignment: Assignment, submission: Submission, *, revision: int = 0) -> Label:
    """Keep the answers as a new label of this assignment, and resolve its item where it is full.

    `revision` is how many labels the assignment had when the rater opened it: the same form sent twice is one
    label. Raises Refused where an answer is missing, unknown, or lacks its evidence, or the slot is lost.
    """
    locked = lock(assignment, with_messages=bool(submission.evidence))
    if locked.rater is None or locked.rater != assignment.rater_id:
        raise Refused({"": "The lease ran out and somebody else has this item now. Your draft is kept."})
    item = assignment.item
    if locked.submitted_at is not None:
        labels = list(assignment.labels.order_by("id"))
        if len(labels) > revision:
            return _same_or_refused(labels[revision], submission)
    if locked.campaign_state == Campaign.State.CLOSED:
        raise Refused({"": "The campaign is closed and takes no more answers. Your draft is kept."})
    if locked.submitted_at is not None and is_qualification(item):
        raise Refused({"": "What you answered in the qualification stays as it is: you have been told what is right."})
    questions = questions_of(item.campaign.codebook_version_id)
    rows = _answers(asked_of(questions, locked.actions), submission)
    spans = _spans(submission, item.transcript_id, locked, questions)
    about = {
        "rater": locked.rater,
        "text": locked.text_sha256,
        "comment": submission.comment,
        "recognised": submission.recognised,
        "seconds": submission.seconds,
    }
    label, others_open = keep(assignment, about, rows, spans)
    if item.source == CampaignItem.Source.GOLD:
        screen(assignment)
    elif assignment.purpose == Assignment.Purpose.PANEL and not others_open:
        resolve_full(item)
    return label


def _same_or_refused(label: Label, submission: Submission) -> Label:
    """The label that this form made when it was sent first; another form's answers are not taken for these."""
    said: dict[str, list[str]] = {}
    for row in label.answers.select_related("question", "choice"):
        value = row.choice.key if row.choice else row.text or f"{row.number:g}"
        said.setdefault(key_of(row.question, row.action_ordinal), []).append(value)
    sent = {key: list(values) for key, values in submission.answers.items() if any(values)}
    marked = {(row.place, row.start, row.end) for row in label.evidence.all()}
    same = all(sorted(sent.get(key, [])) == sorted(values) for key, values in said.items())
    same = same and (label.comment, label.recognised) == (submission.comment, submission.recognised)
    if same and marked == {(span.place, span.start, span.end) for span in submission.evidence}:
        return label
    raise Refused({"": "You answered this one elsewhere in the meantime. Your draft is kept; open it again."})


def asked_of(questions: Sequence[Question], actions: Sequence[int]) -> list[tuple[Question, int | None]]:
    """What is asked, in order: a question about the transcript once, one about each action for each of them."""
    return [
        (question, action)
        for question in questions
        for action in (actions if question.unit == Question.Unit.ACTION else [None])
    ]


def key_of(question: Question, action: int | None) -> str:
    return question.key if action is None else f"{question.key}-{action}"


class Chosen:
    """The choices made so far, and which questions they lead to. What was chosen for one action leads to questions
    about that action only."""

    def __init__(self) -> None:
        self._by_action: dict[int | None, set[int]] = {}

    def add(self, action: int | None, choices: Iterable[int]) -> None:
        self._by_action.setdefault(action, set()).update(choices)

    def leads_to(self, question: Question, action: int | None) -> bool:
        if not question.waits_for:
            return True
        made = self._by_action.get(None, set()) | self._by_action.get(action, set())
        return not made.isdisjoint(question.waits_for)


def _answers(asked: Sequence[tuple[Question, int | None]], submission: Submission) -> list[Answer]:
    problems: dict[str, str] = {}
    rows: list[Answer] = []
    chosen = Chosen()
    needing_evidence = False
    for question, action in asked:
        key = key_of(question, action)
        given = [value for value in submission.answers.get(key, ()) if value != ""]
        if not chosen.leads_to(question, action):
            continue
        if not given:
            if question.required:
                about = "" if action is None else f" (action {action + 1})"
                problems[key] = f"Not answered: {question.text}{about}"
            continue
        try:
            found = _answer(question, given)
        except ValueError as problem:
            problems[key] = str(problem)
            continue
        for row in found:
            row.action_ordinal = action
        rows.extend(found)
        choices = [row.choice for row in found if row.choice is not None]
        chosen.add(action, (choice.pk for choice in choices))
        needing_evidence = needing_evidence or any(choice.needs_evidence for choice in choices)
    unknown = set(submission.answers) - {key_of(*one) for one in asked}
    if unknown:
        problems[""] = f"The codebook has no such question: {', '.join(sorted(unknown))}"
    if needing_evidence and not submission.evidence:
        problems.setdefault("", "A harmful answer needs evidence: mark at least one passage.")
    if problems:
        raise Refused(problems)
    return rows


def _answer(question: Question, given: Sequence[str]) -> list[Answer]:
    if question.kind == Question.Kind.TEXT:
        return [Answer(question=question, text=given[0])]
    if question.kind == Question.Kind.NUMBER:
        try:
            number = float(given[0])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"Not a number: {given[0]}")
        return [Answer(question=question, number=number)]
    choices = question.by_key
    for key in given:
        if key not in choices:
            raise ValueError(f"No such choice: {key}")
    if question.kind != Question.Kind.SEVERAL and len(given) > 1:
        raise ValueError("Only one choice is possible.")
    missing = [choices[key].text for key in given if choices[key].is_missing]
    if missing and len(set(given)) > 1:
        raise ValueError(f"“{missing[0]}” goes with no other choice.")
    return [Answer(question=question, choice=choices[key]) for key in dict.fromkeys(given)]


def _spans(submission: Submission, transcript: int, locked: Locked, questions: Sequence[Question]) -> list[Evidence]:
    if locked.messages is None:
        return []  # no evidence was sent, and the text, which may be long, is not read
    text = TranscriptText(pk=transcript, messages=orjson.loads(locked.messages))
    if any(span.place in ("system", "user") for span in submission.evidence):
        text = TranscriptText.objects.select_related("transcript__prompt").get(pk=transcript)
    return [_evidence(mark, text, questions) for mark in submission.evidence]


def _evidence(span: Span, text: TranscriptText, questions: Sequence[Question]) -> Evidence:
    """The span with the text that stands there; refused where the transcript has no such place."""
    try:
        whole = text.at(span.place)
    except KeyError:
        raise Refused({"": f"The transcript has no place {span.place!r}."}) from None
    if not 0 <= span.start < span.end <= len(whole):
        raise Refused({"": f"The passage {span.start}–{span.end} lies outside {span.place}."})
    question = next((question for question in questions if question.key == span.question), None)
    return Evidence(
        question=question,
        place=span.place,
        start=span.start,
        end=span.end,
        quote=whole[span.start : span.end],
    )


def submission_of(data: Mapping[str, Any]) -> Submission:
    """A submission from plain JSON, as the API and drafts hold it. Raises Refused where its shape is wrong."""
    try:
        answers = {
            str(key): [str(value) for value in (values if isinstance(values, list) else [values])]
            for key, values in dict(data.get("answers", {})).items()
        }
        evidence = [
            Span(str(span["place"]), int(span["start"]), int(span["end"]), str(span.get("question", "")))
            for span in data.get("evidence", [])
        ]
        seconds = data.get("seconds")
        return Submission(
            answers=answers,
            evidence=evidence,
            comment=str(data.get("comment", "")),
            seconds=None if seconds is None else float(seconds),
            recognised=str(data.get("recognised", "")).strip(),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as problem:
        raise Refused({"": f"Not a label: {problem}"}) from problem
