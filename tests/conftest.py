"""What every test may ask for."""

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

# A machine that is slow today must not fail a test: neither a single example nor drawing them has a deadline.
settings.register_profile("carewatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("carewatch")
