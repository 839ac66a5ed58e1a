"""``make demo``: the main job, as an editor does it, in one transcript."""
