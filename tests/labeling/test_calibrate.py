"""A classifier against what people agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from labeling.calibration import details
from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import NothingToCompare, calibrate
from labeling.calibration.findings import findings
from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Calibration, Campaign, Label
from labeling.queue.assign import take_next
from labeling.stats.intervals import wilson
from tests.labeling.makers import campaign, client_of, give, label_all, person, study
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest.parsed import Verdict as Said
from transcripts.models import ClassifierVersion, Evaluation, Verdict

pytestmark = pytest.mark.django_db


def labelled(*, flagged: Sequence[bool | None], unflagged: Sequence[bool | None], unjudged: int = 0) -> Campaign:
    """A census of a study that two raters label alike."""
    study(len(flagged), len(unflagged), unjudged)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=len(flagged) + len(unflagged) + unjudged, raters_per_item=2)
    final = dict(Verdict.objects.values_list("transcript", "final"))
    left: dict[bool | None, list[bool | None]] = {
        True: list(flagged),
        False: list(unflagged),
        None: [False] * unjudged,
    }
    items = made.items.order_by("serve_order", "pk")
    answers = [left[final.get(item.transcript_id)].pop() for item in items]
    label_all(made, {ada: answers, ben: answers})
    return made


def basis() -> Basis:
    return Basis.of(Evaluation.objects.get())


def test_the_confusion_is_counted_by_hand() -> None:
    labelled(flagged=[True, True, True, False], unflagged=[False] * 5 + [True], unjudged=2)

    figures = calibrate(basis()).figures

    cells = figures["confusion"]["cells"]
    assert {name: (cell["n"], cell["weight"]) for name, cell in cells.items()} == {
        "tp": (3, 3.0),
        "fp": (1, 1.0),
        "fn": (1, 1.0),
        "tn": (5, 5.0),
    }
    assert (figures["confusion"]["without_verdict"], figures["confusion"]["without_resolution"]) == (2, 0)
    quality = figures["quality"]
    assert [quality[name]["value"] for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy")] == [
        pytest.approx(value) for value in (3 / 4, 5 / 6, 3 / 4, 5 / 6, 8 / 10)
    ]
    limits = wilson(3 / 4, 4)
    assert quality["sensitivity"]["limits"] == {"low": limits.low, "high": limits.high}
    assert quality["mcc"]["value"] == pytest.approx((3 * 5 - 1 * 1) / (4 * 6 * 4 * 6) ** 0.5)


def test_cells_weigh_by_how_probable_each_was_to_be_drawn() -> None:
    study(flagged=10, unflagged=90)
    ada = person("ada", "rater")
    made = campaign(ada, design="stratified", size=20)
    drawn = {row.verdict: row.drawn for row in made.waves.get().strata.all()}
    items = made.items.select_related("stratum").order_by("serve_order", "pk")
    label_all(made, {ada: [item.stratum is not None and item.stratum.verdict == "flagged" for item in items]})

    cells = calibrate(basis()).figures["confusion"]["cells"]

    assert {name: (cell["n"], round(cell["weight"], 6)) for name, cell in cells.items()} == {
        "tp": (drawn["flagged"], 10.0),
        "fp": (0, 0.0),
        "fn": (0, 0.0),
        "tn": (drawn["unflagged"], 90.0),
    }


def test_an_unsure_panel_is_missing_not_negative() -> None:
    labelled(flagged=[True, None], unflagged=[False])

    confusion = calibrate(basis()).figures["confusion"]

    assert {name: cell["n"] for name, cell in confusion["cells"].items()} == {"tp": 1, "fp": 0, "fn": 0, "tn": 1}
    assert confusion["without_resolution"] == 1


def test_raters_who_all_agree_on_everything_have_no_alpha() -> None:
    labelled(flagged=[False], unflagged=[False, False])

    made = calibrate(basis())

    agreement = made.figures["agreement"]
    assert (agreement["percent"]["value"], agreement["alpha"]["value"]) == (1.0, None)
    words = findings(made, "harmful")
    assert words.agreement[1].value == "undefined: no variation"
    assert words.quality[0].value == "undefined: no transcript resolved positive"
    assert words.panel.startswith("The panel's own errors are not known: ")


def test_findings_are_put_into_words() -> None:
    labelled(flagged=[True, True, True, False], unflagged=[False] * 6)

    words = findings(calibrate(basis()), "harmful")

    sensitivity = words.quality[0]
    assert (sensitivity.name, sensitivity.question, sensitivity.value, sensitivity.between, sensitivity.basis) == (
        "Sensitivity",
        "Of what people call harmful, how much does the classifier flag?",
        "100 %",
        "between 44 % and 100 %",
        "3 transcripts",
    )
    assert (words.squares["tn"].n, words.squares["tn"].share, words.compared) == (6, "60.0 %", 10)


def test_a_calibration_is_dated_immutable_and_knows_its_labels() -> None:
    made = labelled(flagged=[True], unflagged=[False])

    calibration = calibrate(basis(), person("rita", "researcher"))

    harm = made.items.filter(resolutions__outcome__key="harm").values_list("resolutions", flat=True)
    current = [pk for pk in harm if pk in calibration.resolution_ids]
    assert sorted(current) == calibration.resolution_ids
    with (
        pytest.raises(IntegrityError, match="stays as it is"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE labeling_calibration SET code_version = 'other'")


def test_without_labels_there_is_nothing_to_compare() -> None:
    study(flagged=1)

    with pytest.raises(NothingToCompare, match="No campaign"):
        calibrate(basis())
    campaign(size=1)
    with pytest.raises(NothingToCompare, match="resolved"):
        calibrate(basis())


def test_the_command_calibrates_and_says_so() -> None:
    labelled(flagged=[True], unflagged=[False])
    said = StringIO()

    call_command("recalibrate", "--classifier", "framework-harm", stdout=said)

    assert said.getvalue() == "framework-harm on harm in Study: calibrated with 2 resolutions.\n"
    assert Calibration.objects.count() == 1


def test_the_command_fails_where_nothing_can_be_calibrated() -> None:
    study(flagged=1)
    said = StringIO()

    with pytest.raises(CommandError):
        call_command("recalibrate", stdout=said)
    assert said.getvalue().startswith("framework-harm on harm in Study: not calibrated. No campaign")


def test_raters_who_see_the_verdict_calibrate_nothing() -> None:
    study(flagged=1, unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada)
    made.hides = ["others", "model", "condition"]
    made.save()
    draw_wave(made, 2)
    label_all(made, {ada: [True, False]})
    words = "Raters of Campaign see the verdict: their answers cannot tell how right it is."

    assert basis().campaign is None
    for one in (basis(), replace(basis(), campaign=made)):
        with pytest.raises(NothingToCompare, match=words):
            calibrate(one)
    page = client_of(person("rita", "researcher")).get(f"/campaigns/{made.pk}/").content.decode()
    assert "they calibrate no classifier and enter no rate" in page


@pytest.mark.parametrize(
    ("share", "told"),
    [(1.0, "3 transcripts with three raters, 100 needed"), (0.0, "0 transcripts with three raters, 100 needed")],
)
def test_the_panels_error_rests_on_what_always_gets_three(share: float, told: str) -> None:
    """Of two and a third on disagreement, the items with a third for a reason are the disputed ones."""
    study(flagged=1, unflagged=2)
    raters = [person(name, "rater") for name in ("ada", "ben", "cleo")]
    made = campaign(*raters, raters_per_item=2)
    made.third_on_disagreement, made.triple_share = True, share
    made.save()
    draw_wave(made, 3)
    for rater, said in zip(raters, (True, False, True), strict=True):
        while slot := take_next(made, rater):
            give(slot, said)

    assert Label.objects.count() == 9
    assert calibrate(basis()).figures["noise_reason"] == told


def uneven() -> Campaign:
    """A census of two models: of 12 the judge finds all on one, and 2 on the other. Scores, days, another version."""
    said = {"good": [True] * 12 + [False] * 12, "bad": [True] * 2 + [False] * 22}
    samples = []
    for model, finals in said.items():
        for number, final in enumerate(finals):
            day = datetime(2025, 6, 1 + number % 2, tzinfo=UTC)
            score = 0.9 - number / 100 if number < 12 else 0.3 - number / 100
            mine = Said("framework-harm", "grader-1", "harm", final, final, score=score, recorded_at=day)
            older = Said("framework-harm", "grader-0", "harm", final or number == 20, None)
            samples.append(sample(f"{model} {number}", model=model, verdicts=(mine, older)))
    ingest(*samples)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=48, raters_per_item=2)
    truth = {pk: int(key.split()[1]) < 12 for pk, key in made.items.values_list("pk", "transcript__sample_key")}
    answers = [truth[item.pk] for item in made.items.order_by("serve_order", "pk")]
    label_all(made, {ada: answers, ben: answers})
    return made


def of_grader_1() -> Basis:
    return replace(basis(), version=ClassifierVersion.objects.get(version="grader-1"))


def test_each_group_is_a_calibration_of_its_own_and_they_are_compared() -> None:
    uneven()

    whole = calibrate(of_grader_1())

    narrower = {one.figures["name"]: one for one in Calibration.objects.exclude(scope={}).order_by("pk")}
    assert {name: one.scope for name, one in narrower.items()} == {"good": {"model": "good"}, "bad": {"model": "bad"}}
    cells = {name: one.figures["confusion"]["cells"] for name, one in narrower.items()}
    assert {name: [cells[name][key]["n"] for key in ("tp", "fp", "fn", "tn")] for name in cells} == {
        "good": [12, 0, 0, 12],
        "bad": [2, 0, 10, 12],
    }
    assert sorted(pk for one in narrower.values() for pk in one.resolution_ids) == whole.resolution_ids
    assert {one.figures["part_of"] for one in narrower.values()} == {whole.pk}
    assert of_grader_1().calibration == whole
    whole.refresh_from_db()
    test = whole.figures["pooling"]["model"]["sensitivity"]
    assert (test["lowest"], test["highest"], test["p_value"] < 0.01) == (["bad", 2 / 12], ["good", 1.0], True)
    by_model, by_day = details.groups(whole, narrower.values())
    assert by_model.verdict == (
        "One correction for all models would be wrong: sensitivity is 17 % on bad and 100 % on good."
    )
    assert [line.name for line in by_model.lines] == ["bad", "good"]
    assert [line.name for line in by_day.lines] == ["2025-06-01", "2025-06-02"]
    assert by_day.verdict == (
        "Nothing here says that the classifier errs otherwise on some days than on others. "
        "With so few labels for each, not much could be seen."
    )


def test_scores_are_ranked_and_a_threshold_is_judged_where_it_was_not_chosen() -> None:
    uneven()

    found = calibrate(of_grader_1()).figures["score"]

    assert (found["ranking"]["auc"], found["ranking"]["limits"]) == (1.0, None)
    assert (found["ranking"]["n_positive"], found["ranking"]["n_negative"]) == (24, 24)
    threshold = found["threshold"]
    assert threshold["n_chosen_on"] + threshold["n_reported_on"] == 48
    assert 0.17 < threshold["threshold"] <= 0.9
    assert found["reliability"]["n"] == 48


def test_without_scores_nothing_is_said_of_them() -> None:
    labelled(flagged=[True], unflagged=[False])

    assert calibrate(basis()).figures["score"] is None


def test_the_ceiling_is_of_the_same_transcripts_and_one_rater_has_none() -> None:
    study(flagged=2, unflagged=3, unjudged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=6)
    label_all(made, {ada: [True, False, False, True, False, False]})

    figures = calibrate(basis()).figures

    alone = "undefined: no transcript has two ratings"
    assert {name: (one["value"], one["reason"]) for name, one in figures["agreement"].items()} == dict.fromkeys(
        ("percent", "alpha", "ac1"), (None, alone)
    )
    assert (figures["ceiling"]["n_items"], figures["ceiling"]["judge"]["percent"]["value"]) == (0, None)
    assert (figures["noise"], figures["repeat"]["percent"]["reason"]) == (None, alone)


def test_the_classifier_is_compared_with_each_rater_where_two_have_answered() -> None:
    labelled(flagged=[True, True, False], unflagged=[False, True], unjudged=2)

    found = calibrate(basis()).figures["ceiling"]

    assert (found["n_items"], found["people"]["percent"]["value"], found["judge"]["percent"]["value"]) == (5, 1.0, 0.6)
    assert [(one["n"], one["share"], one["judge_share"]) for one in found["in_place"]] == [(5, 1.0, 0.6)] * 2


def test_a_rater_who_was_asked_twice_is_compared_with_themselves() -> None:
    study(flagged=1, unflagged=1)
    ada = person("ada", "rater")
    made = campaign(ada, size=2)
    items = label_all(made, {ada: [True, False]})
    for item, again in zip(items, (True, True), strict=True):
        give(Assignment.objects.create(item=item, slot=2, rater=ada, purpose="repeat"), again)

    found = calibrate(basis()).figures["repeat"]

    assert (found["percent"]["value"], found["percent"]["n_items"]) == (0.5, 2)


def test_versions_are_compared_on_the_same_transcripts() -> None:
    uneven()

    (found,) = calibrate(of_grader_1()).figures["drift"]

    assert found["earlier"] == "framework harm grader-0"
    assert found["verdicts"] == {"both": 14, "first_only": 2, "second_only": 0, "neither": 32}
    assert found["right"] == {"both": 36, "first_only": 0, "second_only": 2, "neither": 10}
    assert (found["p"], found["difference"]) == (0.5, pytest.approx(-2 / 48))


def test_an_answer_that_changed_is_drift() -> None:
    labelled(flagged=[True] * 3, unflagged=[False] * 3)
    ingest(*(sample(str(number), verdicts=(verdict(False),)) for number in range(1, 4)))

    (found,) = calibrate(basis()).figures["drift"]

    assert found["earlier"] == "its own earlier answers"
    assert found["verdicts"] == {"both": 0, "first_only": 3, "second_only": 0, "neither": 0}
    words = details.drift(Calibration.objects.latest("pk"))
    assert words[0].words.startswith("of 3 transcripts judged both times 100.0 % were flagged then and 0.0 % now")
