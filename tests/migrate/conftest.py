"""Generated modules: few and always the same ones, or GENERATED=100 times as many, and new ones each time."""
import importlib.util
import os
from pathlib import Path
from typing import Any, Dict

# What generates them does not install on every Python: hypothesmith needs 3.9, for LibCST's wheels
NEEDS = {"test_generated.py": ["hypothesis"], "test_generated_syntax.py": ["hypothesis", "hypothesmith"]}
collect_ignore = [name for name, needs in NEEDS.items() if not all(map(importlib.util.find_spec, needs))]

os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.devnull  # where it can make no folder: it keeps nothing


def examples(number: int) -> Any:
    from hypothesis import HealthCheck, settings

    times = int(os.environ.get("GENERATED", 0))
    return settings(max_examples=number * (times or 1), derandomize=not times, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def write(folder: Path, texts: Dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
