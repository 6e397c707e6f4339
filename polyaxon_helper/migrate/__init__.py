"""python -m polyaxon_helper.migrate: moves Python sources to polyaxon_client.tracking.

cli -> files, project -> python -> names, edits -> the table. Text in, text out; only cli and files touch the disk.
"""
