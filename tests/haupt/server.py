"""Runs `haupt`'s command line, without the sandbox's own job that writes into the database every two seconds.

SQLite refuses a request that wants to write at that moment ("database is locked"), and the server answers it with 405.
"""
from haupt.cli.runners import base
from haupt.main import cli

base.start_cron = lambda host: None
cli(prog_name="haupt")
