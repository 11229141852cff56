"""The lab's server: Starlette and uvicorn are known here only."""
