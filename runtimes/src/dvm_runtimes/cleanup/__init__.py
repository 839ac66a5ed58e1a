"""What a process that died has left on an engine: recorded while it lives, removed once it is gone."""
