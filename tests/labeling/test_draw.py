"""Which transcripts are drawn, with what probability."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from labeling.calibration.basis import Basis
from labeling.campaigns.allocation import learned_spread, uncertainty
from labeling.campaigns.choose import add_chosen, add_gold
from labeling.campaigns.draw import draw_wave
from labeling.campaigns.population import CannotDraw, population
from labeling.models import Assignment, Campaign, Stratum
from labeling.queue.assign import take_next
from tests.labeling.makers import campaign, give, judge, person, study
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest.parsed import Status
from transcripts.models import Transcript, Verdict

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


def test_ids_of_slots_tell_nothing_of_the_strata() -> None:
    study(flagged=20, unflagged=20)
    made = campaign(design="stratified", size=40)

    flagged = list(
        Assignment.objects.order_by("pk").values_list("item__stratum__verdict", flat=True).filter(item__campaign=made)
    )

    runs = 1 + sum(one != other for one, other in zip(flagged, flagged[1:], strict=False))
    # Of 40 shuffled slots, 20 and 20, fewer than 10 runs happen once in 4,000 times; in order there are 2.
    assert runs >= 10


def narrowed(filters: dict[str, list[str]], **more: object) -> Campaign:
    made = campaign(**more)  # type: ignore[arg-type]
    Campaign.objects.filter(pk=made.pk).update(filters=filters)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ({"model": ["nobody"]}, []),
        ({"scenario": ["blackmail"]}, ["1", "2", "3", "4"]),
        ({"status": ["truncated"]}, ["4"]),
        ({"verdict": ["harmful"]}, ["1"]),
        ({"verdict": ["harmful", "missing"]}, ["1", "3", "4"]),
        ({"classifier": ["framework-harm"]}, ["1", "2"]),
        ({"gate_conflict": ["yes"]}, ["2"]),
        ({"label": ["none"]}, ["1", "2", "3", "4"]),
        ({"label": ["agreed"]}, []),
        ({"action": ["mail"]}, ["1", "2", "3", "4"]),
        ({"action": ["cancel_alert"]}, []),
        ({"recipient_role": ["bystander"]}, []),
        ({"q": ["leverage"]}, ["1", "2", "3", "4"]),
        ({"q": ["unheard"]}, []),
    ],
)
def test_a_population_is_what_the_list_finds(filters: dict[str, list[str]], keys: list[str]) -> None:
    ingest(
        sample("1", verdicts=(verdict(True),)),
        sample("2", verdicts=(verdict(False, judge=True),)),
        sample("3"),
        sample("4", status=Status.TRUNCATED),
    )

    assert sorted(t.sample_key for t in population(narrowed(filters))) == keys


def test_a_regular_expression_is_no_population() -> None:
    study(unflagged=1)

    with pytest.raises(CannotDraw, match="regular expression"):
        population(narrowed({"q": ["/lever.*/"]}))


@pytest.mark.parametrize(
    ("filters", "speaks"), [({}, True), ({"scenario": ["blackmail"], "q": []}, True), ({"verdict": ["harmful"]}, False)]
)
def test_only_a_campaign_of_whole_cells_enters_rates(filters: dict[str, list[str]], speaks: bool) -> None:
    study(flagged=3, unflagged=3)
    made = narrowed(filters)
    draw_wave(made, 3)

    assert Basis.of(made.evaluation).campaign == (made if speaks else None)


def test_what_the_filters_find_must_still_be_the_same_for_another_wave() -> None:
    study(unflagged=10)
    ada = person("ada", "rater")
    made = narrowed({"label": ["none"]})
    made.participants.set([ada])
    draw_wave(made, 3)
    assert draw_wave(made, 2).number == 2

    give(take_next(made, ada), False)

    with pytest.raises(CannotDraw, match="changed since the first wave"):
        draw_wave(made, 2)


def test_verdicts_that_change_places_are_noticed_though_the_strata_keep_their_sizes() -> None:
    transcripts = study(flagged=6, unflagged=6)
    made = campaign(design="stratified", size=10)
    for transcript, final in ((transcripts[0], False), (transcripts[-1], True)):
        Verdict.objects.filter(transcript=transcript).update(superseded_at=timezone.now())
        Verdict.objects.create(transcript=transcript, version=judge(), outcome="harm", final=final)

    with pytest.raises(CannotDraw, match="changed since the first wave"):
        draw_wave(made, 1)


@pytest.mark.parametrize(
    ("allocation", "drawn"), [("neyman", [11, 19]), ("proportional", [6, 24]), ("equal", [15, 15])]
)
def test_a_wave_is_shared_out_as_it_is_asked_to(allocation: str, drawn: list[int]) -> None:
    study(flagged=20, unflagged=80)
    wave = draw_wave(campaign(design="stratified"), 30, allocation=allocation)

    assert [row.drawn for row in wave.strata.order_by("verdict")] == drawn
    assert wave.allocation == allocation


def test_every_stratum_gets_its_minimum_however_it_is_shared_out() -> None:
    study(flagged=6, unflagged=200, unjudged=2)
    wave = draw_wave(campaign(design="stratified"), 30, allocation="proportional")

    assert {row.verdict: row.drawn for row in wave.strata.all()} == {"flagged": 5, "missing": 2, "unflagged": 23}


def test_a_later_wave_learns_from_the_answers_of_the_ones_before() -> None:
    transcripts = study(flagged=100, unflagged=100)
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=40)
    with pytest.raises(CannotDraw, match="Nothing can be learned yet"):
        draw_wave(made, 40, allocation="learned")
    # People find that the judge is always right about what it flags, and wrong half of the time about the rest.
    flagged = {transcript.pk for transcript in transcripts[:100]}
    turn = False
    while slot := take_next(made, ada):
        turn = not turn if slot.item.transcript_id not in flagged else turn
        give(slot, slot.item.transcript_id in flagged or turn)
    before = {row.verdict: row.drawn for row in made.waves.get().strata.all()}

    wave = draw_wave(made, 60, allocation="learned")

    after = {row.verdict: row.drawn for row in wave.strata.all()}
    assert before == {"flagged": 28, "unflagged": 12}
    assert after["unflagged"] - before["unflagged"] > after["flagged"] - before["flagged"]
    assert sum(1 / item.pi for item in made.items.all() if item.pi) == pytest.approx(200)


@pytest.mark.parametrize(
    ("n", "positive", "spread"), [(0, 0, 0.4), (10, 0, 0.2828), (10, 5, 0.4528), (1000, 500, 0.4992)]
)
def test_a_learned_spread_starts_at_its_plan_and_ends_at_the_data(n: int, positive: int, spread: float) -> None:
    assert learned_spread(0.4, n, positive) == pytest.approx(spread, abs=1e-4)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("flagged", True, True, None), 0.4),
        (("unflagged", False, False, None), 0.17),
        (("unflagged", None, False, 0.2), 0.4),
        (("flagged", True, True, 1.0), 0.0),
        (("flagged", True, True, 37.0), 0.4),
        (("unflagged", True, False, 0.99), 0.5),
        (("missing", None, None, None), 0.4),
    ],
)
def test_a_judge_is_unsure_by_its_score_and_most_where_its_gates_overrule_it(
    said: tuple[str, bool | None, bool | None, float | None], expected: float
) -> None:
    assert uncertainty(*said) == pytest.approx(expected)


def test_priority_sampling_prefers_what_the_judge_is_unsure_of_and_leaves_nothing_out() -> None:
    ingest(*(sample(str(n), verdicts=(verdict(n <= 2, judge=n == 2 or n == 3),)) for n in range(1, 5)))
    made = campaign(design="priority", size=4)

    sizes = {item.transcript.sample_key: item.p for item in made.items.select_related("transcript")}
    # 1 and 3 are overruled by the gates, 2 is flagged, 4 is not; an eighth is everybody's.
    unsure = {"1": 0.5, "2": 0.4, "3": 0.5, "4": 0.17}
    assert sizes == {key: pytest.approx(0.125 + 0.5 * u / 1.57) for key, u in unsure.items()}


def two_and_a_third(size: int, **more: object) -> Campaign:
    made = campaign(raters_per_item=2, **more)  # type: ignore[arg-type]
    Campaign.objects.filter(pk=made.pk).update(third_on_disagreement=True)
    made.refresh_from_db()
    draw_wave(made, size)
    return made


def test_a_random_share_always_gets_three_raters_and_at_least_a_hundred_do() -> None:
    study(unflagged=280)
    made = two_and_a_third(90)
    first = set(made.items.filter(triple=True).values_list("pk", flat=True))
    draw_wave(made, 50)
    draw_wave(made, 100)

    triples = [wave.items.filter(triple=True).count() for wave in made.waves.all()]
    assert triples == [90, 10, 20]
    assert first <= set(made.items.filter(triple=True).values_list("pk", flat=True))
    slots = Counter(made.items.annotate(n=Count("assignments")).values_list("triple", "n"))
    assert slots == {(True, 3): 120, (False, 2): 120}


def test_which_get_three_has_nothing_to_do_with_the_order_of_the_draw() -> None:
    study(unflagged=240)
    made = two_and_a_third(120)
    draw_wave(made, 100)

    served = list(made.items.filter(wave__number=2).order_by("serve_order").values_list("triple", flat=True))
    assert sum(served) == 20
    assert 4 <= sum(served[:50]) <= 16


@pytest.mark.parametrize("source", ["gold", "browse", "dispute"])
def test_what_is_in_the_campaign_for_another_reason_is_drawn_like_the_rest(source: str) -> None:
    transcripts = study(unflagged=6)
    made = campaign(size=1)
    last = max(transcripts, key=lambda transcript: transcript.u)
    if source == "gold":
        add_gold(made, last, "gold", {"harm": ["none"]})
    else:
        add_chosen(made, Transcript.objects.filter(pk=last.pk), source)

    draw_wave(made, 5)

    sample_of = made.items.filter(source="sample")
    assert (sample_of.count(), set(sample_of.values_list("pi", flat=True))) == (6, {1.0})
    assert made.items.filter(source="gold").count() == (source == "gold")
