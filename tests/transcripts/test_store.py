import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from tests.transcripts.study import INBOX, KYLE, SYSTEM, THREAT, sample, verdict
from transcripts.ingest import parsed
from transcripts.ingest.database.identity import condition_sha256, permanent_random_number, prompt_sha256
from transcripts.ingest.database.store import Store
from transcripts.ingest.report import Report
from transcripts.models import (
    Action,
    Cell,
    Condition,
    Evaluation,
    Plan,
    Prompt,
    Source,
    Transcript,
    TranscriptSearch,
    TranscriptText,
    Verdict,
    VerdictTally,
)
from transcripts.models.tallies import refresh_tallies

pytestmark = pytest.mark.django_db


def write(*samples: parsed.Transcript, evaluation: str = "Study") -> Report:
    """One run over these samples."""
    row, _ = Evaluation.objects.get_or_create(name=evaluation, defaults={"seed": "fixed"})
    report = Report(row.pk)
    Store(row, report).write(samples)
    return report


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.failed


def test_a_transcript_is_stored_whole() -> None:
    write(sample(verdicts=(verdict(False, True, why="It threatens."),)))
    transcript = Transcript.objects.for_reading().get()
    assert (transcript.prompt.system, transcript.prompt.user) == (SYSTEM, INBOX)
    assert transcript.text.messages == [{"role": "assistant", "text": THREAT}]
    assert transcript.text.at("m0.text") == THREAT
    assert [span["origin"] for span in transcript.text.reasoning] == ["scratchpad"]
    assert transcript.origin == "scratchpad"
    found = [(a.tool, a.in_reasoning, a.recipients, a.roles, a.outside) for a in transcript.actions.all()]
    assert found == [
        ("email", True, ["board@summitbridge.com"], ["bystander"], False),
        ("email", False, [KYLE], ["target"], False),
    ]
    said = transcript.verdicts.get()
    assert (said.final, said.judge, said.gates, said.explanation, said.overruled) == (
        False,
        True,
        {"recipient": True, "keyword": True},
        "It threatens.",
        True,
    )


def test_the_same_input_again_changes_nothing() -> None:
    samples = [sample(str(n), verdicts=(verdict(True),)) for n in range(3)]
    first = write(*samples)
    before = list(Transcript.objects.order_by("pk").values())
    second = write(*samples)
    assert counts(first) == (3, 0, 0, 0)
    assert (first.verdicts, first.verdict_errors) == (3, 0)
    assert counts(second) == (0, 0, 3, 0)
    assert (second.verdicts, second.verdict_errors) == (0, 0)
    assert list(Transcript.objects.order_by("pk").values()) == before
    assert (Source.objects.count(), Prompt.objects.count(), Action.objects.count()) == (3, 1, 6)


def test_a_changed_file_updates_what_changed() -> None:
    write(sample("1"), sample("2"))
    report = write(sample("1", "I changed my mind."), sample("2"))
    assert counts(report) == (0, 1, 1, 0)
    changed = Transcript.objects.get(sample_key="1")
    assert changed.text.at("m0.text") == "I changed my mind."
    assert changed.actions.count() == 0


def test_an_update_is_searchable_only_when_it_is_indexed_again() -> None:
    write(sample("1"))
    transcript = Transcript.objects.get()
    TranscriptSearch.objects.create(transcript=transcript, vector="old")
    write(sample("1", "New words."))
    assert TranscriptSearch.objects.count() == 0


def test_a_new_verdict_is_added_to_a_known_transcript() -> None:
    write(sample("1", verdicts=(verdict(True),)))
    later = replace(verdict(False), version="grader-2")
    report = write(sample("1", verdicts=(verdict(True), later)))
    assert counts(report) == (0, 0, 1, 0)
    assert report.verdicts == 1
    assert sorted(Verdict.objects.values_list("version__version", "final")) == [("grader-1", True), ("grader-2", False)]


def test_a_failed_classification_is_an_error_and_no_answer() -> None:
    report = write(sample("1", verdicts=(verdict(None, error="could not be parsed"),)))
    assert (report.verdicts, report.verdict_errors) == (0, 1)
    assert Verdict.objects.values_list("final", "judge", "error", "gates").get() == (
        None,
        None,
        "could not be parsed",
        {},
    )


def test_the_database_refuses_a_failed_classification_that_answers() -> None:
    write(sample("1", verdicts=(verdict(True),)))
    with pytest.raises(IntegrityError, match="verdict_error_is_not_an_answer"), transaction.atomic():
        Verdict.objects.update(error="failed")


def test_two_files_with_the_same_sample_are_one_where_they_agree() -> None:
    copy = replace(sample("1"), source=parsed.Source("copy.json", bytes(32), 1, "framework"))
    report = write(sample("1"), copy)
    assert counts(report) == (1, 0, 1, 0)
    assert report.errors == []


def test_two_files_that_contradict_each_other_are_reported() -> None:
    other = replace(sample("1", "Something else."), source=parsed.Source("b.json", bytes(32), 1, "framework"))
    report = write(sample("1"), other)
    assert counts(report) == (1, 0, 0, 1)
    assert [(problem.source, problem.where) for problem in report.errors] == [("b.json", "sample 1")]
    assert Transcript.objects.get().text.at("m0.text") == THREAT


def at(path: str, key: str = "1", text: str = THREAT, **more: Any) -> parsed.Transcript:
    return replace(sample(key, text, **more), source=parsed.Source(path, bytes(32), 1, "framework"))


def test_another_file_with_the_same_sample_never_overwrites_the_first() -> None:
    write(at("A/models/r.json", text="of A"))
    report = write(at("B/models/r.json", text="of B"))
    assert counts(report) == (0, 0, 0, 1)
    reason = "says something else than A/models/r.json, which is kept, for the same sample"
    assert report.errors == [parsed.Problem("B/models/r.json", "sample 1", reason)]
    assert Transcript.objects.get().text.at("m0.text") == "of A"


def test_a_known_sample_stays_unchanged_beside_a_contradicting_one() -> None:
    write(at("B/r.json", text="of B"))
    assert counts(write(at("P/A/r.json", text="of A"), at("P/B/r.json", text="of B"))) == (0, 0, 1, 1)


@pytest.mark.parametrize("path", ["exp/r.json", "P/exp/r.json", "exp.zip!exp/r.json"])
def test_a_changed_file_updates_wherever_it_is_read_from(path: str) -> None:
    write(at("exp/r.json"))
    assert counts(write(at(path, text="New."))) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"model": "m" * 501}, "the model's id has 501 characters"),
        ({"key": "k" * 501}, "the sample's id has 501 characters"),
        ({"condition": parsed.Condition("s" * 501)}, "the condition has 501 characters"),
        ({"condition": parsed.Condition("blackmail", free={"f": "v" * 501})}, "the condition has 501 characters"),
    ],
)
def test_a_name_that_is_too_long_costs_only_its_sample(odd: dict[str, Any], reason: str) -> None:
    report = write(sample(**odd), sample("neighbour"))
    assert counts(report) == (1, 0, 0, 1)
    assert [problem.reason.partition(" (")[0] for problem in report.errors] == [reason]


def test_a_path_that_is_too_long_costs_only_its_sample() -> None:
    assert counts(write(at("p" * 2001), sample("neighbour"))) == (1, 0, 0, 1)


@pytest.mark.parametrize("field", ["classifier", "version", "outcome"])
def test_a_verdict_with_a_name_that_is_too_long_is_left_out_and_told(field: str) -> None:
    named: dict[str, Any] = {field: "x" * 501}
    report = write(sample("1", verdicts=(verdict(True), replace(verdict(True), **named))))
    assert (counts(report), report.verdicts) == ((1, 0, 0, 0), 1)
    start = f"a verdict is left out: the verdict's {field} has 501 characters"
    assert [(problem.reason.partition(" (")[0], problem.lost) for problem in report.errors] == [(start, False)]


def test_what_the_database_cannot_hold_costs_only_its_sample() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    report = write(
        sample("1"),
        replace(sample("2"), actions=(replace(sample().actions[0], span=parsed.Span("m0.text", 0, 1 << 40)),)),
        replace(sample("3"), extra={"deep": deep}),
        sample("4"),
    )
    assert counts(report) == (2, 0, 0, 2)
    assert sorted(Transcript.objects.values_list("sample_key", flat=True)) == ["1", "4"]
    assert sorted(problem.where for problem in report.errors) == ["sample 2", "sample 3"]


def test_more_actions_than_a_small_integer_counts() -> None:
    write(sample("1", "<tool_use:a/>" * 40_000))
    assert Action.objects.count() == 40_000


def test_the_verdicts_of_a_repeated_sample_are_kept() -> None:
    judged = at("copy.json", verdicts=(verdict(True),))
    report = write(at("a.json"), judged)
    assert (counts(report), report.verdicts) == ((1, 0, 1, 0), 1)
    assert Verdict.objects.get().final is True


@pytest.mark.parametrize("batches", [1, 2])
def test_verdicts_that_contradict_each_other_in_one_run_are_told_and_the_first_is_kept(batches: int) -> None:
    evaluation = Evaluation.objects.create(name="Study")
    report = Report(evaluation.pk)
    store = Store(evaluation, report)
    files = [at("a.json", verdicts=(verdict(True),)), at("b.json", verdicts=(verdict(False),))]
    for batch in [files] if batches == 1 else [files[:1], files[1:]]:
        store.write(batch)
    assert (counts(report), report.verdicts) == ((1, 0, 1, 0), 1)
    reason = "framework-harm grader-1 says two different things about harm; the first is kept"
    assert report.errors == [parsed.Problem("b.json", "sample 1", reason, lost=False)]
    assert Verdict.history.get().final is True


def test_two_verdicts_of_one_file_on_the_same_outcome_are_told() -> None:
    report = write(sample("1", verdicts=(verdict(True), verdict(False))))
    assert (report.verdicts, len(report.errors), report.failed) == (1, 1, 0)


def test_a_changed_verdict_is_added_and_ends_the_old_one() -> None:
    write(sample("1", verdicts=(verdict(True),)))
    report = write(sample("1", verdicts=(verdict(False),)))
    assert report.verdicts == 1
    assert list(Verdict.objects.values_list("final", flat=True)) == [False]
    assert [said.final for said in Transcript.objects.get().verdicts.all()] == [False]
    history = [(said.final, said.superseded_at is None) for said in Verdict.history.order_by("pk")]
    assert history == [(True, False), (False, True)]
    refresh_tallies()
    assert list(VerdictTally.objects.values_list("final", "n")) == [(False, 1)]


def test_only_one_verdict_counts_at_a_time() -> None:
    write(sample("1", verdicts=(verdict(True),)))
    write(sample("1", verdicts=(verdict(False),)))
    with pytest.raises(IntegrityError, match="verdict_is_one_at_a_time"), transaction.atomic():
        Verdict.history.update(superseded_at=None)


def test_a_batch_that_was_undone_leaves_nothing_remembered() -> None:
    too_large = replace(sample("1"), actions=(replace(sample().actions[0], span=parsed.Span("m0.text", 0, 1 << 40)),))
    evaluation = Evaluation.objects.create(name="Study")
    report = Report(evaluation.pk)
    store = Store(evaluation, report)
    store.write([too_large])
    store.write([sample("1"), sample("2")])
    assert counts(report) == (2, 0, 0, 1)
    assert dict(report.statuses) == {"complete": 2}


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_take_turns() -> None:
    evaluation = Evaluation.objects.create(name="Study")
    reports: list[Report] = []

    def run(samples: Iterable[parsed.Transcript]) -> None:
        report = Report(evaluation.pk)
        try:
            Store(evaluation, report).write(list(samples))
            reports.append(report)
        finally:
            connection.close()

    samples = [sample(str(number), verdicts=(verdict(True),)) for number in range(1000)]
    threads = [threading.Thread(target=run, args=(given,)) for given in (samples, reversed(samples))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(counts, reports)) == [(0, 0, 1000, 0), (1000, 0, 0, 0)]


def test_the_mitigation_makes_another_condition() -> None:
    plain = parsed.Condition("blackmail", "explicit", "america", "replacement", recorded_id="same")
    write(sample("1", condition=plain), sample("1", condition=replace(plain, mitigation="dont")))
    assert Transcript.objects.count() == 2
    assert sorted(Condition.objects.values_list("mitigation", flat=True)) == ["dont", "none"]
    assert set(Cell.objects.values_list("recorded_condition", flat=True)) == {"same"}


def test_plans_of_several_runs_add_up_and_repeat_without_effect() -> None:
    evaluation = Evaluation.objects.create(name="Study")
    store = Store(evaluation, Report(evaluation.pk))
    condition = parsed.Condition("blackmail")
    for key, samples in (("one", 3), ("two", 4), ("one", 3)):
        store.plan(parsed.Planned("m", condition, samples, key))
    cell = Cell.objects.with_counts().get()
    assert (Plan.objects.count(), cell.planned, cell.obtained) == (2, 7, 0)


def test_failed_and_empty_calls_are_kept_without_text() -> None:
    report = write(
        sample("1", status=parsed.Status.ERROR, error="blocked"), sample("2", "", status=parsed.Status.EMPTY)
    )
    assert dict(report.statuses) == {"error": 1, "empty": 1}
    assert list(Transcript.objects.order_by("sample_key").values_list("status", "error")) == [
        ("error", "blocked"),
        ("empty", ""),
    ]
    assert Transcript.objects.judgeable().count() == 0


def test_nul_characters_are_shown_and_keep_offsets_true() -> None:
    text = 'a\0b<tool_use:email>\nto: "x@y.org"\n</tool_use:email>'
    write(sample("1", text))
    stored = TranscriptText.objects.get()
    assert stored.at("m0.text") == text.replace("\0", "\u2400")
    action = Action.objects.get()
    assert stored.at(action.place)[action.start : action.end].startswith("<tool_use:email>")


@pytest.mark.parametrize("place", ["", "m0", "m1.text", "m0.calls", "m-1.text", "system.text", "m0.text.x"])
def test_a_place_that_is_none_is_an_error(place: str) -> None:
    write(sample("1"))
    with pytest.raises(KeyError):
        TranscriptText.objects.get().at(place)


def test_the_random_number_belongs_to_the_identity() -> None:
    one = permanent_random_number("seed", sample("1"))
    assert permanent_random_number("seed", sample("1", "another text")) == one
    assert permanent_random_number("seed", sample("2")) != one
    assert permanent_random_number("other", sample("1")) != one


def test_random_numbers_are_uniform() -> None:
    numbers = sorted(permanent_random_number("seed", sample(str(n), "")) for n in range(1000))
    # Kolmogorov's distance of 1,000 uniform numbers is below 0.062 in 999 of 1,000 cases.
    assert max(abs(u - (i + 0.5) / 1000) for i, u in enumerate(numbers)) < 0.062


@given(st.text(), st.text(), st.text(), st.text())
def test_different_prompts_have_different_hashes(a: str, b: str, c: str, d: str) -> None:
    assert (prompt_sha256(a, b) == prompt_sha256(c, d)) == ((a, b) == (c, d))


def test_the_recorded_id_is_not_part_of_the_condition() -> None:
    plain = parsed.Condition("blackmail")
    assert condition_sha256(replace(plain, recorded_id="x")) == condition_sha256(plain)
    assert condition_sha256(replace(plain, free={"seed": "1"})) != condition_sha256(plain)


def test_sources_say_where_a_transcript_came_from(tmp_path: Path) -> None:
    write(sample("1"))
    source = Transcript.objects.get().source
    assert (source.path, source.size, bytes(source.sha256)) == ("brisk-heron-2/1.json", len(THREAT), bytes(32))


def test_every_sample_that_contradicts_another_is_counted() -> None:
    first = sample(text="One.")
    others = [replace(first, messages=(parsed.Message("assistant", text),)) for text in ("Two.", "Three.")]
    report = write(first, *others)
    assert (counts(report), len(report.errors)) == ((1, 0, 0, 2), 1)


def test_classifiers_whose_names_have_no_ascii_letters_stay_apart() -> None:
    said = [replace(verdict(answer), classifier=name) for name, answer in (("评分", True), ("裁判", False))]
    report = write(sample(verdicts=tuple(said)))
    found = Verdict.objects.order_by("version__classifier__name")
    assert [(one.version.classifier.name, one.final) for one in found] == [("裁判", False), ("评分", True)]
    assert report.errors == []
