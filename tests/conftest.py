"""Settings of all tests."""

from __future__ import annotations

from importlib import import_module

import hypothesis
import pytest
from django.apps import apps

# How long an example takes is the machine's affair; what is to be fast is measured in tests/bench.
hypothesis.settings.register_profile("amdash", deadline=None)
hypothesis.settings.load_profile("amdash")


@pytest.fixture
def filled_database(transactional_db: None) -> None:
    """What tests with real transactions need, which empty the tables: what migrations put there."""
    from labeling.codebooks.codebook import install_builtin  # noqa: PLC0415 - after the settings

    import_module("transcripts.migrations.0003_groups_and_personas").add(apps, None)
    import_module("labeling.migrations.0008_content_notes_and_crowd").add(apps, None)
    install_builtin(apps.get_model)
