"""What every test may ask for."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "fixtures.servers",
    "fixtures.databases",
    "fixtures.nights",
    "fixtures.switchboard",
    "fixtures.web",
    "fixtures.browsers",
    "fixtures.consoles",
]

# A machine that is slow today must not fail a test: neither a single example nor drawing them has a deadline. The gate
# draws the same examples each time; HYPOTHESIS_PROFILE=explore draws new ones, and more of them.
settings.register_profile("carewatch", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("explore", settings.get_profile("carewatch"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "carewatch"))
