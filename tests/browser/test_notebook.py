"""A moment and values in a notebook's output: in frames as Jupyter and Colab have them."""

from html import escape

import pytest
from browser.conftest import new_context  # noqa: F401
