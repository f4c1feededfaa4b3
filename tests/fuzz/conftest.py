"""How many examples the tests of this folder try.

In the suite a few, the same in every run. By command many, others in every run, for some minutes:

    launch/test.sh tests/fuzz --hypothesis-profile=thorough

An example that fails is printed there with the decorator that reproduces it.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("small", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "thorough",
    max_examples=2_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_configure(config):
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("small")
