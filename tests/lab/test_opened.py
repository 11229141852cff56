"""The browser that the lab opens, and how it is let in."""

import errno
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from helpers import PATIENCE
from helpers.processes import cookie_for, free_port, private_file, started, token_in, waiting

from chainrule.lab.server import browser


def test_no_token_is_on_a_command_line(fake_browser):
    """What another person reads on this machine: every command, and no private file."""
    with started("--port", free_port(), browser=fake_browser.command) as lab:
        process, file = private_file(fake_browser)
        assert str(file).encode() in Path(f"/proc/{process}/cmdline").read_bytes()
        once = token_in(file)
        assert once != lab.token
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        another = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        listed = subprocess.run(
            ["sh", "-c", f"cat /proc/*/cmdline; echo; cat '{file}'"], capture_output=True, **another
        ).stdout
        assert str(file).encode() in listed
        assert lab.token.encode() not in listed
        assert not another or once.encode() not in listed
        # It lets in once, and is removed.
        assert "HttpOnly" in cookie_for(lab, once)
        waiting(lambda: not file.parent.exists())
        assert cookie_for(lab, once) is None
        assert cookie_for(lab, lab.token)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_unused_file_goes_when_the_lab_ends(fake_browser, number):
    with started("--port", free_port(), browser=fake_browser.command) as lab:
        _, file = private_file(fake_browser)
        assert file.exists()
        lab.process.send_signal(number)
        lab.process.wait(timeout=PATIENCE)
        assert not file.parent.exists()
        assert lab.process.stderr.read() == ""


class Opener:
    """A browser that notes what it is told."""

    name = "opener"

    def __init__(self, monkeypatch):
        self.told = []
        monkeypatch.setattr(browser.webbrowser, "get", lambda: self)

    def open(self, address):
        self.told.append(address)


def test_a_file_that_nobody_opens_does_not_stay(monkeypatch, served):
    monkeypatch.setattr(browser, "PATIENCE", 0.1)
    opener = Opener(monkeypatch)
    invitation = browser.Invitation(served)
    assert invitation.open() is None
    (address,) = opener.told
    waiting(lambda: not Path(unquote(urlsplit(address).path)).parent.exists())
    assert served.once is None
    # Nothing is opened by a lab that has ended.
    assert invitation.open() is None
    assert opener.told == [address]


def test_a_browser_that_is_shut_in_is_not_opened(tmp_path, fake_browser):
    place = tmp_path / "snap/bin/firefox"
    place.parent.mkdir(parents=True)
    place.symlink_to(fake_browser.script)
    wrapper = tmp_path / "firefox"
    wrapper.write_text(f"#!/bin/sh\nexec {place} $@\n")
    wrapper.chmod(0o755)
    with ThreadPoolExecutor() as reader, started("--port", free_port(), browser=wrapper) as lab:
        assert lab.process.stdout.readline().startswith("Ctrl-C stops it")
        said = reader.submit(lab.process.stdout.readline).result(timeout=PATIENCE)
        assert said.startswith("The browser here cannot read a private file (")
        assert said.endswith("): open the address above by hand.\n")
        assert not fake_browser.told()
        assert cookie_for(lab, lab.token)


def test_where_no_file_can_be_written_it_is_said(monkeypatch, served):
    def full(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    opener = Opener(monkeypatch)
    monkeypatch.setattr(browser.tempfile, "mkdtemp", full)
    said = browser.Invitation(served).open()
    assert said is not None
    assert "can be written (read-only file system): open the address above" in said
    assert not opener.told


DESKTOP = {
    "firefox_firefox.desktop": ("Exec=env X=y /snap/bin/firefox %u", False),
    "org.mozilla.firefox.desktop": ("Exec=/usr/bin/flatpak run org.mozilla.firefox %u", False),
    "firefox.desktop": ("Exec=/usr/lib/firefox/firefox %u", True),
}


@pytest.mark.parametrize("launcher", ["xdg-open", "gio open -- %s"])
@pytest.mark.parametrize("name", DESKTOP)
def test_the_browser_that_was_chosen_decides(monkeypatch, tmp_path, name, launcher):
    asked_for = tmp_path / "xdg-settings"
    asked_for.write_text(f"#!/bin/sh\necho {name}\n")
    asked_for.chmod(0o755)
    place = tmp_path / "applications" / name
    place.parent.mkdir()
    text, reads = DESKTOP[name]
    place.write_text(f"[Desktop Entry]\n{text}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert browser.reads_files(launcher) == reads


def test_a_browser_of_windows_does_not_read_our_files(monkeypatch):
    assert browser.reads_files("firefox")
    wsl = SimpleNamespace(release="5.15.167.4-microsoft-standard-WSL2")
    monkeypatch.setattr(browser.platform, "uname", lambda: wsl)
    assert not browser.reads_files("firefox")
