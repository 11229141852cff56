"""Many pages, and slow ones."""

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import PATIENCE
from helpers.live import SLOW
from helpers.processes import PATIENT, free_port, let_in, newest, order, started
from websockets.sync.client import connect

from chainrule.lab.server.feed import Feed, Frame


def memory(process):
    """The resident bytes of a process."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


@contextlib.contextmanager
def many_pages(lab, how_many):
    """The sockets of so many pages."""
    own = let_in(lab)
    with contextlib.ExitStack() as pages:
        found = []
        for _ in range(how_many):
            page = connect(
                f"ws://127.0.0.1:{lab.port}/api/live",
                origin=own["Origin"],
                additional_headers={"Cookie": own["Cookie"]},
                compression=None,
                **PATIENT,
            )
            found.append(pages.enter_context(page))
        yield found


def read_all(page):
    """The rows of a page until the run is finished, and how many frames brought them."""
    rows, frames = [], 0
    while True:
        frame = newest(page)
        if frame is None:
            continue
        frames += 1
        assert frame["rows_from"] == len(rows)
        rows += frame["rows"]
        if frame["state"] == "finished":
            return rows, frames


def test_two_hundred_pages_lose_no_row(tmp_path):
    with started("--port", free_port(), cwd=tmp_path) as lab, many_pages(lab, 200) as pages:
        order(lab, do="start", settings=SLOW | {"steps": 1000})
        order(lab, do="step")  # now all that trains is loaded
        order(lab, do="go")
        before = memory(lab.process)
        with ThreadPoolExecutor(len(pages)) as readers:
            got = [rows for rows, _ in readers.map(read_all, pages)]
        grown = memory(lab.process) - before
    assert [row[0] for row in got[0]] == [*range(0, 1001, 10)]
    assert all(rows == got[0] for rows in got)
    assert grown < 50_000_000


def test_a_slow_page_skips_to_the_latest_and_misses_no_row():
    """It takes the first frame in, then none while fifty more are made."""

    class Slow:
        def __init__(self):
            self.ready, self.got = asyncio.Event(), []

        async def send_text(self, text):
            self.got.append(json.loads(text)["live"])
            await self.ready.wait()

    async def watched():
        feed, page, rows = Feed(None), Slow(), []
        sending = asyncio.create_task(feed.send(page))
        for step in range(50):
            rows.append((step, 0.5, None, 0.9))
            feed.frame = Frame(0, f'{{"step":{step}', rows, len(rows))
            feed.number += 1
            feed.came.set()
            feed.came = asyncio.Event()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        page.ready.set()
        async with asyncio.timeout(PATIENCE):
            while len(page.got) < 2:
                await asyncio.sleep(0)
        sending.cancel()
        return page.got, rows

    (first, last), rows = asyncio.run(watched())
    assert (first["step"], last["step"]) == (0, 49)
    assert [tuple(row) for row in first["rows"] + last["rows"]] == rows
    assert last["rows_from"] == len(first["rows"])


@pytest.mark.parametrize(("cost", "frames"), [(0, 109), (0.005, 109), (0.05, 20)])
def test_frames_are_eleven_a_second_at_most(monkeypatch, cost, frames):
    """In ten seconds of a clock of its own; making them takes a tenth of a core at most."""

    class Changing:
        version = property(lambda self: object())

    now = 0.0
    feed, turn = Feed(Changing(), watching=1), asyncio.sleep

    async def sleep(seconds):
        nonlocal now
        now += seconds
        feed.watching = now < 10
        await turn(0)

    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("chainrule.lab.server.feed.time", clock)
    monkeypatch.setattr("chainrule.lab.server.feed.frame_of", lambda _: (Frame(0, "", [], 0), cost))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(feed.make())
    assert feed.number == frames
