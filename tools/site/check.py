"""check.py SITE: nothing in the site's pages is fetched from another server when they are read."""

import html.parser
import pathlib
import sys


class Fetched(html.parser.HTMLParser):
    """The addresses that a browser asks for by itself; a link that a reader may follow is none."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "link" and named.get("rel") in ("canonical", "next", "prev", "alternate"):
            return
        if tag != "a":
            self.addresses += [named[name] for name in ("src", "srcset", "href", "poster") if named.get(name)]


def main(site):
    pages = sorted(pathlib.Path(site).rglob("*.html"))
    foreign = []
    for page in pages:
        parser = Fetched()
        parser.feed(page.read_text())
        foreign += [f"{page}: {address}" for address in parser.addresses if address.startswith(("http:", "https:", "//"))]
    if foreign or not pages:
        sys.exit("\n".join(foreign) or f"there are no pages in {site}")
    print(f"{len(pages)} pages in {site}, which fetch nothing from elsewhere")


if __name__ == "__main__":
    main(*sys.argv[1:])
