"""Sends what a run that was killed, or had no API, left behind."""
