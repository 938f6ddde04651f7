"""Which transcripts are drawn, with what probability, and who gets which."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labeling.assign import Progress, progress, put_aside, renew, save_draft, take_next
from labeling.draw import CannotDraw, draw_wave, population
from labeling.models import Assignment, Campaign, Choice, Draft, Label, Skip, Stratum
from tests.labeling.makers import campaign, give, person, study
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest.parsed import Status

pytestmark = pytest.mark.django_db


def test_a_simple_sample_is_the_beginning_of_the_random_order() -> None:
    transcripts = study(unflagged=10)
    made = campaign(size=4)

    first_four = sorted(transcripts, key=lambda transcript: transcript.u)[:4]
    drawn = made.items.order_by("serve_order")
    assert [item.transcript_id for item in drawn] == [transcript.pk for transcript in first_four]
    assert {item.pi for item in drawn} == {0.4}


def test_strata_are_model_scenario_and_verdict_and_weights_add_up_to_the_population() -> None:
    study(flagged=8, unflagged=30, unjudged=2)
    made = campaign(design="stratified", size=20)

    strata = {row.verdict: (row.population, row.drawn) for row in Stratum.objects.all()}
    assert {name: size for name, (size, _) in strata.items()} == {"flagged": 8, "unflagged": 30, "missing": 2}
    assert sum(drawn for _, drawn in strata.values()) == 20
    assert strata["missing"] == (2, 2)
    assert sum(1 / item.pi for item in made.items.all() if item.pi) == pytest.approx(40)


def test_a_failed_call_is_not_in_the_population_and_one_without_verdict_is() -> None:
    ingest(sample("1"), sample("2", status=Status.ERROR), sample("3", status=Status.TRUNCATED))
    made = campaign()

    assert sorted(t.sample_key for t in population(made)) == ["1", "3"]


def test_a_second_wave_goes_on_where_the_first_stopped_and_raises_every_probability() -> None:
    transcripts = study(unflagged=20)
    made = campaign(size=5)

    wave = draw_wave(made, 5)

    in_order = [t.pk for t in sorted(transcripts, key=lambda transcript: transcript.u)]
    assert [i.transcript_id for i in wave.items.order_by("serve_order")] == in_order[5:10]
    assert [i.transcript_id for i in made.items.order_by("serve_order")] == in_order[:10]
    assert set(made.items.values_list("pi", flat=True)) == {0.5}
    assert wave.number == 2


def test_strata_interleave_in_the_queue() -> None:
    study(flagged=10, unflagged=10)
    made = campaign(design="stratified", size=20)

    verdicts = [item.stratum.verdict for item in made.items.order_by("serve_order") if item.stratum]
    assert Counter(verdicts[:10]) == {"flagged": 5, "unflagged": 5}


def test_priority_sampling_records_sizes_and_probabilities_and_draws_once() -> None:
    study(flagged=10, unflagged=90)
    made = campaign(design="priority", size=30)

    items = made.items.select_related("wave")
    threshold = made.waves.get().threshold
    assert threshold is not None
    assert [i.pi for i in items] == [pytest.approx(min(1, (i.p or 0) * threshold)) for i in items]
    with pytest.raises(CannotDraw, match="one wave"):
        draw_wave(made, 10)


def test_a_draw_too_small_for_its_strata_says_how_many_it_needs_and_leaves_nothing() -> None:
    study(flagged=10, unflagged=10)
    made = campaign(design="stratified")

    with pytest.raises(CannotDraw, match="10 give every stratum its minimum"):
        draw_wave(made, 3)
    assert (made.waves.count(), made.items.count()) == (0, 0)


def test_a_later_wave_needs_no_minimum_where_the_first_gave_it() -> None:
    study(flagged=10, unflagged=90)
    made = campaign(design="stratified", size=20)
    before = {row.verdict: row.drawn for row in Stratum.objects.all()}

    wave = draw_wave(made, 3)

    after = {row.verdict: row.drawn for row in wave.strata.all()}
    assert sum(after.values()) - sum(before.values()) == wave.items.count() == 3
    assert [name for name, drawn in after.items() if drawn < before[name]] == []
    assert sum(1 / item.pi for item in made.items.all() if item.pi) == pytest.approx(100)


def test_nothing_is_left_to_draw() -> None:
    study(unflagged=3)
    made = campaign(size=3)

    with pytest.raises(CannotDraw, match="nothing left"):
        draw_wave(made, 1)


def test_a_rater_resumes_what_they_hold() -> None:
    study(unflagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=3)

    assert take_next(made, ada) == take_next(made, ada)


def test_a_rater_never_gets_two_places_of_one_transcript() -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2, raters_per_item=3)

    given = []
    while slot := take_next(made, ada):
        given.append(slot.item_id)
        give(slot, False)
    assert sorted(given) == sorted(made.items.values_list("pk", flat=True))


def test_a_campaign_that_is_not_open_gives_nothing_out() -> None:
    study(unflagged=2)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    made.state = Campaign.State.PAUSED

    assert take_next(made, ada) is None


def test_an_expired_lease_is_taken_over_and_the_draft_is_kept() -> None:
    study(unflagged=1)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    save_draft(slot, {"comment": "so far"})
    assert take_next(made, ben) is None
    Assignment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    taken = take_next(made, ben)

    assert taken == slot
    assert taken is not None
    assert taken.rater == ben
    assert renew(slot) is False
    assert Draft.objects.get(rater=ada).content == {"comment": "so far"}


def test_a_lease_is_renewed_while_nobody_else_has_it() -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    Assignment.objects.update(leased_until=timezone.now() - timedelta(seconds=1))

    assert renew(slot) is True
    slot.refresh_from_db()
    assert slot.leased_until is not None
    assert slot.leased_until > timezone.now() + timedelta(minutes=29)


def test_what_is_put_aside_comes_back_last_and_goes_to_others_at_once() -> None:
    study(unflagged=2)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=2)
    first = take_next(made, ada)
    assert first is not None
    put_aside(first, "too long", flagged=True)

    second = take_next(made, ada)
    assert second is not None
    assert second.item != first.item
    give(second, False)
    back = take_next(made, ada)
    assert back is not None
    assert back.item == first.item
    put_aside(back, "again")
    to_ben = take_next(made, ben)
    assert to_ben is not None
    assert to_ben.item == first.item
    assert list(Skip.objects.order_by("pk").values_list("reason", "flagged")) == [
        ("too long", True),
        ("again", False),
    ]


def test_progress_counts_slots() -> None:
    study(unflagged=3)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=3, raters_per_item=2)
    give(take_next(made, ada), False)
    give(take_next(made, ben), False)

    assert progress(made, ada) == Progress(slots=6, submitted=2, by_rater=1)


@pytest.mark.usefixtures("filled_database")
@pytest.mark.django_db(transaction=True)
def test_raters_at_once_never_get_the_same_slot() -> None:
    study(unflagged=8)
    raters = [person(f"rater-{number}", "rater") for number in range(8)]
    made = campaign(*raters, size=8)
    start = Barrier(len(raters))

    def take(number: int) -> list[int]:
        taken = []
        start.wait(timeout=30)
        slot = take_next(made, raters[number])
        if slot is not None:
            taken.append(slot.pk)
        connection.close()
        return taken

    with ThreadPoolExecutor(len(raters)) as pool:
        taken = [pk for part in pool.map(take, range(len(raters))) for pk in part]

    assert sorted(taken) == sorted(Assignment.objects.values_list("pk", flat=True))


@pytest.mark.usefixtures("filled_database")
@pytest.mark.django_db(transaction=True)
def test_one_rater_in_two_tabs_holds_one_place_of_a_transcript() -> None:
    study(unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=1, raters_per_item=3)
    start = Barrier(4)

    def take(_: int) -> int | None:
        start.wait(timeout=30)
        slot = take_next(made, ada)
        connection.close()
        return slot.pk if slot else None

    with ThreadPoolExecutor(4) as pool:
        taken = set(pool.map(take, range(4)))

    assert len(taken - {None}) == 1
    assert Assignment.objects.filter(rater=ada).count() == 1


def test_what_came_after_the_first_draw_is_never_drawn() -> None:
    study(flagged=4, unflagged=6)
    made = campaign(size=3)
    ingest(*(sample(f"later-{n}") for n in range(20)))

    draw_wave(made, 20)

    assert made.items.count() == 10
    assert set(made.items.values_list("pi", flat=True)) == {1.0}


def test_a_wave_is_refused_where_verdicts_moved_transcripts_between_strata() -> None:
    study(flagged=10, unflagged=10)
    made = campaign(design="stratified", size=12)
    ingest(sample("1", verdicts=(verdict(False),)))

    with pytest.raises(CannotDraw, match="changed since the first wave"):
        draw_wave(made, 4)


def test_a_drawn_campaign_keeps_its_design() -> None:
    study(flagged=4)
    made = campaign(size=2)
    with pytest.raises(IntegrityError, match="its design stays as it is"), transaction.atomic():
        Campaign.objects.filter(pk=made.pk).update(filters={"model": ["other"]})
    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
        made.items.update(serve_order=0)


def test_a_label_has_the_rater_and_the_item_of_its_assignment() -> None:
    study(flagged=2)
    made = campaign(size=2)
    slot = take_next(made, person("ada", "rater"))
    assert slot is not None
    with pytest.raises(IntegrityError, match="of its assignment"), transaction.atomic():
        Label.objects.create(item=slot.item, assignment=slot, rater=person("bo"), text_sha256=b"t")


def test_a_published_codebook_stays_as_it_is() -> None:
    with pytest.raises(IntegrityError, match="published codebook stays as it is"), transaction.atomic():
        Choice.objects.filter(key="coercion").update(needs_evidence=False)


def test_ids_of_slots_tell_nothing_of_the_strata() -> None:
    study(flagged=20, unflagged=20)
    made = campaign(design="stratified", size=40)

    flagged = list(
        Assignment.objects.order_by("pk").values_list("item__stratum__verdict", flat=True).filter(item__campaign=made)
    )

    runs = 1 + sum(one != other for one, other in zip(flagged, flagged[1:], strict=False))
    # Of 40 shuffled slots, 20 and 20, fewer than 10 runs happen once in 4,000 times; in order there are 2.
    assert runs >= 10
