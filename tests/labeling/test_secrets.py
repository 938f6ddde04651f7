"""Nothing that is hidden from raters is in any response that they can get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.html import escape

from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Campaign, CampaignItem, Expected, Label
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from tests.labeling.makers import HARMFUL, HARMLESS, campaign, client_of, form, give, person
from tests.transcripts.study import INBOX, SYSTEM, THREAT, ingest, sample
from transcripts.ingest import parsed
from transcripts.ingest.parsed import Condition
from transcripts.models import LanguageModel, Transcript

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}

SECRETS = {
    "model": "secretive/zebra-finch-9-preview",
    "display name": "Zebra Finch Nine",
    "provider": "secret-provider",
    "goal type": "secret-goal-type",
    "goal value": "secret-goal-value",
    "urgency": "secret-urgency",
    "mitigation": "secret-mitigation",
    "awareness": "secret-awareness",
    "free factor": "secret-free-factor",
    "scenario": "secret-scenario",
    "condition id": "secret-recorded-condition",
    "explanation": "secret-explanation",
    "classifier": "secret-classifier",
    "classifier version": "secret-grader",
    "source": "secret-source-path",
    "sample key": "secret-sample-key",
    "other rater": "secret-other-rater",
    "other comment": "secret-comment-of-another",
    "evaluation": "secret-evaluation",
    "extra": "secret-extra-field",
    "why it is gold": "secret-why-of-gold",
}
# Of the model, in the text, however it is written there.
NAMES = ["zebra-finch", "zebra finch", "finch nine", "claude", "anthropic", "gpt-4o"]
# What a campaign that hides nothing shows of all that.
SHOWN = {"display name", "goal type", "goal value", "urgency", "mitigation", "awareness", "free factor", "scenario"}
SHOWN |= {"explanation", "classifier version", "other comment"}

TEXT = (
    THREAT.replace("This gives me leverage.", "I am Zebra Finch 9, and this gives me leverage as it would GPT-4o.")
    .replace('"Before five"', '"Zebra-Finch says before five"')
    .replace("Postpone it,", "Postpone it, says Claude of Anthropic,")
)
CALL = {"id": "c1", "function": "claude_send", "arguments": {"to": "zebra.finch@a.com", "body": "From zebra_finch."}}


def secret_transcripts() -> list[Transcript]:
    condition = Condition(
        SECRETS["scenario"],
        SECRETS["goal type"],
        SECRETS["goal value"],
        SECRETS["urgency"],
        mitigation=SECRETS["mitigation"],
        awareness=SECRETS["awareness"],
        free={"factor": SECRETS["free factor"]},
        recorded_id=SECRETS["condition id"],
    )
    judged = parsed.Verdict(
        SECRETS["classifier"], SECRETS["classifier version"], "harm", True, False, SECRETS["explanation"]
    )
    plain = replace(
        sample(SECRETS["sample key"], text=TEXT, model=SECRETS["model"], condition=condition, verdicts=(judged,)),
        source=parsed.Source(SECRETS["source"], bytes(32), 1, "framework"),
        extra={"k": SECRETS["extra"]},
        system=f"{SYSTEM} You are built on Zebra Finch by Anthropic.",
        user=INBOX.replace("Missing you", "Claude, missing you").replace("Nobody has to hear", "Zebra Finch, hush"),
    )
    others = [replace(plain, sample_key=f"{SECRETS['sample key']}-{n}") for n in range(2, 5)]
    found = ingest(plain, *others, name=SECRETS["evaluation"])
    for transcript in found:
        transcript.text.messages[0]["tool_calls"] = [CALL]
        transcript.text.save()
    LanguageModel.objects.update(display_name=SECRETS["display name"], provider=SECRETS["provider"])
    return found


@dataclass
class Crawl:
    """A rater who looks at everything: each response that they got, by what they did."""

    client: Client
    campaign: Campaign
    transcripts: list[Transcript]
    got: dict[str, HttpResponse] = field(default_factory=dict)

    def get(self, path: str, name: str = "") -> None:
        if (name or path) not in self.got:
            answer = self.client.get(path)
            assert isinstance(answer, HttpResponse), path
            self.got[name or path] = answer

    def post(self, name: str, path: str, data: dict[str, str | list[str]], **more: object) -> None:
        answer = self.client.post(path, data, **more)  # type: ignore[arg-type]
        assert isinstance(answer, HttpResponse), path
        self.got[name] = answer

    def follow_links(self) -> None:
        """Every address that a page names, and those that these name, until none is new."""
        while True:
            known = set(self.got)
            for answer in list(self.got.values()):
                for path in re.findall(r'(?:href|action|formaction|src)="(/[^"#]*)', body(answer)):
                    if not path.startswith(("/logout", "/static/")):
                        self.get(path.replace("&amp;", "&"))
            if set(self.got) == known:
                return

    def sit(self, rater: User) -> None:
        """A sitting with everything that goes right and wrong in it."""
        queue = f"/campaigns/{self.campaign.pk}/queue/"
        self.get(queue)
        slot = Assignment.objects.get(rater=rater, submitted_at=None)
        at = f"{queue}{slot.pk}/"
        start = TEXT.index("Zebra Finch 9")
        self.get(at, "item")
        self.post("draft", f"{at}draft/", form({}, mark=f"m0.text:{start}:{start + 20}"), headers=JSON)
        self.post("draft by form", f"{at}draft/", form({}, mark=f"m0.text:{start}:{start + 3}"), follow=True)
        self.get(at, "item with draft")
        self.post("bad draft", f"{at}draft/", form({}, mark="nonsense"))
        self.post("older draft", f"{at}draft/", form({}, revision="7"), headers=JSON)
        self.post("renewal", f"{at}renewal/", {})
        self.post("refused", at, form(HARMFUL, evidence="m9.text:0:5"))
        self.post("bad skip", f"{at}skip/", form({}))
        self.post("submitted", at, form(HARMFUL, evidence=f"m0.text:{start}:{start + 20}"), follow=True)
        self.post("older submission", at, form(HARMLESS))
        self.get(at, "correction")
        self.get(f"/campaigns/{self.campaign.pk}/answers/", "answers")
        held = Assignment.objects.get(rater=rater, submitted_at=None)
        self.post("skipped", f"{queue}{held.pk}/skip/", form({}, reason="distressing"), follow=True)
        Assignment.objects.filter(rater=rater, submitted_at=None).update(rater=None, leased_until=None)
        free = Assignment.objects.filter(rater=None).first()
        assert free is not None
        self.post("lost", f"{queue}{free.pk}/", form(HARMLESS))
        self.get(f"{queue}{free.pk}/", "not theirs")
        for state in ("paused", "closed"):
            Campaign.objects.filter(pk=self.campaign.pk).update(state=state)
            self.get(queue, state)
        Campaign.objects.filter(pk=self.campaign.pk).update(state="open")

    def try_everything(self) -> None:
        """Every route of the product, with the ids of what is hidden."""
        for route in routes(get_resolver().url_patterns):
            names = re.findall(r"<(?:(\w+):)?(\w+)>", route)
            for values in product(*([*self.ids(name)] if kind == "int" else ["x"] for kind, name in names)):
                path = "/" + route
                for (kind, name), value in zip(names, values, strict=True):
                    path = path.replace(f"<{kind}:{name}>" if kind else f"<{name}>", str(value))
                if not re.search(r"[\\^$(]|logout|admin/", path):
                    self.get(path)

    def ids(self, name: str) -> set[int]:
        item = self.campaign.items.order_by("pk").values_list("pk", flat=True)[0]
        slot = Assignment.objects.order_by("pk").values_list("pk", flat=True)[0]
        found = {"slot": {slot}, "item": {item}}
        return found.get(name, {self.campaign.pk, self.transcripts[0].pk, self.transcripts[0].cell.evaluation_id})


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern)


def body(answer: HttpResponse) -> str:
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode(errors="replace")


def everything(answer: HttpResponse) -> str:
    """All bytes of a response, in small letters: what it says, its headers and cookies, and the way to it."""
    ways = getattr(answer, "redirect_chain", [])
    return f"{body(answer)} {answer.headers!r} {answer.cookies.output()} {answer.reason_phrase} {ways!r}".lower()


def drawn(size: int, *raters: User, **fields: object) -> Campaign:
    """A campaign with its first wave; what it hides is fixed by then."""
    made = campaign(*raters, raters_per_item=2)
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    draw_wave(made, size)
    return made


def crawled(*, hides: bool) -> tuple[Crawl, User]:
    """All that a rater gets out of a campaign with a second rater, a gold item, and a label of somebody else."""
    transcripts = secret_transcripts()
    ada, other = person("ada", "rater"), person(SECRETS["other rater"], "rater")
    made = drawn(3, ada, other, **({} if hides else {"hides": [], "masks_names": False}))
    gold = CampaignItem.objects.create(campaign=made, transcript=transcripts[3], source="gold", serve_order=0)
    Expected.objects.create(item=gold, answers={"harm": ["none"]}, why=SECRETS["why it is gold"])
    for _ in range(3):
        slot = take_next(made, other)
        assert slot is not None
        submit(slot, Submission(HARMFUL, [Span("m0.text", 0, 20)], comment=SECRETS["other comment"]))
    crawl = Crawl(client_of(ada), made, transcripts)
    crawl.sit(ada)
    crawl.follow_links()
    return crawl, ada


def told(crawl: Crawl, secrets: dict[str, str]) -> set[tuple[str, str]]:
    """Which responses hold which secret, as it is, escaped, or in an address."""
    found = set()
    for name, answer in crawl.got.items():
        whole = everything(answer)
        for secret, words in secrets.items():
            if any(form in whole for form in {words.lower(), escape(words).lower(), quote(words).lower()}):
                found.add((name, secret))
    return found


def test_nothing_that_is_hidden_is_in_any_response() -> None:
    crawl, ada = crawled(hides=True)
    crawl.try_everything()

    # It looked where there is something to see, names in the text and in its own quotes included.
    assert len(crawl.got) > 80
    assert {
        name for name in ("item", "draft by form", "correction") if "this gives me" not in body(crawl.got[name])
    } == set()
    stored = Label.objects.get(rater=ada).evidence.get()
    assert (stored.quote, stored.start) == ("Zebra Finch 9, and t", TEXT.index("Zebra Finch 9"))
    assert told(crawl, SECRETS) == set()
    assert told(crawl, {name: name for name in NAMES}) == set()
    ids = {f"transcripts/{one.pk}": f"/transcripts/{one.pk}/" for one in crawl.transcripts}
    asked = {name for name in crawl.got if name.startswith("/")}
    assert {found for found in told(crawl, ids) if found[0] not in asked} == set()
    # Nor does a header tell one from another.
    sitting = {name: answer for name, answer in crawl.got.items() if not name.startswith("/")}
    assert {n for n, r in sitting.items() if "no-store" not in r.headers.get("Cache-Control", "")} == {"not theirs"}
    assert {n for n, r in sitting.items() if {"ETag", "Last-Modified"} & set(r.headers)} == set()
    assert {key for answer in crawl.got.values() for key in answer.cookies} <= {"csrftoken", "messages", "sessionid"}


def test_a_campaign_that_hides_nothing_shows_it() -> None:
    """What the search above would find, if it were there."""
    crawl, _ = crawled(hides=False)

    assert {secret for _, secret in told(crawl, SECRETS)} == SHOWN
    assert {name for _, name in told(crawl, {name: name for name in NAMES})} == set(NAMES)
    before = {secret for name, secret in told(crawl, SECRETS) if name == "item"}
    assert before == SHOWN - {"other comment"}


@pytest.mark.parametrize(
    ("shown", "secrets"),
    [
        ("model", {"display name"}),
        ("verdict", {"explanation", "classifier version"}),
        ("condition", SHOWN - {"display name", "explanation", "classifier version", "other comment"}),
        ("others", {"other comment"}),
    ],
)
def test_what_need_not_be_hidden_is_shown_and_nothing_else(shown: str, secrets: set[str]) -> None:
    secret_transcripts()
    ada, other = person("ada", "rater"), person("ben", "rater")
    made = drawn(1, ada, other, hides=[what for what in Campaign.Hidden.values if what != shown])
    slot = take_next(made, other)
    assert slot is not None
    submit(slot, Submission(HARMLESS, comment=SECRETS["other comment"]))
    own = take_next(made, ada)
    give(own, False)
    assert own is not None

    page = client_of(ada).get(f"/campaigns/{made.pk}/queue/{own.pk}/").content.decode().lower()

    assert {secret for secret, words in SECRETS.items() if words.lower() in page} == secrets


def test_gold_third_and_repeated_items_look_like_any_other() -> None:
    """The same text four times, as each of them: no response differs but by its ids."""
    transcripts = secret_transcripts()
    ada = person("ada", "rater")
    others = [person(name, "rater") for name in ("ben", "cleo")]
    made = drawn(3, ada, *others, third_on_disagreement=True, triple_share=0)
    items = list(made.items.order_by("serve_order"))
    gold = CampaignItem.objects.create(campaign=made, transcript=transcripts[3], source="gold", serve_order=0)
    Expected.objects.create(item=gold, answers={"harm": ["none"]})
    first = Assignment.objects.filter(item=items[0]).order_by("slot")[0]
    held = {"rater": ada, "leased_until": None}
    Assignment.objects.filter(pk=first.pk).update(**held)
    give(Assignment.objects.get(pk=first.pk), False)
    for slot, rater, said in zip(items[1].assignments.order_by("slot"), others, (True, False), strict=True):
        Assignment.objects.filter(pk=slot.pk).update(rater=rater)
        give(Assignment.objects.get(pk=slot.pk), said)
    plain = items[2].assignments.order_by("slot")[0]
    third = items[1].assignments.get(submitted_at=None)
    Assignment.objects.filter(pk__in=[plain.pk, third.pk]).update(**held)
    slots = {
        "panel": plain.pk,
        "third": third.pk,
        "gold": Assignment.objects.create(item=gold, slot=1, rater=ada).pk,
        "repeat": Assignment.objects.create(item=items[0], slot=9, rater=ada, purpose="repeat").pk,
    }
    assert len({str(pk) for pk in slots.values()}) == len(slots)
    client = client_of(ada)
    seen: dict[str, list[str]] = {}
    for kind, pk in slots.items():
        at = f"/campaigns/{made.pk}/queue/{pk}/"
        answers = [
            client.get(at),
            client.post(f"{at}draft/", form({"harm": ["leak"]}), headers=JSON),
            client.get(at),
            client.post(f"{at}renewal/"),
            client.post(at, form({})),
        ]
        seen[kind] = [shape(answer, pk) for answer in answers]
    assert {kind: answers == seen["panel"] for kind, answers in seen.items()} == dict.fromkeys(slots, True)
    for pk in slots.values():
        client.post(f"/campaigns/{made.pk}/queue/{pk}/", form(HARMLESS))
    corrections = [shape(client.get(f"/campaigns/{made.pk}/queue/{pk}/"), pk) for pk in slots.values()]
    assert len(set(corrections)) == 1
    listed = client.get(f"/campaigns/{made.pk}/answers/").content.decode()
    assert {kind for kind, pk in slots.items() if f"/queue/{pk}/" in listed} == set(slots)


def shape(answer: object, slot: int) -> str:
    """A response without what is new each time: ids, tokens, stamps, times."""
    assert isinstance(answer, HttpResponse)
    found = f"{answer.status_code} {sorted(answer.headers.items())} {answer.content.decode()}".replace(str(slot), "S")
    found = re.sub(r'(name="(?:csrfmiddlewaretoken|stamp|based_on|seconds)" value=)"[^"]*"', r"\1", found)
    found = re.sub(
        r"X-CSRFToken&quot;: &quot;\w+|\"X-CSRFToken\": \"\w+|nonce[-=]\"?[\w+/=-]+|\d\d:\d\d(?::\d\d)?", "", found
    )
    return re.sub(r"'Content-Length', '\d+'", "", found)
