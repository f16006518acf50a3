"""Reading of HTML, as a browser and a person do: elements, what is seen, what a label belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Elements of HTML that have no end.
VOID = {"col", "input", "link", "meta", "br", "wbr", "img", "hr"}
#: What nobody sees.
UNSEEN = {"head", "script", "style", "defs"}
#: What stands in a line of text; but for these classes, which are blocks in the style sheet.
INLINE = {"a", "b", "span", "mark", "code", "q", "time", "wbr"}
BLOCKS = {"sub", "why", "clip", "tag", "button"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    @property
    def classes(self) -> list[str]:
        return self.get("class").split()

    @property
    def elements(self) -> Iterator[Element]:
        """All elements below this one, in their order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.elements

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """Return all elements below this one of these kinds, with these attributes."""
        wanted = attributes.items()
        found = (each for each in self.elements if not tags or each.tag in tags)
        return [each for each in found if all(each.get(name.rstrip("_")) == value for name, value in wanted)]

    def one(self, *tags: str, **attributes: str) -> Element:
        (found,) = self.all(*tags, **attributes)
        return found

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in UNSEEN:
                inline = child.tag in INLINE and not BLOCKS.intersection(child.classes)
                yield from child._texts() if inline else ("\n", *child._texts(), "\n")

    @property
    def rows(self) -> list[list[str]]:
        """The texts of the cells of a table's body."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)]
            for body in self.all("tbody")
            for row in body.all("tr")
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)
        if tag not in VOID:
            child = self._open[-1].children[-1]
            assert isinstance(child, Element)
            self._open.append(child)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice: {names}"
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> ends <{self._open[-1].tag}>, at {self.getpos()}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def finish(self) -> Element:
        self.close()
        assert self._open == [self.root], f"never ended: {[each.tag for each in self._open[1:]]}"
        return self.root


def read(html: str) -> Element:
    """Return a document; fail where it is not well-formed."""
    reader = _Reader()
    reader.feed(html)
    return reader.finish()
