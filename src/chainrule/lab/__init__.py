"""The lab: every number of the network in a browser, for a test image or one's own drawing.

server.py answers, asked.py reads what was asked, moment.py makes the answers; the rest is the page.
Needs the extra `lab`.
"""
