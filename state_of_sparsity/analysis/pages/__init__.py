"""What pages of results share: text with tables and plots, from a table of runs."""
