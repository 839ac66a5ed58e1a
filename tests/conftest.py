"""What every test has: real engines, and the table of their use."""

pytest_plugins = ["tests.engines.fixtures", "tests.engines.selection", "tests.engines.summary"]
collect_ignore = ["outside_project"]
"""A project of its own, which a test runs where it is installed."""
