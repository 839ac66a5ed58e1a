"""Rules of values, pure: names, quantities, environments, mounts, text."""
