"""Plans of labels: what they ask for, and that the wave drawn from one is a probability sample of just that."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates
from labeling.calibration.planning import CannotPlan, Wish, difference, plan, points
from labeling.campaigns.draw import draw_wave
from labeling.models import Campaign, CampaignItem, Stratum, Wave
from labeling.stats import planning
from tests.labeling.makers import OTHER, campaign, client_of, judge, label_all, person, study
from tests.labeling.test_campaign_pages import new
from tests.transcripts.study import ingest, sample, verdict
from transcripts.models import Evaluation, Transcript

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita() -> User:
    return person("rita", "researcher")


def basis(made: Campaign | None = None) -> Basis:
    return Basis(Evaluation.objects.get(), "harm", judge(), made)


def two_models() -> None:
    ingest(
        *(
            sample(f"{model} {n}", model=model, verdicts=(verdict(n < flagged),))
            for model, flagged in (("brisk-heron-2", 20), ("calm-otter-1", 4))
            for n in range(80)
        )
    )


def in_order(made: Campaign) -> QuerySet[CampaignItem]:
    return made.items.select_related("stratum").order_by("serve_order", "pk")


def labelled_in_part() -> Campaign:
    """20 flagged and 80 unflagged, of which 24 are drawn and answered as the judge says."""
    study(flagged=20, unflagged=80)
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=24)
    label_all(made, {ada: [item.stratum.verdict == "flagged" for item in in_order(made) if item.stratum]})
    made.refresh_from_db()
    return made


def test_without_labels_a_plan_is_that_of_the_planning_rates() -> None:
    study(flagged=20, unflagged=80)
    parts = [planning.Part("flagged", 20), planning.Part("unflagged", 80)]
    expected = planning.plan(parts, planning.PLANNING_RATE, 0.12)

    (group,) = plan(basis(), Wish("all", 0.12)).groups

    assert (group.words, group.now, group.rate) == ("everything", "–", "20 % [13, 29]")
    assert group.plan == expected
    assert [line and (line.verdict, line.size, line.labels, line.more) for line in group.lines] == [
        ("flagged", 20, 0, expected.numbers[0]),
        ("unflagged", 80, 0, expected.numbers[1]),
        None,
    ]


def test_a_wave_drawn_from_a_plan_has_its_numbers_and_known_probabilities(rita: User) -> None:
    made = labelled_in_part()
    planned = plan(basis(made), Wish("all", 0.11))
    before = {row.verdict: row.drawn for row in Stratum.objects.all()}
    client = client_of(rita)

    page = client.get(f"/campaigns/{made.pk}/plan/?by=all&half_width=11").content.decode()
    sent = dict(re.findall(r'<input type="hidden" name="(by|half_width|minimum|more)" value="([^"]+)"', page))
    answer = client.post(f"/campaigns/{made.pk}/plan/", sent)

    assert answer["Location"] == f"/campaigns/{made.pk}/"
    wave = Wave.objects.get(campaign=made, number=2)
    drawn = {row.verdict: row.drawn for row in wave.strata.all()}
    assert (wave.allocation, sent["more"]) == ("planned", str(planned.more))
    assert drawn == {verdict: n for (_, _, verdict), n in planned.targets.items()}
    assert sum(drawn.values()) - sum(before.values()) == planned.more == wave.items.count() > 0
    sizes = {"flagged": 20, "unflagged": 80}
    pi = {(i.stratum.verdict, i.pi) for i in made.items.select_related("stratum") if i.stratum}
    assert pi == {(name, drawn[name] / size) for name, size in sizes.items()}
    for name, size in sizes.items():
        in_order = Transcript.objects.filter(verdicts__final=name == "flagged").order_by("u")[: drawn[name]]
        taken = made.items.filter(stratum__verdict=name).values_list("transcript", flat=True)
        assert (len(in_order), set(taken)) == (drawn[name], {t.pk for t in in_order}), size


def test_a_plan_that_was_overtaken_by_answers_draws_nothing(rita: User) -> None:
    made = labelled_in_part()

    sent = {"by": "all", "half_width": "11", "minimum": "5", "more": "3"}
    answer = client_of(rita).post(f"/campaigns/{made.pk}/plan/", sent, follow=True)

    assert [str(message) for message in answer.context["messages"]] == [
        "Answers came in meanwhile and the plan is another one: look at it again."
    ]
    assert made.waves.count() == 1


def test_a_new_campaign_begins_with_the_plan(rita: User) -> None:
    two_models()
    evaluation = Evaluation.objects.get()
    client = client_of(rita)
    planned = plan(basis(), Wish("model", 0.08))

    page = client.get(f"/classifiers/framework-harm/plan/?evaluation={evaluation.pk}&half_width=8").content.decode()
    (link,) = re.findall(r'href="(/campaigns/new/[^"]+)"', page)
    link = link.replace("&amp;", "&")
    form = client.get(link).context["form"]
    client.post(link, new(rita, allocation="planned", size=form.initial["size"]))

    assert (form.initial["size"], form.initial["classifier_version"]) == (planned.more, judge().pk)
    drawn = {(row.model_id, row.scenario, row.verdict): row.drawn for row in Stratum.objects.all()}
    assert drawn == planned.targets
    assert Wave.objects.get().allocation == "planned"
    there = client.get(f"/classifiers/framework-harm/plan/?evaluation={evaluation.pk}&half_width=8")
    assert there["Location"] == f"/campaigns/{Campaign.objects.get().pk}/plan/?half_width=8"


def test_what_cannot_be_reached_is_said_in_words() -> None:
    study(flagged=5, unflagged=35)

    (group,) = plan(basis(), Wish("all", 0.02)).groups

    assert (group.plan.reached, group.plan.numbers) == (False, (5, 35))
    assert group.remark == (
        f"cannot be reached: even with all 40 transcripts labelled, ±{points(group.plan.foreseen)} is left, "
        "since so few samples vary by themselves; about 1,060 samples would be needed. Nothing is drawn for it: wish "
        "for a longer interval"
    )
    assert (group.numbers, group.more) == ((5, 5), 10)  # what every draw takes of every stratum


def test_a_short_interval_of_too_few_labels_is_no_rate_of_its_own() -> None:
    """24 labels give ±10 points here, but tier A asks for what is worth 30."""
    made = labelled_in_part()
    whole = Estimates(basis(made)).overall()
    assert whole is not None

    (group,) = plan(basis(made), Wish("all", 0.3)).groups

    assert group.half_width == whole.estimate.own_limits.width / 2
    assert group.now == f"±{points(whole.estimate.own_limits.width / 2)}"
    assert (group.estimate.n_labels, group.estimate.tier, group.done) == (24, "C", False)
    assert group.plan.worth >= 30
    assert group.more == sum(group.plan.numbers) - 24 > 0


def test_a_group_whose_interval_is_short_enough_gets_nothing_more() -> None:
    made = labelled_in_part()
    ada = made.participants.get()
    draw_wave(made, 30)
    label_all(made, {ada: [item.stratum.verdict == "flagged" for item in in_order(made) if item.stratum]})

    planned = plan(basis(made), Wish("all", 0.12))

    (group,) = planned.groups
    assert (group.estimate.tier, group.done, group.more, planned.more) == ("A", True, 0, 0)
    assert group.remark == "the interval is short enough already"


def test_cells_are_reached_through_their_strata() -> None:
    """A draw cannot aim at a cell: with two equal cells in a stratum, twice what one of them needs is drawn."""
    ingest(*(sample(f"{n}", condition=where, verdicts=(verdict(n % 4 == 0),)) for n in range(40) for where in (OTHER,)))
    found = plan(basis(), Wish("cell", 0.15))
    (group,) = found.groups

    assert group.words == f"brisk-heron-2 × {Transcript.objects.all()[0].cell.condition}"
    assert found.more == found.needed == group.more > 0


def test_two_models_are_told_apart_by_more_than_their_labels_alone(rita: User) -> None:
    two_models()
    first, second = plan(basis(), Wish("model", 0.1)).groups

    found = difference(first, second)

    assert found.difference == pytest.approx(0.25 - 0.05)
    assert found.half_width == pytest.approx(planning.half_width_for_difference(0.2))
    assert found.alone == pytest.approx(planning.labels_for_difference(0.05, 0.25))
    page = client_of(rita).get(
        f"/classifiers/framework-harm/plan/?evaluation={Evaluation.objects.get().pk}&first=0&second=1&apart=20"
    )
    assert page.context["difference"].words == found.words
    with pytest.raises(CannotPlan, match="show no difference yet"):
        difference(first, first)


@pytest.mark.parametrize("design", ["simple", "priority"])
def test_a_design_without_strata_is_not_planned(rita: User, design: str) -> None:
    study(flagged=10, unflagged=30)
    made = campaign(design=design, size=10)

    page = client_of(rita).get(f"/campaigns/{made.pk}/plan/")

    assert page.status_code == 200
    assert "planned" not in page.context
    assert page.context["problem"] == (
        f"{made} draws without strata ({made.get_design_display()}), so nothing can be shared out among verdicts. Plan "
        "a new campaign instead."
    )


def test_only_those_who_run_campaigns_plan(rita: User) -> None:
    study(flagged=10, unflagged=30)
    made = campaign(design="stratified", size=20)
    ada = client_of(person("ada", "rater"))

    answers = [ada.get(f"/campaigns/{made.pk}/plan/"), ada.get("/classifiers/framework-harm/plan/?evaluation=1")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert client_of(rita).get(f"/campaigns/{made.pk}/plan/?half_width=0").status_code == 422
