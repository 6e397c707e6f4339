"""python -m polyaxon_helper.migrate: moves Python sources to polyaxon_client.tracking, or to traceml.

cli (arguments, exit status) -> run (which file when) -> files (the disk), taken (names that other files take),
python (text in, text out), elsewhere (uses in files of other kinds) -> report (what is said).
Only cli and files touch the disk; python reads the table of replacements, and nothing else of the package.
"""
