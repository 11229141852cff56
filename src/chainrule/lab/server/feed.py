"""What the pages that watch are sent: the latest state of the training, 10 or 11 times a second.

One frame is made for all of them, and only while somebody watches. A page that reads slowly is
sent the latest when it is ready again, with the rows of the history that it has not got.
"""

import asyncio
import time
from dataclasses import dataclass, field

from starlette.websockets import WebSocket

from chainrule.encode import to_json
from chainrule.lab.live.control import Live
from chainrule.lab.live.frames import live_view
from chainrule.lab.live.training import HistoryRow

APART = 0.092  # seconds from one frame to the next: the training wants the cores too
SHARE = 0.1  # of one core may go into making frames


@dataclass(eq=False)
class Frame:
    """The state at one moment, as text; the rows are added for each page."""

    serial: int  # of the training
    start: str  # JSON up to the rows
    rows: list[HistoryRow]  # as they grow
    count: int  # of them that belong to this frame
    texts: dict[int, str] = field(default_factory=dict)

    def text(self, since: int) -> str:
        """The frame with its rows from this one on."""
        if not self.start:
            return '{"live":null}'
        if since not in self.texts:
            rows = to_json(self.rows[since : self.count])
            self.texts[since] = f'{{"live":{self.start},"rows_from":{since},"rows":{rows}}}}}'
        return self.texts[since]


def frame_of(live: Live) -> tuple[Frame, float]:
    """The state just now, and the seconds of a core that it took to make it."""
    began = time.thread_time()
    serial, training = live.serial, live.training
    if training is None:
        return Frame(serial, "", [], 0), 0.0
    start = to_json(live_view(training))[:-1]
    # The rows are counted last: when it is told to be finished, they are all there.
    frame = Frame(serial, start, training.rows, len(training.rows))
    return frame, time.thread_time() - began


@dataclass(eq=False)
class Feed:
    """The frames of a server, made in one task while sockets are open."""

    live: Live
    watching: int = 0
    frame: Frame | None = None
    number: int = 0  # of the frame
    came: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def make(self) -> None:
        """Make frames, as long as somebody watches."""
        seen: object = None
        due = time.monotonic()
        while self.watching:
            cost = 0.0
            version = self.live.version
            if version != seen:
                self.frame, cost = await asyncio.to_thread(frame_of, self.live)
                seen = version
                self.number += 1
                self.came.set()
                self.came = asyncio.Event()
            # A frame that is late does not put off the ones after it.
            due = max(due + max(APART, cost / SHARE), time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        self.frame = None

    async def watch(self, socket: WebSocket) -> None:
        """Send a page what is new until it leaves."""
        await socket.accept()
        self.watching += 1
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.make())
        reading = asyncio.create_task(leaves(socket))
        sending = asyncio.create_task(self.send(socket))
        try:
            both = (reading, sending)
            await asyncio.wait((*both, self.task), return_when=asyncio.FIRST_COMPLETED)
            if self.task.done():
                self.task.result()  # a bug of ours; the page connects again
        finally:
            self.watching -= 1
            for task in (reading, sending):
                task.cancel()
            await asyncio.gather(reading, sending, return_exceptions=True)

    async def send(self, socket: WebSocket) -> None:
        number, serial, got = -1, -1, 0
        while True:
            came = self.came
            frame = self.frame
            if frame is None or self.number == number:
                await came.wait()
                continue
            number = self.number
            since = got if frame.serial == serial else 0
            serial, got = frame.serial, frame.count
            await socket.send_text(frame.text(since))


async def leaves(socket: WebSocket) -> None:
    """Read, and drop, what a page sends, until it leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
