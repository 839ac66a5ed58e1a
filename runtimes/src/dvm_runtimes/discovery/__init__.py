"""From this machine to a runtime: which platforms are here, which of them answer, and which one is used."""
