"""Ray: a training on the workers of a cluster, to the same bits. It needs the extra `ray`.

with RayExecutor() as executor:
    for snapshot in train(network, digits, executor=executor, …):
"""

from __future__ import annotations

import io
import queue
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.bridges.cluster import in_one_line, joined
from chainrule.bridges.elsewhere import (
    Message,
    NotHere,
    Packer,
    Raised,
    compute,
    likeness,
    owner_of,
    pixels_of,
)
from chainrule.data import Digits, Examples, Origin

LOOK = 5.0  # seconds after which the cluster is asked again how large it is
RETRIES = 3  # times that a task is done again because its worker died


class RayExecutor(Executor):
    """An executor whose tasks are computed by the workers of a Ray cluster.

    Without an address it is the Ray that this program has started with ray.init(), or else one that
    is started on this machine alone, behind a token that nobody else knows, with so many `workers`
    (default: one for each core but this thread's), and which ends with the executor. With an
    address, HOST:PORT or auto, it is the cluster there, which has a machine here; the token is the
    one that Ray finds (RAY_AUTH_TOKEN, or its file).

    `workers` are as many as the cluster has processors, from time to time asked anew, or fewer if a
    number is given. A worker that dies is replaced, and its tasks are done again. Raises
    WorkerError if that cannot be, here or at a task: for a cluster that is not reached, or a worker
    that would compute other bits.
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None) -> None:
        self.most = workers
        self.lock = threading.Lock()
        self.ends = joined(address, workers)
        self.ray = self.ends.__enter__()
        remote: Any = self.ray.remote(num_cpus=1, max_retries=RETRIES)
        self.remote = remote(on_worker)
        self.looked, self.there = -LOOK, 0
        self.name, self.serial = secrets.token_hex(8), 0
        self.message: tuple[Any, Message] | None = None  # the last, and of what
        self.stored: WeakKeyDictionary[Examples, Any] = WeakKeyDictionary()
        self.not_there: set[Origin] = set()
        self.under_way: dict[Any, Task] = {}
        self.done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.collector = threading.Thread(target=self.collect, daemon=True)
        self.collector.start()

    @property
    def workers(self) -> int:
        """How many tasks are to be out at a time, now."""
        if time.monotonic() - self.looked >= LOOK:
            self.there = int(self.ray.cluster_resources().get("CPU", 0))
            self.looked = time.monotonic()
        return self.there if self.most is None else min(self.there, self.most)

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:  # noqa: ANN401
        """The future result of a call, whose owner is packed once for all tasks in turn."""
        if named:
            raise TypeError("tasks for Ray take no arguments by name")
        task = Task(call, arguments)
        self.send(task)
        return task.future

    def send(self, task: Task) -> None:
        """Have the cluster do a task. What goes wrong is in its future."""
        try:
            owner, method = owner_of(task.call)
            ref = self.remote.remote(self.message_of(owner), method, task.arguments)
            self.under_way[ref] = task
            ref.future().add_done_callback(lambda found: self.done.put((ref, found)))
        except Exception as error:
            task.fail(in_one_line(error))

    def message_of(self, owner: object) -> Message:
        """The message for tasks of this owner, of which the last is kept."""
        with self.lock:
            if self.message is None or self.message[0] is not owner:
                content = io.BytesIO()
                packer = Packer(content, self.standing_for)
                packer.dump(owner)
                self.serial += 1
                there = self.ray.put(np.frombuffer(content.getbuffer(), np.uint8))
                number = f"{self.name}-{self.serial}"
                self.message = owner, Message(number, likeness(owner), there, packer.stored)
            return self.message[1]

    def standing_for(self, examples: Examples) -> Any | None:  # noqa: ANN401, Ray's reference
        """What stands for examples in the cluster's store; None if they travel by name."""
        origin = examples.origin if isinstance(examples, Digits) else None
        if origin and origin not in self.not_there:
            return None
        try:
            if examples not in self.stored:
                self.stored[examples] = self.ray.put(pixels_of(examples))
            return self.stored[examples]
        except TypeError:  # a program's own kind of examples may have no hash
            return self.ray.put(examples)

    def collect(self) -> None:
        """Hand on what comes back, until there is None."""
        while (came := self.done.get()) is not None:
            ref, found = came
            task = self.under_way.pop(ref)
            try:
                result = found.result()
            except Exception as error:
                task.fail(in_one_line(error))
                continue
            match result:
                case NotHere(origin):
                    with self.lock:
                        self.not_there.add(origin)
                        self.message = None
                    self.send(task)
                case Raised(raised):
                    task.fail(raised)
                case _:
                    task.succeed(result)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; one that was started for this executor ends."""
        if self.collector.is_alive():
            self.done.put(None)
            self.collector.join()
            for task in list(self.under_way.values()):
                task.future.cancel()
            self.ends.__exit__(None, None, None)


class Task:
    """A call, and what will come of it."""

    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.call = call
        self.arguments = arguments
        self.future: Future[Any] = Future()

    def succeed(self, result: Any) -> None:  # noqa: ANN401
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def on_worker(message: Message, method: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """What a worker of Ray does."""
    import ray

    return compute(message, ray.get, method, arguments)
