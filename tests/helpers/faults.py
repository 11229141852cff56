"""A command that is killed, or whose disk fails, at the write, fsync or rename of a number."""

import subprocess
import sys

INJECTED = """
import errno, os, pathlib, signal, sys
kind, place, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
count = 0

def now(what):
    global count
    count += kind in (what, "any")
    return kind in (what, "any") and count == place

def end():
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(getattr(errno, way), os.strerror(getattr(errno, way)))

class Written:
    def __init__(self, file):
        self.file = file
    def write(self, data):
        if now("write"):
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            end()
        return self.file.write(data)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def __getattr__(self, name):
        return getattr(self.file, name)

opened = pathlib.Path.open
def open_path(path, mode="r", *rest, **more):
    file = opened(path, mode, *rest, **more)
    return file if set(mode) <= set("rbt") else Written(file)
pathlib.Path.open = open_path

for name, what in (("fsync", "fsync"), ("replace", "rename")):
    def call(*arguments, real=getattr(os, name), what=what, **more):
        if now(what):
            end()
        return real(*arguments, **more)
    setattr(os, name, call)

sys.argv[1:] = sys.argv[4:]
import atexit
atexit.register(lambda: print("calls", count, file=sys.stderr))
from chainrule.cli.main import main
main()
"""


def inject(kind, place, way, *arguments):
    return subprocess.run(
        [sys.executable, "-c", INJECTED, kind, str(place), way, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
    )
