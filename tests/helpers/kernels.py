"""Notebooks run as Jupyter runs them: by a kernel, in a process of its own."""

import os

import nbclient
from traitlets.config import Config

FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def execute(notebook, folder, *, errors=False):
    """The notebook after a kernel ran all of it in this folder; an error may end it."""
    connection = {
        "transport": "ipc",  # no port is opened
        "ip": str(folder / "kernel"),
        "connection_file": str(folder / "kernel.json"),
    }
    env = {**os.environ, **{name: str(folder / name) for name in FOLDERS}}
    env["OPENBLAS_NUM_THREADS"] = "1"  # threads that wait for their turn on a busy machine spin
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        allow_errors=errors,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        config=Config(KernelManager=connection),
    )
    return client.execute(env=env)
