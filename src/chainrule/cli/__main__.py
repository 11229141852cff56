"""`python -m chainrule.cli` goes through the front door, too."""

from chainrule.__main__ import main

main()
