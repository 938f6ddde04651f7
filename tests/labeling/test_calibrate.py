"""A classifier against what people agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import NothingToCompare, calibrate
from labeling.calibration.findings import findings
from labeling.campaigns.draw import draw_wave
from labeling.models import Calibration, Campaign, Label
from labeling.queue.assign import take_next
from labeling.stats.intervals import wilson
from tests.labeling.makers import campaign, client_of, give, label_all, person, study
from transcripts.models import Evaluation, Verdict

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
