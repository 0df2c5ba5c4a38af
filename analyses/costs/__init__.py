"""What each explanation costs: passes, work, memory and time."""
