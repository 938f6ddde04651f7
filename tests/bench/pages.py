"""How long the pages take over loopback HTTP for one client, and what they weigh, at a million transcripts.

The web server runs as `./run` starts it. Every kind of page is asked for a few times before it counts. Search
looks through the texts of the newest evaluation, a tenth of the table: 100,000 where the table holds a million.
"""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle, islice
from random import Random
from urllib.parse import urlencode

from tests.bench.databases import Database, at_home
from tests.bench.measurement import Bench, Measurement, Options, say
from tests.bench.million import TABLE, filled
from tests.bench.web import Client, web

REQUESTS = 200
WARMING = 10
LIST = "/transcripts/"
FILTERS = (
    "verdict=harmful",
    "status=error",
    "scenario=leaking",
    "model=bench/heron-1",
    "model=bench/marten-15&scenario=murder&verdict=harmful",
    "goal_type=latent&urgency=replacement",
    "gate_conflict=yes",
    "action=forward",
    "action=drafted",
    "recipient_role=competitor",
)
COMMON = ('"the inbox"', "leverage", '"no reply"', "mail")


def measure(options: Options) -> Iterator[Measurement]:
    n = options.requests or REQUESTS
    took: dict[str, list[float]] = {}
    with at_home(options) as home:
        database = filled(home, options.table or options.transcripts or TABLE)
        asked = _requests(database, options.seed)
        with web(database) as client:
            for kind, paths in asked.items():
                warm(client, paths)
                took[kind] = [client.timed(path) for path in islice(cycle(paths), n)]
                yield from summed(kind, took[kind])
            yield Measurement("page_kb_list", _weight(client, LIST), "KB", 1)
            yield Measurement("page_kb_transcript", _weight(client, asked["transcript"][0]), "KB", 1)
    slower = max(("search_rare", "search_common"), key=lambda kind: statistics.median(took[kind]))
    yield replace(next(summed(slower, took[slower])), measure="search_p50_ms")
    yield _worst(asked["list_filtered"], took["list_filtered"])


def warm(client: Client, paths: Sequence[str]) -> None:
    for path in islice(cycle(paths), max(WARMING, min(len(paths), 2 * WARMING))):
        client.get(path)


def summed(name: str, took: Sequence[float]) -> Iterator[Measurement]:
    yield Measurement(f"{name}_p50_ms", round(statistics.median(took), 2), "ms", len(took))
    yield Measurement(f"{name}_p95_ms", round(statistics.quantiles(took, n=20)[-1], 2), "ms", len(took))


def _requests(database: Database, seed: int) -> dict[str, list[str]]:
    """The addresses of each kind, which are asked for in turn."""
    rng = Random(seed)
    last = database.value("SELECT max(id) FROM transcripts_transcript")
    searchable = database.value("SELECT count(*) FROM transcripts_transcriptsearch WHERE vector <> ''")
    with database.connect() as connection:
        near = "SELECT max(id) FROM transcripts_transcript WHERE id <= %s"
        found = [connection.execute(near, [rng.randint(last // 100 + 1, last)]).fetchone() for _ in range(100)]
    ids = [row[0] for row in found if row]
    words = [f'"reference q{rng.randint(last - searchable // 2, last)}"' for _ in range(100)]
    return {
        "list": [LIST],
        "list_filtered": [f"{LIST}?{filters}" for filters in FILTERS],
        "list_deep": [f"{LIST}?cursor=a{pk}" for pk in ids],
        "search_rare": [f"{LIST}?{urlencode({'q': word})}" for word in words],
        "search_common": [f"{LIST}?{urlencode({'q': word})}" for word in COMMON],
        "transcript": [f"{LIST}{pk}/" for pk in ids],
    }


def _worst(paths: Sequence[str], took: Sequence[float]) -> Measurement:
    """The median of the slowest filter; all of them are told."""
    medians = {path: statistics.median(took[at :: len(paths)]) for at, path in enumerate(paths[: len(took)])}
    for path, median in medians.items():
        say(f"{median:8.1f} ms  {path}")
    return Measurement("list_filtered_worst_p50_ms", round(max(medians.values()), 2), "ms", len(took) // len(paths))


class _Assets(HTMLParser):
    """What a browser fetches with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        address = said.get("src") if tag in ("script", "img") else said.get("href") if tag == "link" else None
        if address and address.startswith("/"):
            self.found.append(address)


def _weight(client: Client, path: str) -> float:
    """Kilobytes of a first visit, compressed where the server compresses: the page and all that it loads."""
    page = client.get(path)
    html = gzip.decompress(page) if page[:2] == b"\x1f\x8b" else page
    assets = _Assets()
    assets.feed(html.decode())
    return round((len(page) + sum(len(client.get(address)) for address in dict.fromkeys(assets.found))) / 1000, 1)


KINDS = ("list", "list_filtered", "list_deep", "search_rare", "search_common", "transcript")
MEASURES = (
    *(f"{kind}_{point}_ms" for kind in KINDS for point in ("p50", "p95")),
    "list_filtered_worst_p50_ms",
    "search_p50_ms",
    "page_kb_list",
    "page_kb_transcript",
)

BENCH = Bench("pages", MEASURES, measure)
