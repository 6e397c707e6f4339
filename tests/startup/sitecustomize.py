"""First thing in every Python process that a test starts: measure it, and hide from it what the test says."""
import os
import sys

if "COVERAGE_PROCESS_START" in os.environ:
    import coverage

    coverage.process_startup()
for hidden in os.environ.get("HIDDEN_MODULES", "").split():
    sys.modules[hidden] = None  # importing it is then a ModuleNotFoundError
