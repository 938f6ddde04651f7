"""What pages, charts and exports are told of a rate: the statistics, on what the database holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import ERRS_OTHERWISE, Estimates
from labeling.calibration.rollup import RollUp, forget_changes, roll_up
from labeling.models import Assignment, CampaignItem
from labeling.queue.assign import take_next
from labeling.stats.estimate import Estimate, estimate_group
from labeling.stats.noise import NoiseMap
from labeling.stats.strata import Group, Stratum, Tally
from labeling.stats.tiers import Tier
from tests.labeling.makers import OTHER, campaign, give, label_all, person, study
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest.parsed import Status
from transcripts.models import Cell, Evaluation, LanguageModel, Transcript

pytestmark = pytest.mark.django_db


def tally(n: int, positive: int, pi: float) -> Tally:
    return Tally(n, positive, n / pi, n / pi**2, positive / pi)


def test_a_labelled_group_equals_the_statistics_of_its_counts() -> None:
    study(flagged=20, unflagged=80)
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=60)
    drawn = {row.verdict: (row.drawn, row.drawn / row.population) for row in made.waves.get().strata.all()}
    flagged, unflagged = drawn["flagged"], drawn["unflagged"]
    left = {"flagged": [True] * (flagged[0] - 2) + [False] * 2, "unflagged": [True] + [False] * (unflagged[0] - 1)}
    items = made.items.select_related("stratum").order_by("serve_order", "pk")
    label_all(made, {ada: [left[item.stratum.verdict].pop() for item in items if item.stratum]})

    found = Estimates(Basis.of(Evaluation.objects.get())).overall()

    by_hand = Group(
        Stratum(20, tally(flagged[0], flagged[0] - 2, flagged[1]), 20, 20),
        Stratum(80, tally(unflagged[0], 1, unflagged[1]), 80, 80),
        Stratum(0, Tally(), 0, 0),
    )
    expected = estimate_group(by_hand)
    assert found is not None
    assert (found.estimate.tier, found.estimate.n_labels) == (Tier.CORRECTED, 60)
    assert found.estimate.value == pytest.approx(expected.value)
    assert found.estimate.low == pytest.approx(expected.low)
    assert found.estimate.high == pytest.approx(expected.high)


def test_without_labels_the_judge_speaks_for_itself() -> None:
    study(flagged=3, unflagged=7)

    found = Estimates(Basis.of(Evaluation.objects.get())).overall()

    assert found is not None
    assert (found.estimate.tier, found.estimate.value, found.estimate.n_labels) == (Tier.RAW, 0.3, 0)


def test_failed_calls_are_counted_beside_the_rate() -> None:
    ingest(sample("1", verdicts=(verdict(True),)), sample("2", status=Status.ERROR, error="timeout"))

    found = Estimates(Basis.of(Evaluation.objects.get())).overall()

    assert found is not None
    assert (found.failed, found.estimate.n_transcripts) == (1, 1)


def test_groups_hold_their_own_cells_only() -> None:
    ingest(
        sample("1", verdicts=(verdict(True),)),
        sample("2", condition=OTHER, verdicts=(verdict(False),)),
        sample("3", condition=OTHER, verdicts=(verdict(True),)),
    )

    groups = Estimates(Basis.of(Evaluation.objects.get())).by(lambda cell: (cell.condition.scenario,))

    assert {group.key: (group.estimate.value, group.estimate.n_transcripts) for group in groups} == {
        ("blackmail",): (1.0, 1),
        ("leaking",): (0.5, 2),
    }


def test_only_the_shown_cells_are_estimated() -> None:
    ingest(sample("1", verdicts=(verdict(True),)), sample("2", condition=OTHER, verdicts=(verdict(False),)))
    shown = Cell.objects.filter(condition__scenario="leaking")

    found = Estimates(Basis.of(Evaluation.objects.get()), shown).overall()

    assert found is not None
    assert [cell.condition.scenario for cell in found.cells] == ["leaking"]


def test_the_basis_is_the_campaign_with_the_most_labels() -> None:
    study(flagged=2)
    ada = person("ada", "rater")
    campaign(ada, size=2, name="unanswered")
    answered = campaign(ada, size=2, name="answered")
    label_all(answered, {ada: [True, True]})
    campaign(ada, size=2, name="newer and unanswered")

    assert Basis.of(Evaluation.objects.get()).campaign == answered


def test_items_that_were_not_sampled_never_enter_a_rate() -> None:
    transcripts = study(flagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    sampled = set(made.items.values_list("transcript", flat=True))
    (found_by_browsing,) = [transcript for transcript in transcripts if transcript.pk not in sampled]
    item = CampaignItem.objects.create(campaign=made, transcript=found_by_browsing, source="browse", serve_order=9)
    Assignment.objects.create(item=item, slot=1)
    label_all(made, {ada: [True, True, True]})

    assert overall().n_labels == 2


def overall() -> Estimate:
    found = Estimates(Basis.of(Evaluation.objects.latest("pk"))).overall()
    assert found is not None
    return found.estimate


def test_a_label_on_an_earlier_text_is_missing() -> None:
    study(flagged=40)
    ada = person("ada", "rater")
    label_all(campaign(ada, size=40), {ada: [True] * 40})
    assert (overall().tier, overall().value, overall().n_labels) == (Tier.CORRECTED, 1.0, 40)

    ingest(*(sample(str(n), "I changed my mind.", verdicts=(verdict(True),)) for n in range(1, 41)))

    assert (overall().tier, overall().n_labels) == (Tier.RAW, 0)
    assert overall().remarks[0] == "strata that hold 100.0 % of these have no answer yet: the labels are not used"


def test_transcripts_that_came_after_the_draw_are_not_in_the_rate() -> None:
    study(flagged=40)
    ada = person("ada", "rater")
    label_all(campaign(ada, size=40), {ada: [True] * 40})

    ingest(*(sample(f"later-{n}", verdicts=(verdict(False),)) for n in range(60)))

    found = overall()
    assert (found.tier, found.value, found.n_transcripts) == (Tier.CORRECTED, 1.0, 40)
    assert found.remarks[0] == "60 transcripts came after the draw and are not in this rate"


def test_a_cell_that_came_after_the_draw_is_not_taken_for_labelled() -> None:
    study(flagged=40)
    ada = person("ada", "rater")
    label_all(campaign(ada, size=40), {ada: [True] * 40})

    ingest(*(sample(str(n), model="late", verdicts=(verdict(False),)) for n in range(60)))

    groups = Estimates(Basis.of(Evaluation.objects.get())).by(lambda cell: (cell.condition.scenario,))
    assert [(group.estimate.tier, group.estimate.n_labels) for group in groups] == [(Tier.RAW, 0)]
    assert groups[0].estimate.remarks[0] == "the campaign speaks of 1 of these 2 cells: its labels are not used"


def test_answers_stand_for_those_that_are_missing_from_their_stratum() -> None:
    """Half of the flagged and all of the unflagged answered: neither counts more than its stratum."""
    study(flagged=40, unflagged=40)
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=80)
    items = {item.pk: item for item in made.items.select_related("stratum")}
    flagged = 0
    while slot := take_next(made, ada):
        stratum = items[slot.item_id].stratum
        assert stratum is not None
        if stratum.verdict == "flagged":
            flagged += 1
            if flagged > 20:
                Assignment.objects.filter(pk=slot.pk).update(rater=person(f"absent-{slot.pk}"))
                continue
        give(slot, stratum.verdict == "flagged")

    found = overall()
    assert (found.value, found.n_labels, found.n_missing) == (0.5, 60, 20)
    weights = {part.name: part.labels.weight for part in found.strata}
    assert weights == {"flagged": 40.0, "unflagged": 40.0, "without verdict": 0.0}


def test_where_whole_strata_are_silent_labels_are_not_used() -> None:
    study(flagged=40)
    ingest(*(sample(str(n), model="silent", verdicts=(verdict(True),)) for n in range(1, 41)))
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=80)
    models = dict(made.items.values_list("pk", "transcript__cell__model__recorded_id"))
    while slot := take_next(made, ada):
        if models[slot.item_id] == "silent":
            Assignment.objects.filter(pk=slot.pk).update(rater=person(f"absent-{slot.pk}"))
        else:
            give(slot, True)

    found = overall()
    assert (found.tier, found.n_labels) == (Tier.RAW, 0)
    assert found.remarks[0] == "strata that hold 50.0 % of these have no answer yet: the labels are not used"


def test_an_estimate_can_list_what_it_rests_on() -> None:
    study(flagged=30, unflagged=10)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=40, raters_per_item=2)
    answers = [True] * 39 + [None]
    items = label_all(made, {ada: answers, ben: answers})
    ingest(sample("later", verdicts=(verdict(True),)))

    found = Estimates(Basis.of(Evaluation.objects.get())).overall()

    assert found is not None
    assert (found.estimate.tier, found.estimate.n_labels, found.n_raters) == (Tier.CORRECTED, 39, 2)
    assert found.transcripts().count() == found.estimate.n_transcripts == 40
    assert {row.item_id for row in found.resolutions()} == {item.pk for item in items[:39]}
    assert found.labels().count() == 78


def test_nothing_is_borrowed_for_a_model_on_which_the_judge_errs_otherwise() -> None:
    """The blind model's own labels contradict what the others' errors make of it; its single cells get no tier B."""
    for model, n in (("plain", 90), ("other", 90), ("blind", 30)):
        finals = [number % 5 < 2 and model != "blind" for number in range(n)]
        ingest(*(sample(f"{model} {n}", model=model, verdicts=(verdict(final),)) for n, final in enumerate(finals)))
    ada = person("ada", "rater")
    made = campaign(ada, size=210)
    harm = {pk: int(key.split()[1]) % 5 < 2 for pk, key in made.items.values_list("pk", "transcript__sample_key")}
    label_all(made, {ada: [harm[item.pk] for item in made.items.order_by("serve_order", "pk")]})
    basis = Basis.of(Evaluation.objects.get())
    basis.__dict__["noise"] = NoiseMap(0.0, 0.0)

    estimates = Estimates(basis)

    assert {str(model) for model in LanguageModel.objects.filter(pk__in=estimates.alarms)} == {"blind"}
    # With too few labels of its own the blind model falls to the raw rate; another one is modelled.
    for counts in estimates.counts.values():
        few = {name: replace_labels(tally, 4) for name, tally in counts.labels.items()}
        estimates.counts[counts.cell.pk] = replace(counts, labels=few)
    tiers = {str(g.cells[0].model): g.estimate for g in estimates.by(lambda cell: (cell.model_id,))}
    assert {name: one.tier for name, one in tiers.items()} == {
        "plain": Tier.MODELLED,
        "other": Tier.MODELLED,
        "blind": Tier.RAW,
    }
    assert tiers["blind"].reason == f"not calibrated: 4 labels, 30 needed; {ERRS_OTHERWISE}"


def replace_labels(tally: Tally, most: int) -> Tally:
    return Tally(most, 0, float(most), float(most), 0.0) if tally.n > most else Tally()


def queries(basis: Basis) -> int:
    """How many the roll-up takes."""
    with CaptureQueriesContext(connection) as asked:
        roll_up(basis)
    return len(asked)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("filled_database")
def test_answers_are_counted_anew_only_after_a_change() -> None:
    study(flagged=3)
    ada = person("ada", "rater")
    made = campaign(ada, size=3)
    give(take_next(made, ada), True)
    basis = Basis.of(Evaluation.objects.get())
    anew = queries(basis)

    assert (anew > 1, queries(basis), queries(replace(basis))) == (True, 1, 1)
    with transaction.atomic():
        give(take_next(made, ada), True)
        inside = roll_up(replace(basis))
        transaction.set_rollback(True)
    assert (counted(inside), counted(roll_up(basis))) == (2, 1)
    give(take_next(made, ada), True)
    assert counted(roll_up(replace(basis))) == 2
    Transcript.objects.update(text_sha256=bytes(32))
    assert counted(roll_up(replace(basis))) == 0
    forget_changes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0 FROM labeling_change")  # of today
        assert cursor.fetchone() == (True,)


def counted(rolled: RollUp) -> int:
    return sum(tally.n for tally in rolled.labels.values())
