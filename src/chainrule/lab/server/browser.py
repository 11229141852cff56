"""Open the lab in the browser, without a secret on its command line.

Everybody who uses this machine can read which commands run on it. So the browser is told the name
of a file that only this person can read. The file leads to the lab by a token that lets in once:
what the browser keeps in its history is worth nothing.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
import threading
import webbrowser
from pathlib import Path
from string import Template

from chainrule.files import in_words
from chainrule.lab.server.served import Served

PAGE = Template((Path(__file__).parents[1] / "page/open.template").read_text(encoding="utf-8"))
PATIENCE = 300.0  # seconds for the browser to start and open the file
LAUNCHERS = ("xdg-open", "gio", "gvfs-open")  # that start the browser which this person has chosen
# Programs that do not see the files of this system: packages in a sandbox, and editors that open an
# address on the machine they are used from.
SHUT_IN = re.compile(r"/snap/|flatpak|firejail|/helpers/browser\.sh")


class Invitation:
    """The way in for the browser that the lab opens by itself; it is closed once it was used."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.lock = threading.Lock()
        self.closed = False

    def open(self) -> str | None:
        """Open the lab in the browser; if its token cannot be passed in private, the reason."""
        try:
            browser = webbrowser.get()
        except webbrowser.Error:
            return None  # the printed address is all there is
        by_hand = "open the address above by hand"
        name = getattr(browser, "name", "")
        if not reads_files(name):
            return f"The browser here cannot read a private file ({name}): {by_hand}."
        with self.lock:
            if self.closed:
                return None
            try:
                path = self.write()
            except OSError as error:
                why = in_words(error)
                return f"No private file for the browser can be written ({why}): {by_hand}."
        threading.Thread(target=self.wait, daemon=True).start()
        browser.open(path.as_uri())
        return None

    def write(self) -> Path:
        """The private file, in a folder of its own."""
        self.folder = tempfile.TemporaryDirectory(prefix="chainrule-")
        path = Path(self.folder.name) / "open.html"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(PAGE.substitute(address=self.served.invite()))
        return path

    def wait(self) -> None:
        self.served.came.wait(PATIENCE)
        self.close()

    def close(self) -> None:
        """Let nobody in by the file any more, and remove it."""
        with self.lock:
            self.closed = True
            self.served.once = None
            if self.folder is not None:
                self.folder.cleanup()


def reads_files(command: str) -> bool:
    """Whether the browser that this command starts can read a file of ours."""
    if "microsoft" in platform.uname().release.lower():  # WSL: the browser is one of Windows
        return False
    program, _, _ = command.partition(" ")
    said = about_chosen() if Path(program).name in LAUNCHERS else about_program(program)
    return not any(map(SHUT_IN.search, (command, *said)))


def about_program(program: str) -> list[str]:
    """Where a program is, and its text if it is a script that starts another one."""
    place = Path(shutil.which(program) or "/nowhere").resolve()
    try:
        with place.open("rb") as file:
            start = file.read(1 << 16)
    except OSError:
        start = b""
    return [str(place), start.decode("latin-1") if start.startswith(b"#!") else ""]


def about_chosen() -> list[str]:
    """The name and the text of the desktop file of the browser that this person has chosen."""
    try:
        asked = ["xdg-settings", "get", "default-web-browser"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    name = told.stdout.strip()
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    packaged = ("/var/lib/snapd/desktop", "/var/lib/flatpak/exports/share")
    for folder in (home, *shared.split(":"), *packaged):
        path = Path(folder).expanduser() / "applications" / name
        if path.is_file():
            return [str(path.resolve()), path.read_text(encoding="utf-8", errors="replace")]
    return [name]
