"""The elements of a page, as a parser finds them."""

from html.parser import HTMLParser


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the text in each script and style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    def only(self, tag, **attributes):
        found = [
            (told, text)
            for (name, told), text in zip(self.tags, self.texts, strict=True)
            if name == tag and attributes.items() <= told.items()
        ]
        assert len(found) == 1, (tag, attributes)
        return found[0]
