"""Classifiers: the list, the calibration page, and the transcripts behind its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import calibrate
from labeling.models import Calibration
from labeling.stats.paired import Paired
from tests.labeling.makers import campaign, client_of, label_all, person, study
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest import parsed
from transcripts.models import ClassifierVersion, Evaluation, Verdict

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def rita() -> User:
    return person("rita", "researcher")


def labelled() -> Evaluation:
    """3 flagged, of which people confirm 2; 5 unflagged, in one of which they find harm; one unjudged."""
    study(flagged=3, unflagged=5, unjudged=1)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=9, raters_per_item=2)
    final = dict(Verdict.objects.values_list("transcript", "final"))
    left: dict[bool | None, list[bool]] = {True: [True, True, False], False: [True] + [False] * 4, None: [False]}
    answers = [left[final.get(i.transcript_id)].pop() for i in made.items.order_by("serve_order", "pk")]
    label_all(made, {ada: answers, ben: answers})
    return Evaluation.objects.get()


def squares(page: str) -> dict[str, str]:
    return dict(re.findall(r'cell=(\w+)"><b>(\d+)</b>', page))


def test_the_list_counts_what_each_has_said(rita: User) -> None:
    ingest(
        sample("1", verdicts=(verdict(True),)),
        sample("2", verdicts=(verdict(False),)),
        sample("3", verdicts=(verdict(None, error="unparseable"),)),
    )

    lines = client_of(rita).get("/classifiers/").context["lines"]

    assert [(str(x.version), x.outcome, x.judged, x.flagged, x.failed, x.share, x.calibrations) for x in lines] == [
        ("framework harm grader-1", "harm", 2, 1, 1, 0.5, [])
    ]


def test_without_labels_the_page_says_so(rita: User) -> None:
    study(flagged=1, unflagged=3)

    page = client_of(rita).get("/classifiers/framework-harm/").content.decode()

    assert re.findall(r'<section class="card accent sentence"><p>([^;]+; [^;]+);', page) == [
        "The judge flagged 25 % of 4; not calibrated: 0 labels, 30 needed"
    ]
    assert re.findall(r"<h2>([^<]+)", page)[0] == "Not calibrated"
    assert page.count("No labels yet") == 1


def test_the_calibration_page_puts_the_numbers_into_words(rita: User) -> None:
    calibrate(Basis.of(labelled()), rita)

    page = client_of(rita).get("/classifiers/framework-harm/").content.decode()

    assert squares(page) == {"tp": "2", "fp": "1", "fn": "1", "tn": "4"}
    assert page.count("1 drawn transcript has no verdict") == 1
    rows = re.findall(r'<th scope="row" class="main">(Sensitivity|Specificity)<br>.*?<b>([^<]+)</b>', page, re.DOTALL)
    assert rows == [("Sensitivity", "67 %"), ("Specificity", "80 %")]


def test_every_cell_leads_to_its_transcripts(rita: User) -> None:
    calibrate(Basis.of(labelled()), rita)
    client = client_of(rita)
    page = client.get("/classifiers/framework-harm/").content.decode()
    links = dict(re.findall(r'href="([^"]+cell=(\w+))"', page))

    found = {cell: client.get(link.replace("&amp;", "&")).context["page"].rows for link, cell in links.items()}

    assert {cell: len(items) for cell, items in found.items()} == {
        "tp": 2,
        "fp": 1,
        "fn": 1,
        "tn": 4,
        "without_verdict": 1,
    }
    missed = found["fn"][0]
    assert missed.transcript.verdicts.get().final is False
    assert [row.value for row in missed.behind] == [True]


def test_gate_conflicts_are_counted_and_lead_to_the_list(rita: User) -> None:
    ingest(sample("1", verdicts=(verdict(True, False),)), sample("2", verdicts=(verdict(True),)))
    calibrate_after(rita)

    page = client_of(rita).get("/classifiers/framework-harm/").content.decode()

    assert re.findall(r'href="(/transcripts/[^"]+)">(\d+) verdict', page) == [
        (
            f"/transcripts/?evaluation={Evaluation.objects.get().pk}&amp;classifier=framework-harm&amp;outcome=harm"
            "&amp;gate_conflict=yes",
            "1",
        )
    ]
    listed = client_of(rita).get("/transcripts/?classifier=framework-harm&gate_conflict=yes")
    assert [row["sample_key"] for row in listed.context["rows"]] == ["1"]


def calibrate_after(rita: User) -> None:
    made = campaign(rita, size=2)
    label_all(made, {rita: [True, False]})
    calibrate(Basis.of(Evaluation.objects.get()), rita)


def test_recalibrating_adds_one_and_keeps_the_earlier(rita: User) -> None:
    evaluation = labelled()
    first = calibrate(Basis.of(evaluation), rita)
    client = client_of(rita)

    answer = client.post("/classifiers/framework-harm/recalibrate/", {"evaluation": evaluation.pk, "outcome": "harm"})

    assert answer["Location"] == f"/classifiers/framework-harm/?evaluation={evaluation.pk}&outcome=harm"
    assert Calibration.objects.count() == 2
    earlier = client.get(f"{answer['Location']}&calibration={first.pk}")
    assert earlier.context["calibration"] == first
    assert earlier.content.decode().count("This is an earlier calibration.") == 1


def test_where_nothing_can_be_compared_the_button_says_why(rita: User) -> None:
    study(flagged=1)

    page = client_of(rita).post("/classifiers/framework-harm/recalibrate/", follow=True)

    assert [str(message) for message in page.context["messages"]] == [
        "No campaign has drawn a sample of this evaluation."
    ]


def test_new_labels_since_the_calibration_are_announced(rita: User) -> None:
    study(unflagged=2)
    made = campaign(rita, size=1)
    label_all(made, {rita: [False]})
    calibrate(Basis.of(Evaluation.objects.get()), rita)
    client_of(rita).post(f"/campaigns/{made.pk}/wave/", {"size": 1})
    label_all_rest = made.items.count()
    label_all(made, {rita: [False] * label_all_rest})

    page = client_of(rita).get("/classifiers/framework-harm/")

    assert page.context["new_labels"] == 1


def test_one_page_per_evaluation(rita: User) -> None:
    study(flagged=1, name="One")
    study(flagged=1, unflagged=1, name="Two")
    client = client_of(rita)
    one = Evaluation.objects.get(name="One")

    assert client.get("/classifiers/framework-harm/").context["basis"].evaluation.name == "Two"
    assert client.get(f"/classifiers/framework-harm/?evaluation={one.pk}").context["basis"].evaluation == one


@pytest.mark.parametrize("query", ["?evaluation=999", "?calibration=999", "?evaluation=x"])
def test_what_is_not_there_is_not_found(rita: User, query: str) -> None:
    study(flagged=1)

    assert client_of(rita).get(f"/classifiers/framework-harm/{query}").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_as_often_for_many_as_for_one(
    rita: User, rows: int, django_assert_num_queries: Counting
) -> None:
    for number in range(rows):
        study(flagged=1, name=f"Study {number}")
        label_all(campaign(rita, size=1, name=f"Campaign {number}"), {rita: [True]})
        calibrate(Basis.of(Evaluation.objects.latest("pk")), rita)
    client = client_of(rita)

    with django_assert_num_queries(7):
        page = client.get("/classifiers/")

    assert [len(line.calibrations) for line in page.context["lines"]] == [rows]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_items_ask_the_database_as_often_for_many_as_for_one(
    rita: User, rows: int, django_assert_num_queries: Counting
) -> None:
    study(flagged=rows)
    label_all(campaign(rita, size=rows), {rita: [True] * rows})
    calibrate(Basis.of(Evaluation.objects.get()), rita)
    client = client_of(rita)

    with django_assert_num_queries(15):
        page = client.get("/classifiers/framework-harm/items/?cell=tp")

    assert len(page.context["page"].rows) == rows


def test_a_page_lists_its_own_versions_only(rita: User) -> None:
    other = parsed.Verdict("rules", "1", "harm", False, None)
    ingest(sample("1", verdicts=(verdict(True), other)))

    lines = client_of(rita).get("/classifiers/rules/").context["lines"]

    assert [(str(line.version), line.judged) for line in lines] == [("rules 1", 1)]


def two_models_and_three_judges() -> None:
    """grader-1 misses all harm of one model; grader-0 and another classifier differ from it on single transcripts."""
    samples = []
    for model in ("good", "bad"):
        for number in range(20):
            harm = number < 10
            final = harm and model == "good"
            samples.append(
                sample(
                    f"{model} {number}",
                    model=model,
                    verdicts=(
                        parsed.Verdict("framework-harm", "grader-1", "harm", final, None),
                        parsed.Verdict("framework-harm", "grader-0", "harm", final or number in (0, 19), None),
                        parsed.Verdict("keyword", "1", "harm", harm, None),
                    ),
                )
            )
    ingest(*samples)
    ada = person("ada", "rater")
    made = campaign(ada, size=40)
    keys = dict(made.items.values_list("pk", "transcript__sample_key"))
    items = made.items.order_by("serve_order", "pk")
    label_all(made, {ada: [int(keys[item.pk].split()[1]) < 10 for item in items]})


def of(classifier: str, version: str) -> Basis:
    basis = Basis.of(Evaluation.objects.get(), "harm", classifier)
    return replace(basis, version=ClassifierVersion.objects.get(classifier__slug=classifier, version=version))


def test_each_model_has_a_line_and_its_own_transcripts(rita: User) -> None:
    two_models_and_three_judges()
    whole = calibrate(of("framework-harm", "grader-1"), rita)
    client = client_of(rita)
    page = client.get(f"/classifiers/framework-harm/?version={whole.classifier_version_id}")

    (by_model,) = page.context["groups"]
    assert by_model.verdict == (
        "One correction for all models would be wrong: sensitivity is 0 % on bad and 100 % on good."
    )
    bad, good = by_model.lines
    assert [(line.name, line.n, line.sensitivity.value, line.specificity.value) for line in (bad, good)] == [
        ("bad", 20, "0 %", "100 %"),
        ("good", 20, "100 %", "100 %"),
    ]
    behind = client.get(f"/classifiers/framework-harm/items/?calibration={bad.calibration}&cell=fn")
    assert {item.transcript.cell.model.recorded_id for item in behind.context["page"].rows} == {"bad"}
    assert behind.context["count"] == 10
    assert (
        client.get(f"/classifiers/framework-harm/items/?calibration={bad.calibration}&cell=tn").context["count"] == 10
    )
    assert client.get(f"/classifiers/framework-harm/?calibration={bad.calibration}").status_code == 404


def test_the_confusion_is_drawn_as_areas(rita: User) -> None:
    calibrate(Basis.of(labelled()), rita)

    page = client_of(rita).get("/classifiers/framework-harm/")

    # 3 of 8 are harmful; of these 2 are flagged; of the others 1 of 5.
    assert [(a.key, a.x, a.y, a.width, a.height) for a in page.context["areas"]] == [
        ("tp", 0.0, 0.0, 37.5, pytest.approx(66.667)),
        ("fn", 0.0, pytest.approx(66.667), 37.5, pytest.approx(33.333)),
        ("fp", 37.5, 0.0, 62.5, 20.0),
        ("tn", 37.5, 20.0, 62.5, 80.0),
    ]
    assert page.content.decode().count("<rect class=") == 4


def test_two_versions_are_compared_on_the_same_transcripts(rita: User) -> None:
    two_models_and_three_judges()
    client = client_of(rita)
    mine = ClassifierVersion.objects.get(version="grader-1")

    page = client.get(f"/classifiers/framework-harm/compare/?version={mine.pk}&with=framework-harm")

    assert [str(one) for one in page.context["candidates"]] == ["framework harm grader-0", "keyword 1"]
    assert page.context["same"] == Paired(both=10, first_only=0, second_only=3, neither=27)
    assert page.context["right"] == Paired(both=28, first_only=2, second_only=1, neither=9)
    assert page.context["said"] == (
        "Of 40 transcripts that both have judged, framework harm grader-1 flagged 25.0 % and framework harm grader-0 "
        "32.5 %. That is a difference of +7.5 points [−0.7, +15.7]; they say different things of 3 "
        "(exact McNemar p = .250)."
    )
    flips = {v.transcript.sample_key: (v.final, v.other, v.people) for v in page.context["page"].rows}
    assert flips == {
        "bad 0": (False, True, True),
        "bad 19": (False, True, False),
        "good 19": (False, True, False),
    }
    links = re.findall(r'<th scope="row" class="main"><a href="/transcripts/(\d+)/"', page.content.decode())
    assert sorted(map(int, links)) == sorted(v.transcript_id for v in page.context["page"].rows)


def test_versions_of_two_classifiers_are_compared_as_well(rita: User) -> None:
    two_models_and_three_judges()
    mine = ClassifierVersion.objects.get(version="grader-1")
    address = f"/classifiers/framework-harm/compare/?version={mine.pk}&with=keyword"
    client = client_of(rita)

    page = client.get(address)

    assert page.context["same"] == Paired(both=10, first_only=0, second_only=10, neither=20)
    assert page.context["judged"] == (
        "Of 40 transcripts that people have agreed on, the first is right on 75.0 % and the second on 100.0 %: 10 "
        "where only the second is right, 0 where only the first is. That difference is more than chance "
        "(exact McNemar p = .002)."
    )
    assert [len(client.get(f"{address}&show={show}").context["page"].rows) for show in ("on", "off", "labelled")] == [
        10,
        0,
        10,
    ]


@pytest.mark.parametrize("query", ["?with=nobody", "?with_version=999", "?show=none", "?evaluation=999", "?with=a%00"])
def test_what_cannot_be_compared_is_not_found(rita: User, query: str) -> None:
    study(flagged=1)
    client = client_of(rita)

    assert client.get(f"/classifiers/framework-harm/compare/{query}").status_code == 404
    alone = client.get("/classifiers/framework-harm/compare/")
    assert alone.content.decode().count("No other version, and no other classifier, has judged this evaluation") == 1
