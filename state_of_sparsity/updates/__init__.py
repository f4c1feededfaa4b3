"""What changes over time: which updates are due at a step, and the callback that applies them."""
