"""Settings of all tests."""

from __future__ import annotations

import hypothesis

# How long an example takes is the machine's affair; what is to be fast is measured in tests/bench.
hypothesis.settings.register_profile("amdash", deadline=None)
hypothesis.settings.load_profile("amdash")
