"""python -m polyaxon_helper.migrate: moves Python sources to polyaxon_client.tracking, or to traceml.

cli -> files, project -> python -> names, edits -> the table. Text in, text out; only cli and files touch the disk.
traceml is another python and project: what it says of itself is all that differs.
"""
