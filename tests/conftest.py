"""Gives every test a folder of its own, where all is that it reads and writes. The slow tests run on request."""
import importlib.util
import itertools
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Iterator, List
from unittest import mock

import pytest

from .processes import Process, places, python_in

# These are in environments of their own: tox -e types, py311-haupt, py312-page, py37-tensorflow115, py311-tensorflow
collect_ignore = [path for package, path in (
    ("pyright", "test_typecheckers.py"), ("haupt", "haupt"), ("tensorflow", "test_tensorflow.py"),
    ("axe_core_python", "local/test_page.py"),
) if not importlib.util.find_spec(package)]


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: Any, items: List[Any]) -> None:
    """Leave out the slow tests, except with --slow, and where the command line names their file or one of them."""
    if not config.getoption("--slow"):
        named = {os.path.abspath(argument.partition("::")[0]) for argument in config.args}
        is_slow = [bool(item.get_closest_marker("slow")) and str(item.path) not in named for item in items]
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if any(is_slow) and terminal:
            terminal.write_line("{} slow tests are left out: --slow runs them".format(sum(is_slow)))
        config.hook.pytest_deselected(items=list(itertools.compress(items, is_slow)))
        items[:] = [item for item, left_out in zip(items, is_slow) if not left_out]


def pytest_configure() -> None:
    """Have each signal that would end pytest interrupt it, so that the tests end their processes.

    One that is ignored, as under nohup and `&`, goes on being ignored, but not by the tests' processes.
    """
    for name in ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTERM"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
        elif number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session")
def new_folders(tmp_path_factory: Any) -> Iterator[Path]:
    """Folders with nothing but an empty tmp in each; their paths are short, since sockets are made in them, too."""
    parent: Path = tmp_path_factory.mktemp("e")

    def make(number: int) -> Path:
        folder = parent / str(number)
        (folder / "tmp").mkdir(parents=True)
        return folder

    return map(make, itertools.count())


@pytest.fixture
def environment_restored() -> Iterator[None]:
    """Afterwards the environment is what it was, whatever set or deleted a variable."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def own_folder(environment_restored: None, new_folders: Iterator[Path], monkeypatch: Any) -> Path:
    """This test's own folder, where it finds its home, its temporary files and Polyaxon's token files, and starts.

    What the package says once in a process can be said again.
    """
    from polyaxon_helper import replicas, warn  # not above: on import it reads the environment, which .processes cleans
    from polyaxon_helper.classic import tokens
    from polyaxon_helper.modern import run

    folder = next(new_folders)
    for name, value in places(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(warn, "_told", set())
    replicas.replica.cache_clear()
    monkeypatch.setattr(tokens, "CONTEXT_FILE", str(folder / "plx-context" / ".authtoken"))
    monkeypatch.setattr(tokens, "KEPT_FILE", str(folder / "tmp" / ".polyaxon" / ".authtoken"))
    monkeypatch.setattr(run, "CONTEXT_ROOT", str(folder / "plx-context"))
    monkeypatch.setattr(run, "OFFLINE_ROOT", str(folder / "tmp" / "plx" / "offline"))
    return folder


@pytest.fixture
def python(own_folder: Path) -> Process:
    """Run this Python with these arguments to its end, as a user would, in the test's own folder."""
    return python_in(own_folder)


class Recorder:
    """An HTTP server that answers as the test says, and writes down what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = (200, {}, b"{}")
        self.asked: List[Any] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorder.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, answer = recorder.answer
                if status:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer)

            do_GET = do_PATCH = do_POST = answer

            def log_message(self, format: str, *args: Any) -> None:
                """The test's output is the test's."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *args: None  # type: ignore  # a process may end before it has the answer
        self.url = "http://127.0.0.1:{}".format(self.server.server_port)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    thread = threading.Thread(target=recorder.server.serve_forever, args=[0.02])
    thread.start()
    yield recorder
    recorder.server.shutdown()
    thread.join()
    recorder.server.server_close()


@pytest.fixture
def serve() -> Iterator[Any]:
    """A function that serves one connection: it sends these bytes, a while apart, and says where."""
    ends = threading.Event()
    threads: List[threading.Thread] = []

    def begin(chunks: List[bytes], seconds: float = 0, wait: bool = False) -> str:
        listener = socket.create_server(("127.0.0.1", 0)) if hasattr(socket, "create_server") else socket.socket()
        if not hasattr(socket, "create_server"):
            listener.bind(("127.0.0.1", 0))
            listener.listen()

        def answer() -> None:
            with listener, listener.accept()[0] as connection:
                connection.recv(65536)
                for chunk in chunks:
                    try:
                        connection.sendall(chunk)
                    except OSError:  # the other side has had enough
                        return
                    if ends.wait(seconds):
                        return
                if wait:
                    ends.wait()

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        return "http://127.0.0.1:{}/".format(listener.getsockname()[1])

    yield begin
    ends.set()
    for thread in threads:
        thread.join()
