"""Runs first in every Python process that a test starts: measures it, hides from it the modules that the test names,
and replaces the paths in the code of some by paths in the test's folder.
"""
import importlib.machinery
import os
import sys

TEST_FOLDER = os.environ["TEST_FOLDER"].replace(os.sep, "/")

# Modules with paths in their code that no variable changes: of this package, of what the client imports, and of traceml
WITH_PATHS = {
    "polyaxon_helper.modern.run", "polyaxon_helper.classic.tokens", "polyaxon_helper.classic.journal",
    "hestia.user_path", "polyaxon_client.settings", "polyaxon_client.utils", "polystores.settings",
    "polystores.utils", "clipped.config.contexts", "clipped.utils.paths", "polyaxon._contexts.paths",
}
# Limits and delays that a test may set by an environment variable of the same name
SETTINGS = {
    "polyaxon_helper.late": ("FORK_WAIT",),
    "polyaxon_helper.classic.journal": ("BATCH_BYTES",),
    "polyaxon_helper.classic.backlog": ("MAX_BYTES", "MAX_IN_MEMORY"),
    "polyaxon_helper.classic.sending": ("GATHER", "FIRST_BACKOFF", "REQUEST_TIMEOUT"),
}


class Loader(importlib.machinery.SourceFileLoader):
    def path_stats(self, path):
        if self.name in WITH_PATHS:
            raise OSError("to be compiled each time, for each test has another folder")
        return super().path_stats(path)

    def source_to_code(self, data, path, **options):
        if self.name in WITH_PATHS:
            for root in (b"/tmp", b"/plx-context"):
                for quote in (b"'", b'"'):
                    data = data.replace(quote + root, quote + TEST_FOLDER.encode() + root)
        return super().source_to_code(data, path, **options)

    def exec_module(self, module):
        super().exec_module(module)
        for name in SETTINGS.get(self.name, ()):
            if name in os.environ:
                setattr(module, name, type(getattr(module, name))(os.environ[name]))


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in WITH_PATHS and name not in SETTINGS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin:
            spec.loader = Loader(name, spec.origin)
        return spec


if os.environ.get("COVERAGE_PROCESS_START"):
    import coverage

    coverage.process_startup()
for hidden in os.environ.get("HIDDEN_MODULES", "").split():
    sys.modules[hidden] = None  # importing it is then a ModuleNotFoundError
sys.meta_path.insert(0, Finder)
