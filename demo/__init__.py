"""``make demo``: the main job as an editor does it, told in one transcript."""
