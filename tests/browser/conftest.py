"""A real server, a real browser, and a watch on all that the page may not do."""

from collections.abc import Iterator

import playwright.sync_api
import pytest
from helpers.visits import DESK, SECONDS, TELL_VIOLATIONS, Lab, Watch
from playwright.sync_api import Browser, BrowserContext, Page

from browser import chromium

MEDIA = {"color_scheme": "light", "reduced_motion": "no-preference"}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with playwright.sync_api.sync_playwright() as driver:
        started = chromium.start(driver)
        playwright.sync_api.expect.set_options(timeout=SECONDS * 1000)
        yield started
        started.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """The lab that most tests visit."""
    started = Lab(tmp_path_factory.mktemp("lab"))
    yield started
    started.stop()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert not watching.complaints


OUTCOME = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


def new_context(browser, **settings) -> BrowserContext:
    context = browser.new_context(**{"viewport": DESK, **settings})
    context.set_default_timeout(SECONDS * 1000)
    context.add_init_script(TELL_VIOLATIONS)
    return context


@pytest.fixture(scope="package")
def same_page(browser, lab) -> Iterator[Page]:
    """One page that test after test loads anew, which takes a quarter of the time of a new one."""
    context = new_context(browser)
    assert context.request.get(lab.address).ok  # the token is exchanged for a cookie
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(browser, watch, lab, same_page, request, tmp_path):
    """Open the lab at an address; a second visit of a test is that of another browser.

    What names no depth is opened where the numbers are, unless the `front` is wanted.
    Settings are those of a browser's context. What a failed test saw last is kept as pictures in
    its tmp_path.
    """
    contexts: list[BrowserContext] = []
    pages: list[Page] = []

    def open_page(query="", *, at=lab, front=False, **settings) -> Page:
        watch.home = at.home
        if not front and "depth=" not in query:
            query = f"{query or '?'}&depth=numbers".replace("?&", "?")
        if pages or at is not lab or set(settings) - {"viewport", *MEDIA}:
            context = new_context(browser, **settings)
            contexts.append(context)
            context.on("page", watch.page)
            assert context.request.get(at.address).ok
            page = context.new_page()
        else:
            page = same_page
            watch.page(page)
            page.set_viewport_size(settings.get("viewport", DESK))
            page.emulate_media(**{name: settings.get(name, usual) for name, usual in MEDIA.items()})
            page.mouse.move(0, 0)
        pages.append(page)
        page.goto(at.home + query)
        page.locator("main:not([aria-busy])").wait_for()  # it has something to show
        return page

    yield open_page
    if request.node.stash.get(OUTCOME, True):
        for k, page in enumerate(pages):
            picture = tmp_path / f"failed-{k}.png"
            page.screenshot(path=picture)
            print(f"{page.url} looked like {picture}")
    watch.leave(same_page)
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit) -> Page:
    """The first page that a visitor sees."""
    return visit()
