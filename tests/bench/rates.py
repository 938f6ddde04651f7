"""How long rates and the leaderboard take at a million transcripts and 50,000 labels, over loopback HTTP.

The labels are those of one campaign on the newest evaluation, as the product draws them. `rates` are the figures of
every model × condition with intervals, as CSV, `rates_page` the page that draws them, `leaderboard` that of ranks.
Each is measured as it is asked for again and again, and as the first request after a label has changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from amdash import embedded
from tests.bench.databases import Database, at_home
from tests.bench.measurement import Bench, Measurement, Options, say
from tests.bench.million import TABLE, filled
from tests.bench.pages import summed, warm
from tests.bench.web import Client, web

LABELS = 50_000
REQUESTS = 200
CHANGES = 20
# An agreed answer is taken back and given anew, as when somebody answers again.
CHANGE = """
WITH old AS (
    UPDATE labeling_resolution SET superseded_at = now() WHERE id = (
        SELECT r.id FROM labeling_resolution r JOIN labeling_campaignitem i ON i.id = r.item_id
        WHERE i.campaign_id = %s AND r.superseded_at IS NULL ORDER BY r.id LIMIT 1)
    RETURNING *
)
INSERT INTO labeling_resolution (item_id, outcome_id, value, method, positive, negative, missing, label_ids,
    text_sha256, cause, reason, created_at)
SELECT item_id, outcome_id, NOT value, method, negative, positive, missing, label_ids, text_sha256, cause, reason, now()
FROM old
"""


def measure(options: Options) -> Iterator[Measurement]:
    n = options.requests or REQUESTS
    table = options.table or options.transcripts or TABLE
    with at_home(options) as home:
        database = filled(home, table)
        begin = time.monotonic()
        made = labelled(database, LABELS)
        say(f"{made['labels']:,} labels took {time.monotonic() - begin:.0f} s.")
        pages = {
            "rates": f"/charts/rates/?evaluation={made['evaluation']}&format=csv",
            "rates_page": f"/charts/rates/?evaluation={made['evaluation']}",
            "leaderboard": f"/leaderboard/?evaluation={made['evaluation']}",
        }
        with web(database) as client:
            for kind, path in pages.items():
                warm(client, [path])
                yield from summed(kind, [client.timed(path) for _ in range(n)])
            for kind, path in pages.items():
                took = list(_after_changes(client, database, made["campaign"], path, max(2, min(n // 5, CHANGES))))
                yield next(summed(f"{kind}_after_label", took))


def labelled(database: Database, labels: int) -> dict[str, Any]:
    """The labels, made unless they are there."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.rated"],
        input=json.dumps({"labels": labels}),
        cwd=embedded.ROOT,
        env=database.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _after_changes(client: Client, database: Database, campaign: int, path: str, n: int) -> Iterator[float]:
    with database.connect() as connection:
        for _ in range(n):
            connection.execute(CHANGE, [campaign])
            yield client.timed(path)


KINDS = ("rates", "rates_page", "leaderboard")
MEASURES = (
    *(f"{kind}_{point}_ms" for kind in KINDS for point in ("p50", "p95")),
    *(f"{kind}_after_label_p50_ms" for kind in KINDS),
)

BENCH = Bench("rates", MEASURES, measure)
