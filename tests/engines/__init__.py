"""Real engines for the tests, started by the tests: private sockets, private folders, ended by their ids.

`registry` says what a kind of engine is, ``kinds/`` has one file for each, `fixtures` hands them to tests and
`summary` prints the table at the end. The machine's own engines and containers are never asked or touched.
"""

from platformdirs import user_cache_path

CACHE = user_cache_path("dvm-tests")
"""What is made once a machine. Of the user's own home: that of the tests is another one."""
