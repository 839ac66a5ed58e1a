"""What every test has: real engines, and the table of their use."""

pytest_plugins = ["tests.engines.fixtures", "tests.engines.summary"]
