"""The lab: every number of the network in a browser, for a test image or one's own drawing.

api/ answers, live/ trains, server/ serves; the rest is the page. docs/design/lab.md tells how.
Needs the extra `lab`.
"""
