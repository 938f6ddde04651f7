"""A pytest plugin: what must be so before pytest-django reads the settings (a conftest would be too late)."""

from __future__ import annotations

import os

from amdash import embedded

SERVERS = ("DATABASE_URL", "CELERY_BROKER_URL")
GIVEN = "AMDASH_TEST_SERVERS"

# Tests that run in several processes get servers of their own in each, unless some are given: nothing of one is seen
# by another. The first process has named its own in the environment that the others inherit.
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker:
    os.environ["AMDASH_VAR"] = str(embedded.var() / f"test-{worker}")
    for name in SERVERS:
        if name not in os.environ[GIVEN].split():
            del os.environ[name]
else:
    os.environ[GIVEN] = " ".join(name for name in SERVERS if os.environ.get(name))

started = embedded.ensure()
# Static files are served from where they lie, without collecting them first.
os.environ.setdefault("AMDASH_PLAIN_STATIC", "1")


def pytest_unconfigure() -> None:
    """`./run stop` does not know of the servers of a worker; what it has started goes with it."""
    if worker and started:
        embedded.stop(started)
