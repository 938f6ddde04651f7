from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import plotly.offline
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reports.charts import CHARTS, rates, theme
from reports.rows import Row
from transcripts.downloads.downloads import CANARY

from .makers import UNLABELLED, WELL_LABELLED, Counts, Found, condition, study, user

HOSTILE = "<script>alert(1)</script>"


def figure_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="figure" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    figure: dict[str, Any] = json.loads(found[1])
    return figure


def table_of(client: Client, address: str) -> list[list[str]]:
    """The rows of the CSV, without head and caption."""
    lines = csv.reader(io.StringIO(client.get(address).content.decode()))
    return [line for line in lines if not line[0].startswith("#")][1:]


@pytest.fixture
def reader(client: Client, db: None) -> Client:
    client.force_login(user("viewer", "viewer"))
    return client


def row(**changes: Any) -> Row:
    plain = Row(names=("m", "blackmail"), tier="A", words="20 % [11, 32]", reason="", value=0.2, low=0.11)
    return Row(**{**plain.__dict__, "high": 0.32, "raw": 0.25, "colour": "blackmail", **changes})


def test_a_corrected_rate_with_everything_that_stands_behind_it(reader: Client) -> None:
    study({("m", condition()): WELL_LABELLED})

    (line,) = table_of(reader, "/charts/rates/?format=csv")

    # .2 × 16/20 + .8 × 2/40; the limits by Wilson and MOVER, see docs/statistics.md.
    assert line == [
        "m", "blackmail · control", "", "0.200000", "0.121504", "0.311789", "0.200000", "20 % [12, 31]",
        "corrected", "corrected with 60 labels of this group", "", "what a panel of raters would call it",
        "100", "60", "1", "0", "0", "1", "rate", "", "", "",
    ]  # fmt: skip


def test_every_tier_is_named_and_zero_and_nothing_are_told_apart(reader: Client) -> None:
    study(
        {
            ("m", condition("a")): WELL_LABELLED,
            ("m", condition("b")): UNLABELLED,
            ("m", condition("c")): Counts(unjudged=Found(40, 40, 10)),
            ("m", condition("d")): Counts(failed=3, planned=5),
            ("m", condition("e")): Counts(Found(10, 10, 0), Found(90, 50, 0)),
        }
    )

    lines = table_of(reader, "/charts/rates/?format=csv")

    assert [(line[1], line[7], line[8], line[15], line[16]) for line in lines] == [
        ("a · control", "20 % [12, 31]", "corrected", "0", "0"),
        ("b · control", "30 % [22, 40]", "raw, not calibrated", "0", "0"),
        ("c · control", "25 % [14, 40]", "human labels", "0", "0"),
        ("d · control", "no data", "no data", "3", "2"),
        ("e · control", "below 7.0 %", "corrected", "0", "0"),
    ]


def test_what_was_not_run_is_a_gap_and_not_a_zero(reader: Client) -> None:
    study({("m", condition("a")): UNLABELLED, ("n", condition("b")): UNLABELLED})

    lines = table_of(reader, "/charts/rates/?format=csv")

    assert [(line[0], line[1], line[3], line[9]) for line in lines] == [
        ("m", "a · control", "0.300000", "not calibrated: 0 labels, 30 needed; no calibration group"),
        ("m", "b · control", "", "this model was not run in this condition"),
        ("n", "a · control", "", "this model was not run in this condition"),
        ("n", "b · control", "0.300000", "not calibrated: 0 labels, 30 needed; no calibration group"),
    ]


def test_each_mark_leads_to_its_transcripts(reader: Client) -> None:
    evaluation = study({("m/1", condition(goal_type="explicit", mitigation="dont")): UNLABELLED})

    html = reader.get("/charts/rates/?scenario=blackmail").content.decode()

    assert re.findall(r'class="to-transcripts" href="([^"]*)"', html) == [
        f"/transcripts/?evaluation={evaluation.pk}&amp;model=m%2F1&amp;scenario=blackmail&amp;goal_type=explicit"
        "&amp;goal_value=none&amp;urgency=none&amp;prod=no&amp;mitigation=dont&amp;awareness=none"
        "&amp;status=complete&amp;status=truncated"
    ]


def test_the_figure_draws_an_interval_a_mark_and_a_tick_for_each_row() -> None:
    drawn = json.loads(rates.figure([row(), row(tier="C", raw=0.2, colour="leaking")]).to_json())

    shown = [(trace["mode"], trace["x"], trace["y"]) for trace in drawn["data"] if trace["x"] != [None]]
    assert shown == [
        ("markers", [0.25], [1.0]),
        ("lines", [0.11, 0.32, None], [1.0, 1.0, None]),
        ("markers", [0.2], [1.0]),
        ("lines", [0.11, 0.32, None], [2.0, 2.0, None]),
        ("markers", [0.2], [2.0]),
        ("text", [1.0, 1.0], [1.0, 2.0]),
    ]


def test_tiers_differ_by_symbol_and_line_and_not_only_by_colour() -> None:
    fig = rates.figure([row(tier=tier) for tier in "ABCH"])
    entries = [trace for trace in fig.data if trace.x == (None,)]

    assert [(entry.name, entry.marker.symbol, entry.line.dash) for entry in entries] == [
        ("corrected", "circle", "solid"),
        ("modelled", "diamond-open", "dot"),
        ("raw, not calibrated", "circle-open", "solid"),
        ("human labels", "square", "solid"),
        ("raw: what the classifier says", "line-ns", None),
    ]


def test_a_row_without_data_has_no_mark() -> None:
    fig = rates.figure([row(tier="-", value=None, low=None, high=None, raw=None, words="no data")])

    assert [(trace.mode, trace.text) for trace in fig.data] == [("text", ()), ("text", ("no data",))]


@pytest.mark.parametrize("slug", CHARTS)
def test_figures_hold_plain_lists(slug: str) -> None:
    assert "bdata" not in CHARTS[slug].figure([row(), row(names=("n", "leaking"))]).to_json()


def test_labels_cannot_carry_markup_into_the_drawing() -> None:
    assert theme.label("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert theme.wrapped("<i>a-very-long/name") == "&lt;i&gt;a-very-<br>long/name"


def test_a_hostile_model_name_is_text_everywhere(reader: Client) -> None:
    study({(HOSTILE, condition()): UNLABELLED})

    html = reader.get("/charts/rates/").content.decode()

    assert html.count(HOSTILE) == 0
    assert figure_of(html)["layout"]["yaxis"]["ticktext"] == [
        "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>",
        "blackmail · control",
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_that_would_be_a_formula_is_text_in_a_spreadsheet(reader: Client, name: str) -> None:
    study({(name, condition()): UNLABELLED})

    (line,) = table_of(reader, "/charts/rates/?format=csv")

    assert line[0] == f"'{name}"


def test_the_download_carries_its_caption_and_the_canary(reader: Client) -> None:
    study({("m", condition()): WELL_LABELLED}, name="Mine")

    response = reader.get("/charts/rates/?format=csv")

    assert response["Content-Disposition"] == 'attachment; filename="rates-by-model-and-condition-mine.csv"'
    assert response.content.decode().splitlines()[-1].strip('"') == f"# {CANARY}"
    assert response.content.decode().count("\n# ") + response.content.decode().count('\n"# ') == 6


def test_the_number_of_queries_does_not_grow(reader: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    one = study({("m", condition("s0")): WELL_LABELLED}, name="One")
    three = study({("m", condition(f"s{i}")): WELL_LABELLED for i in range(3)}, name="Three")

    for evaluation in (one, three):
        with django_assert_num_queries(26):
            reader.get(f"/charts/rates/?evaluation={evaluation.pk}")


def test_only_inline_styles_are_allowed_beyond_the_policy(reader: Client) -> None:
    study({("m", condition()): UNLABELLED})

    relaxed = reader.get("/charts/rates/")["Content-Security-Policy"]
    strict = reader.get("/leaderboard/")["Content-Security-Policy"]

    assert relaxed.replace("style-src 'self' 'unsafe-inline'", "style-src 'self'") == strict


def test_the_vendored_script_is_of_the_version_that_figures_are_written_for() -> None:
    assert f"vendor/plotly-cartesian-{plotly.offline.get_plotlyjs_version()}.min.js" == theme.SCRIPT


def test_the_index_names_every_chart(reader: Client) -> None:
    html = reader.get("/charts/").content.decode()

    named = [f"/charts/{slug}/" for slug in CHARTS]
    assert re.findall(r'<h2><a href="([^"]*)">', html) == [*named, "/leaderboard/"]


def test_an_unknown_chart_is_not_there(reader: Client) -> None:
    assert reader.get("/charts/nonsense/").status_code == 404


def test_a_cell_of_failed_calls_only_takes_nothing_from_the_labels_of_the_others(reader: Client) -> None:
    study({("m", condition("a")): WELL_LABELLED, ("m", condition("b")): Counts(failed=3, planned=5)})

    (line,) = table_of(reader, "/charts/rates/?format=csv&colour=none")

    assert line[6:8] == ["20 % [12, 31]", "corrected"]
