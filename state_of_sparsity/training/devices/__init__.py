"""On which devices an experiment trains, and what they have to share."""
