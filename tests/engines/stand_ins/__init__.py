"""Programs of ours that stand in for ones that no package has: each with the recorded manners of the real one."""
