"""The simulated venue against a slow oracle, and what holds of all its fills."""
