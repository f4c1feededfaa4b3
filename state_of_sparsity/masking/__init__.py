"""Which weights stay: exact masks from scores, and shares of zeros, in numpy alone."""
