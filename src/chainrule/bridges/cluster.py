"""A cluster of Ray: joined where there is one, or started on this machine for one training."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from chainrule.bridges.elsewhere import WorkerError
from chainrule.engine.blas import cores

TO_GET_IT = "pip install 'chainrule[ray]'"
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # at 0, Ray listens to this machine alone
TOKEN = "RAY_AUTH_TOKEN"
PATIENCE = 10.0  # seconds in which a cluster must answer


@contextmanager
def joined(address: str | None, workers: int | None) -> Iterator[ModuleType]:
    """Ray, connected to the cluster at an address; at None to that of this program.

    If this program has none, one is started on this machine with so many workers. WorkerError if
    that cannot be.
    """
    loaded = sys.modules.get("ray")
    if address is None and loaded is not None and loaded.is_initialized():
        yield loaded
        return
    if address is not None:
        check_answers(address)
    if address is None and loaded is not None and not started:
        raise WorkerError(
            "Ray was imported before, so it would listen to other machines: make the executor "
            "first, or start Ray yourself with ray.init()"
        )
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    with environment(address), folder_for_ray(address) as folder:
        if address is None:
            how |= {"num_cpus": workers or max(1, cores() - 1), "_temp_dir": folder}
            how |= {"include_dashboard": False}
        ray = imported()
        try:
            with same_signals(), in_silence():
                ray.init(address or "local", **how)
        except Exception as error:
            where = f"the Ray cluster at {address}" if address else "Ray on this machine"
            reason = first_line(error)
            if address:
                reason += f"; its token is looked for in {TOKEN}, and may be wrong"
            raise WorkerError(f"{where} cannot be used: {reason}") from None
        try:
            yield ray
        finally:
            ray.shutdown()


def check_answers(address: str) -> None:
    """WorkerError unless something answers there. Ray itself would wait for many minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 1 << 16) or "/" in address:
        raise WorkerError(
            f"wanted the address of a Ray cluster, HOST:PORT or auto, got {address!r}; start the "
            f"training on a machine of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WorkerError(f"no Ray cluster answers at {address}: {reason}") from None


started: set[str] = set()  # the addresses that were used here; "": this machine


@contextmanager
def environment(address: str | None) -> Iterator[None]:
    """What Ray finds in the environment when it is imported and started.

    subtle: Ray prints to stdout that a worker died, unless its filter leaves out every line.
    """
    wanted = {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else older ones warn of accelerators
    }
    if address is None:
        wanted |= {LOOPBACK: "0", TOKEN: token()}
        started.add("")
    else:  # a cluster's own settings come first
        wanted = {name: os.environ.get(name, value) for name, value in wanted.items()}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@cache
def token() -> str:
    """A token that only this process and those that it starts know. Ray keeps the first it sees."""
    return secrets.token_hex(32)


@contextmanager
def folder_for_ray(address: str | None) -> Iterator[str | None]:
    """A folder for the sockets and logs of a Ray of our own; it goes at the end.

    It lies in a private one, because Ray opens its own to everybody. The names are short: a
    socket's path has at most 107 characters.
    """
    if address is not None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp" if Path("/tmp").is_dir() else None)
    try:
        yield str(Path(folder) / "of")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def same_signals() -> Iterator[None]:
    """Afterwards signals do what they did before: Ray takes SIGTERM for itself."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if here:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def in_silence() -> Iterator[None]:
    """Within this, nothing is written to stderr: Ray repeats there what its exception says."""
    sys.stderr.flush()
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123, not a path of ours
        before = os.dup(2)
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def imported() -> ModuleType:
    """Ray; WorkerError if it is not installed, or cannot be loaded."""
    try:
        import ray
    except ImportError as error:
        if error.name == "ray":
            raise WorkerError(f"Ray is not installed: {TO_GET_IT}") from None
        raise WorkerError(f"Ray cannot be loaded: {first_line(error)}") from None
    return ray


def in_one_line(error: Exception) -> WorkerError:
    """An error of Ray as one line."""
    cause = getattr(error, "cause", None)
    return WorkerError(f"Ray: {first_line(cause or error)}")


def first_line(error: BaseException) -> str:
    """The first sentence of its first line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0].strip().rstrip(".")
