"""python -m polyaxon_helper.migrate: moves Python sources to polyaxon_client.tracking, or to traceml.

cli (arguments, exit status) -> run (what is done to which file) -> files (the disk), python (text in, text out, and the
names that other files take), elsewhere (uses in files of other kinds) -> report (what is said).
Only files reads and writes files; only cli, run and python read the table of replacements, and nothing else of the
package but how a command begins.
"""
