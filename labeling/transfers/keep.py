"""Keeps labels that were made elsewhere: finds their transcripts, makes room for raters, and writes what is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db.models import Count, F, Func, Max, TextField, Value
from django.utils import timezone

from labeling.codebooks.codebook import questions_of
from labeling.models import Answer, Assignment, Campaign, CampaignItem, Choice, Evidence, Label, Question
from labeling.transfers.label_columns import LabelColumns
from labeling.transfers.label_rows import Told
from labeling.transfers.pseudonyms import pseudonym
from transcripts.ingest.mapping import fold
from transcripts.ingest.parsed import Problem
from transcripts.models import Transcript, TranscriptText

# Whatever else a table calls its source, it was found somewhere and drawn by nobody.
BROWSED = CampaignItem.Source.BROWSE
SOURCES = {"gold", "dispute"}
PASSAGES = "the passage is not kept, the label is"
# An answer as it is compared: question, choice, number, text, action. A label: its answers, its passages, its comment.
Given: TypeAlias = tuple[int, int | None, float | None, str, int | None]
Content: TypeAlias = tuple[frozenset[Given], frozenset[tuple[str, int, int]], str]
Place: TypeAlias = tuple[int, int, str]
# What was decided in the end: the choices, by question.
Decided: TypeAlias = dict[int, frozenset[int]]


@dataclass
class New:
    """A label that is to be written, unless it is known."""

    told: Told
    transcript: Transcript
    answers: list[Answer]
    evidence: list[Evidence]
    decided: Decided

    @property
    def source(self) -> str:
        return self.told.drawn if self.told.drawn in SOURCES else ""

    @property
    def content(self) -> Content:
        return (
            frozenset(_given(row) for row in self.answers),
            frozenset((row.place, row.start, row.end) for row in self.evidence),
            self.told.comment,
        )


def _given(row: Answer) -> Given:
    return row.question_id, row.choice_id, row.number, row.text, row.action_ordinal


@dataclass
class Keeper:
    """Writes the labels of one campaign, batch by batch, each in the caller's transaction."""

    campaign: Campaign
    columns: LabelColumns
    raters: dict[str, int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    decided: dict[int, Decided] = field(default_factory=dict)  # by item
    questions: Mapping[str, Question] = field(init=False)
    choices: Mapping[str, Mapping[str, Choice]] = field(init=False)

    def __post_init__(self) -> None:
        asked = questions_of(self.campaign.codebook_version_id)
        self.questions = {question.key: question for question in asked}
        self.choices = {
            question.key: {
                name: choice for choice in question.choices.all() for name in (fold(choice.text), fold(choice.key))
            }
            for question in asked
        }

    def keep(self, batch: Sequence[Told]) -> tuple[int, list[Problem]]:
        """Write what is new among these; the result is how many labels that were, and what could not be taken."""
        # Two imports into one campaign go one after the other.
        Campaign.objects.select_for_update(of=("self",)).get(pk=self.campaign.pk)
        problems: list[Problem] = []
        found = self._transcripts(batch)
        texts = self._texts([found[told.about] for told in batch if told.evidence])
        new: list[New] = []
        for told in batch:
            transcript = found[told.about]
            if isinstance(transcript, str):
                problems.append(Problem(told.source, told.where, transcript))
                continue
            try:
                answers = self._answers(told)
                decided = self._decided(told)
                self._probability(told)
            except ValueError as problem:
                problems.append(Problem(told.source, told.where, str(problem)))
                continue
            evidence = self._evidence(told, texts.get(transcript.pk), problems)
            new.append(New(told, transcript, answers, evidence, decided))
        self._meet({label.told.rater for label in new})
        items = self._items(new, problems)
        self._decide(new, items, problems)
        return self._write([label for label in new if (label.transcript.pk, label.source) in items], items), problems

    def _transcripts(self, batch: Sequence[Told]) -> dict[tuple[str, str, str, str], Transcript | str]:
        """By what names it: the transcript, or why there is none."""
        inside = Transcript.objects.filter(cell__evaluation=self.campaign.evaluation).select_related("cell__model")
        keys = {told.sample for told in batch}
        by_key: dict[str, list[Transcript]] = defaultdict(list)
        for transcript in inside.filter(sample_key__in=keys):
            by_key[transcript.sample_key].append(transcript)
        # Numbers that tell samples apart in one file only stand behind the file's name.
        if short := keys - by_key.keys():
            last = Func(F("sample_key"), Value("/"), Value(-1), function="split_part", output_field=TextField())
            for transcript in inside.annotate(last=last).filter(last__in=short):
                by_key[transcript.sample].append(transcript)
        ids = {int(told.transcript) for told in batch if told.transcript.isdecimal() and len(told.transcript) < 19}
        by_id = inside.in_bulk(ids)
        return {told.about: self._transcript(told, by_id, by_key) for told in batch}

    def _transcript(
        self, told: Told, by_id: Mapping[int, Transcript], by_key: Mapping[str, list[Transcript]]
    ) -> Transcript | str:
        if told.evaluation and told.evaluation != self.campaign.evaluation.name:
            return f"is about the evaluation {told.evaluation}; this campaign is about {self.campaign.evaluation}"
        if told.sample:
            found = [one for one in by_key.get(told.sample, []) if told.model in ("", one.cell.model.recorded_id)]
            # The key may be that of one sample per condition: then the id tells which.
            if len(found) > 1 and told.transcript.isdecimal():
                found = [one for one in found if one.pk == int(told.transcript)] or found
            if len(found) == 1:
                return found[0]
            of = f" of {told.model}" if told.model else ""
            many = f"{len(found)} transcripts have" if found else "no transcript has"
            return f"{many} the sample key {told.sample[:100]!r}{of} in {self.campaign.evaluation}"
        number = int(told.transcript) if told.transcript.isdecimal() and len(told.transcript) < 19 else 0
        return by_id.get(number) or f"there is no transcript {told.transcript[:100]!r} in {self.campaign.evaluation}"

    def _texts(self, transcripts: Sequence[Transcript | str]) -> Mapping[int, TranscriptText]:
        ids = {one.pk for one in transcripts if isinstance(one, Transcript)}
        return TranscriptText.objects.select_related("transcript__prompt").in_bulk(ids)

    def _answers(self, told: Told) -> list[Answer]:
        """Raises ValueError for a question or a choice that the codebook does not have."""
        rows = self._of(told.answers, None)
        for ordinal, answers in told.actions.items():
            rows += self._of(answers, ordinal)
        if not rows:
            raise ValueError("holds no answer")
        return rows

    def _of(self, answers: Mapping[str, list[str]], ordinal: int | None) -> list[Answer]:
        rows: list[Answer] = []
        for key, values in answers.items():
            if (question := self.questions.get(key)) is None:
                raise ValueError(f"{self.campaign.codebook_version} has no question {key[:100]!r}")
            common: dict[str, Any] = {"question": question, "action_ordinal": ordinal}
            if question.kind == Question.Kind.TEXT:
                rows.append(Answer(text="\n".join(values), **common))
            elif question.kind == Question.Kind.NUMBER:
                rows.append(Answer(number=float(values[0]), **common))
            else:
                rows += [Answer(choice=choice, **common) for choice in self._chosen(question, values)]
        return rows

    def _chosen(self, question: Question, values: Sequence[str]) -> list[Choice]:
        known = self.choices[question.key]
        if question.kind == Question.Kind.SEVERAL and len(values) == 1 and fold(values[0]) not in known:
            values = values[0].split("; ")  # as a table joins them
        for value in values:
            if fold(value) not in known:
                raise ValueError(f"{question.key} has no choice {value[:100]!r}")
        chosen = list({known[fold(value)].pk: known[fold(value)] for value in values}.values())
        if question.kind != Question.Kind.SEVERAL and len(chosen) > 1:
            raise ValueError(f"{question.key} takes one choice, and here are {len(chosen)}")
        return chosen

    def _decided(self, told: Told) -> Decided:
        """Raises ValueError as `_answers` does."""
        found: dict[int, set[int]] = defaultdict(set)
        for answer in self._of(told.adjudicated, None):
            if answer.choice_id is not None:
                found[answer.question_id].add(answer.choice_id)
        return {question: frozenset(choices) for question, choices in found.items()}

    def _decide(self, labels: Sequence[New], items: Mapping[tuple[int, str], int], problems: list[Problem]) -> None:
        """Remember what was decided on each item; each of its rows should say the same."""
        for label in labels:
            if not label.decided:
                continue
            known = self.decided.setdefault(items[label.transcript.pk, label.source], label.decided)
            if known != label.decided:
                reason = "another row decides otherwise on this transcript, which is kept; so is the label"
                problems.append(Problem(label.told.source, label.told.where, reason, lost=False))

    def _probability(self, told: Told) -> None:
        if self.columns.given("probability") and not 0 < (told.probability or 0) <= 1:
            said = "no inclusion probability" if told.probability is None else f"the probability {told.probability}"
            raise ValueError(f"has {said}: it must be above 0 and at most 1")

    def _evidence(self, told: Told, text: TranscriptText | None, problems: list[Problem]) -> list[Evidence]:
        rows = []
        for span in told.evidence:
            try:
                rows.append(self._span(span, text if _is_present(told, text) else None))
            except (KeyError, TypeError, ValueError) as problem:
                reason = f"evidence {str(span)[:100]}: {str(problem)[:200]}; {PASSAGES}"
                problems.append(Problem(told.source, told.where, reason, lost=False))
        return rows

    def _span(self, span: Mapping[str, Any], text: TranscriptText | None) -> Evidence:
        """Raises KeyError or ValueError. Without a text, which is another one by now, the quote is taken as it is."""
        place, start, end = str(span["place"]), int(span["start"]), int(span["end"])
        quote = str(span.get("quote", "")) if text is None else text.at(place)[max(start, 0) : end]
        if not 0 <= start < end or len(quote) != end - start:
            raise ValueError("no such passage")
        question = self.questions.get(str(span.get("question", "")))
        return Evidence(question=question, place=place, start=start, end=end, quote=quote)

    def _meet(self, names: set[str]) -> None:
        """Make a user without a password for each rater that is new. Their own names are not kept."""
        accounts = {name: f"imported-{pseudonym(self.campaign, name)}" for name in names - self.raters.keys()}
        known = dict(User.objects.filter(username__in=accounts.values()).values_list("username", "pk"))
        new = [
            User(username=account, password=make_password(None), is_active=False)
            for account in sorted(set(accounts.values()) - known.keys())
        ]
        known |= {user.username: user.pk for user in User.objects.bulk_create(new)}
        self.raters |= {name: known[account] for name, account in accounts.items()}

    def _items(self, labels: Sequence[New], problems: list[Problem]) -> dict[tuple[int, str], int]:
        """The items of these transcripts, by transcript and special source; made where they are not there yet."""
        transcripts = {label.transcript.pk for label in labels}
        known = {
            (item.transcript_id, item.source if item.source in SOURCES else ""): item
            for item in self.campaign.items.filter(transcript__in=transcripts)
        }
        wave = self.campaign.waves.first()
        counted = self.campaign.items.aggregate(n=Count("pk"))["n"]
        made: dict[tuple[int, str], CampaignItem] = {}
        for label in labels:
            key = (label.transcript.pk, label.source)
            told, item = label.told, known.get(key) or made.get(key)
            if item is None:
                drawn = wave is not None and not label.source
                made[key] = CampaignItem(
                    campaign=self.campaign,
                    transcript=label.transcript,
                    source=CampaignItem.Source.SAMPLE if drawn else label.source or BROWSED,
                    wave=wave if drawn else None,
                    pi=told.probability if drawn else None,
                    serve_order=counted + len(made),
                )
            elif item.pi is not None and item.pi != told.probability:
                reason = f"another row gives this transcript the probability {item.pi}, which is kept"
                problems.append(Problem(told.source, told.where, reason, lost=False))
        CampaignItem.objects.bulk_create(made.values())
        items = {key: item.pk for key, item in (known | made).items()}
        self.touched |= set(items.values())
        return items

    def _write(self, labels: Sequence[New], items: Mapping[tuple[int, str], int]) -> int:
        places = {
            id(label): (items[label.transcript.pk, label.source], self.raters[label.told.rater], _purpose(label.told))
            for label in labels
        }
        slots, said = self._slots(labels, places)
        new: list[tuple[New, Label]] = []
        for label in labels:
            slot, told = slots[places[id(label)]], label.told
            at = told.time or None
            if any(label.content == content and at in (None, when) for content, when in said[slot.pk]):
                continue
            said[slot.pk].append((label.content, at))
            row = Label(
                item_id=slot.item_id,
                assignment=slot,
                rater_id=self.raters[told.rater],
                text_sha256=bytes.fromhex(told.text) if _is_sha256(told.text) else label.transcript.text_sha256,
                comment=told.comment,
                recognised=told.recognised,
                seconds=told.seconds,
                created_at=at or timezone.now(),
            )
            new.append((label, row))
        Label.objects.bulk_create([row for _, row in new])
        for label, row in new:
            for answer in label.answers:
                answer.label = row
            for span in label.evidence:
                span.label = row
        Answer.objects.bulk_create([answer for label, _ in new for answer in label.answers])
        Evidence.objects.bulk_create([span for label, _ in new for span in label.evidence])
        return len(new)

    def _slots(
        self, labels: Sequence[New], places: Mapping[int, Place]
    ) -> tuple[dict[Place, Assignment], dict[int, list[tuple[Content, Any]]]]:
        """The slot of each place, and what was said in it before."""
        ids = {item for item, _, _ in places.values()}
        known = Assignment.objects.filter(item__in=ids, rater__in={rater for _, rater, _ in places.values()})
        slots = {(slot.item_id, slot.rater_id or 0, str(slot.purpose)): slot for slot in known}
        said: dict[int, list[tuple[Content, Any]]] = defaultdict(list)
        old = Label.objects.filter(assignment__in=[slot.pk for slot in slots.values()])
        for row in old.prefetch_related("answers", "evidence"):
            answers = frozenset(_given(answer) for answer in row.answers.all())
            spans = frozenset((span.place, span.start, span.end) for span in row.evidence.all())
            said[row.assignment_id].append(((answers, spans, row.comment), row.created_at))
        last = dict(
            Assignment.objects.filter(item__in=ids).values_list("item").annotate(n=Max("slot")).values_list("item", "n")
        )
        made: dict[Place, Assignment] = {}
        for label in labels:
            item, rater, purpose = place = places[id(label)]
            if place in slots or place in made:
                continue
            last[item] = last.get(item, 0) + 1
            now = timezone.now()
            made[place] = Assignment(
                item_id=item,
                slot=last[item],
                rater_id=rater,
                purpose=purpose,
                submitted_at=label.told.time or now,
                voided_at=now if label.told.voided else None,
            )
        Assignment.objects.bulk_create(made.values())
        return slots | made, said


def _purpose(told: Told) -> str:
    return told.purpose if told.purpose in Assignment.Purpose.values else Assignment.Purpose.PANEL


def _is_present(told: Told, text: TranscriptText | None) -> bool:
    """Whether the label is about the text that stands there now, as far as the table tells."""
    return text is not None and told.text in ("", bytes(text.transcript.text_sha256).hex())


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(sign in "0123456789abcdef" for sign in text)
