"""python -m polyaxon_helper.local: a run without a cluster."""
