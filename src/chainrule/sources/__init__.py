"""Digits as people have them: what lies at a path, and how it becomes images and labels.

One file a kind: IDX files, CSV, .npz, pictures in folders, parquet; a pickle is refused. Each
gives the two parts as they stand there (`parts.py`), and `opening.py` makes digits of them: it
names their classes, and draws a test part where there is none.
"""

from chainrule.sources.apart import set_apart as set_apart
from chainrule.sources.opening import load_digits as load_digits
