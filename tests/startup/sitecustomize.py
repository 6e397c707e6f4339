"""First thing in every Python process that a test starts: measure it, and hide from it what the test says."""
import os
import sys

if os.environ.get("COVERAGE_PROCESS_START"):
    import coverage

    coverage.process_startup()
for hidden in os.environ.get("HIDDEN_MODULES", "").split():
    sys.modules[hidden] = None  # importing it is then a ModuleNotFoundError
if "KEPT_TOKEN" in os.environ:  # the real files are shared by all that runs on this machine
    from polyaxon_helper.reporter import journal, sending, tokens

    tokens.KEPT_FILE, tokens.CONTEXT_FILE = os.environ["KEPT_TOKEN"], os.environ["CONTEXT_TOKEN"]
    for module, name in ((journal, "MAX_BYTES"), (journal, "MAX_IN_MEMORY"), (journal, "ROLL_BYTES"),
                         (sending, "GATHER"), (sending, "FIRST_BACKOFF")):
        if name in os.environ:
            setattr(module, name, float(os.environ[name]) if "." in os.environ[name] else int(os.environ[name]))
    if "BREAK_FOLDERS" in os.environ:
        journal.folders = lambda: iter(["/dev/null/folder"])
    if "READ_TIMEOUT" in os.environ:
        sending.REQUEST_TIMEOUT = float(os.environ["READ_TIMEOUT"])
