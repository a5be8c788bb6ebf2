"""Policies: TOML files become checked records."""
