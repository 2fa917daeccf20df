"""A language host for an engine that came without one: runs a Python program through the SDK's own inline server.

The program runs in a thread of this process, so `signal.signal` raises ValueError in it. It leans on a private module
of the SDK (`pulumi.automation._server`), so the extra `engine` in pyproject.toml pins the SDK.
"""

import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import IO, Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

LARGEST = 400 << 20  # bytes in a message, as the engine's own hosts allow


class Host(LanguageServer):
    """Runs the `__main__.py` named in each request."""

    def __init__(self, engine: Sequence[str]) -> None:
        """`engine` contains the address of the engine, which receives a program's log lines."""
        super().__init__(lambda: None)
        self.engine = engine

    def Run(self, request: Any, context: Any) -> Any:
        """Runs the program in its folder, with that folder first on the import path."""
        folder = request.info.program_directory or request.pwd
        os.chdir(folder)
        sys.path.insert(0, folder)
        self.program = lambda: _run(Path(folder, "__main__.py"))
        request.args[:] = self.engine  # where the SDK's inline server looks for it
        answer = super().Run(request, context)  # type: ignore[no-untyped-call]
        # The error has been shown by now; in the answer, it would be shown again as "an unhandled error occurred".
        return language_pb2.RunResponse(bail=True) if answer.error else answer

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """Returns no prompts: a runtime has no options to choose."""
        return language_pb2.RuntimeOptionsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """Returns no packages: the program needs no plugin of the engine."""
        return language_pb2.GetProgramDependenciesResponse()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs a policy pack with the SDK's own runner, until it ends or the engine has no more use for it."""
        if request.kind != "analyzer":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this language host runs no plugin of kind {request.kind}")
        child = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", *request.args, request.info.program_directory],
            cwd=request.pwd,
            env=dict(each.split("=", 1) for each in request.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(child.kill)
        yield from _printed(child)
        yield language_pb2.RunPluginResponse(exitcode=child.wait())


def _printed(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    """Yields what a process prints, as it prints it."""
    answer, printed = language_pb2.RunPluginResponse, queue.SimpleQueue[Any]()
    answers = [(child.stdout, lambda line: answer(stdout=line)), (child.stderr, lambda line: answer(stderr=line))]
    for each in answers:
        threading.Thread(target=_read, args=(*each, printed), daemon=True).start()
    for _ in answers:
        yield from iter(printed.get, None)


def _read(stream: IO[bytes], answer: Callable[[bytes], Any], printed: queue.SimpleQueue[Any]) -> None:
    """Puts an answer for each line into the queue, and None when there are no more."""
    for line in stream:
        printed.put(answer(line))
    printed.put(None)


def _run(main: Path) -> None:
    runpy.run_path(str(main), run_name="__main__")


def _exit_with(parent: int) -> None:
    """Ends this process when the engine that started it has ended, which after a SIGKILL nothing else does.

    The engine gives it a process group of its own, in which a policy pack runs.
    """
    while os.getppid() == parent:
        time.sleep(1)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def main() -> None:
    """Serves on a free loopback port, which it prints for the engine, until the engine ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", LARGEST)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(sys.argv[1:2]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
