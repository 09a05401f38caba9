"""YAML with positions: where every key and value stands, and nothing that surprises.

Every scalar stays the text that was written (`10:30`, `007`, `no`): what it means is for the model that wants it, so
that no version of YAML has a say. Only `null`, `~` and nothing at all are None. Duplicate keys, tags and a second
document are refused; size, depth and what aliases multiply are bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

MAX_CHARACTERS: Final = 1_000_000
MAX_DEPTH: Final = 40
MAX_NODES: Final = 100_000
"""Counted with every alias written out."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAGS: Final = frozenset({"!", "!!str", "tag:yaml.org,2002:str"})


class Mark(NamedTuple):
    """A place in the file; both count from 1."""

    line: int
    column: int


class YamlError(Exception):
    """A mistake in the YAML itself."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


@dataclass(slots=True)
class Node:
    """A value: text or None, a mapping or a sequence. `keys` tells where the keys of a mapping stand."""

    mark: Mark
    value: "str | dict[str, Node] | list[Node] | None"
    keys: dict[str, Mark] = field(default_factory=dict)
    size: int = 1
    depth: int = 1

    def child(self, key: object) -> "Node | None":
        """What stands under a key or index, if anything does."""
        if isinstance(self.value, dict) and isinstance(key, str):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def plain(self) -> Any:
        """The same as dicts, lists, strings and None."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def compose(text: str) -> tuple[Node | None, list[YamlError]]:
    """Read a document: its root (None for an empty one) and what else is wrong with it, such as duplicate keys.

    Raises YamlError where reading cannot go on.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(Mark(1, 1), f"the file is longer than {MAX_CHARACTERS} characters")
    composer = _Composer()
    return composer.document(_events(text)), composer.mistakes


def _events(text: str) -> Iterator[Event]:
    try:
        yield from YAML(typ="rt", pure=True).parse(text)
    except ReaderError as error:
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, error.position - before.rfind("\n"))
        raise YamlError(mark, "a control character does not belong here") from None
    except MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        mark = Mark(place.line + 1, place.column + 1) if place else Mark(1, 1)
        raise YamlError(mark, _said(error)) from None
    except Exception:  # ruamel.yaml's own on odd input: OverflowError for \UFFFFFFFF, and others
        raise YamlError(Mark(1, 1), "this is not YAML") from None


def _said(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "this is not YAML").splitlines()[0]
    if "\\t" in problem or "\t" in problem:
        return "a tab does not belong here; indent with spaces"
    if "mapping values are not allowed" in problem:
        return f"{problem}; quote text that holds a colon, and check the indentation"
    return problem


def _mark(event: Event) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


class _Composer:
    """Makes nodes of events. Depth is bounded before Python's own stack is."""

    def __init__(self) -> None:
        self.mistakes: list[YamlError] = []
        self._anchors: dict[str, Node] = {}

    def document(self, events: Iterator[Event]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise YamlError(_mark(event), "a second document begins here; put everything into one")
            elif isinstance(event, ScalarEvent | AliasEvent | MappingStartEvent | SequenceStartEvent):
                root = self._node(event, events, 1)
        return None if root is None or root.value is None else root

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        mark = _mark(event)
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlError(mark, "this alias has no anchor before it")
            return self._bounded(self._anchors[event.anchor], mark, depth)
        if depth > MAX_DEPTH:
            raise YamlError(mark, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, ScalarEvent):
            node = Node(mark, self._scalar(event))
        elif isinstance(event, MappingStartEvent):
            self._no_tag(event)
            node = self._mapping(mark, events, depth)
        else:
            self._no_tag(event)
            node = self._sequence(mark, events, depth)
        if anchor := getattr(event, "anchor", None):
            self._anchors[anchor] = node
        return self._bounded(node, mark, depth)

    def _bounded(self, node: Node, mark: Mark, depth: int) -> Node:
        if node.size > MAX_NODES:
            raise YamlError(mark, f"more than {MAX_NODES} values, counted with every alias written out")
        if depth + node.depth - 1 > MAX_DEPTH:
            raise YamlError(mark, f"nested more than {MAX_DEPTH} levels deep")
        return node

    def _scalar(self, event: ScalarEvent) -> str | None:
        tag = str(event.tag) if event.tag else ""
        if tag and tag not in _TEXT_TAGS:
            self._no_tag(event)
        is_plain = not event.style and not tag
        return None if is_plain and event.value in _NULLS else str(event.value)

    def _no_tag(self, event: Event) -> None:
        if getattr(event, "tag", None):
            self.mistakes.append(YamlError(_mark(event), "tags (!…) have no meaning here; leave it out"))

    def _sequence(self, mark: Mark, events: Iterator[Event], depth: int) -> Node:
        items: list[Node] = []
        node = Node(mark, items)
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self._grow(node, self._node(event, events, depth + 1), mark))
        return node

    def _mapping(self, mark: Mark, events: Iterator[Event], depth: int) -> Node:
        entries: dict[str, Node] = {}
        node = Node(mark, entries)
        merged: list[Node] = []
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value = self._grow(node, self._node(next(events), events, depth + 1), mark)
            here = _mark(event)
            if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
                merged += value.value if isinstance(value.value, list) else [value]
            elif not isinstance(key.value, str | None):
                self.mistakes.append(YamlError(here, "a key should be text; quote what begins with {, [ or *"))
            elif (name := _key(event, key)) in entries:
                first = node.keys[name].line
                self.mistakes.append(YamlError(here, f"this key stands here twice; the first is on line {first}"))
            else:
                entries[name], node.keys[name] = value, here
        self._merge(node, merged)
        return node

    def _merge(self, node: Node, merged: list[Node]) -> None:
        """What `<<: *other` brings in, for keys that are not set here; earlier ones win."""
        assert isinstance(node.value, dict)
        for other in merged:
            if not isinstance(other.value, dict):
                self.mistakes.append(YamlError(other.mark, "<< takes a mapping, such as *name of one"))
                continue
            for key, value in other.value.items():
                if key not in node.value:
                    node.value[key], node.keys[key] = self._grow(node, value, node.mark), other.keys[key]

    def _grow(self, node: Node, child: Node, mark: Mark) -> Node:
        node.size += child.size
        node.depth = max(node.depth, child.depth + 1)
        self._bounded(node, mark, 1)
        return child


def _key(event: Event, key: Node) -> str:
    # `null:` and `~:` are keys of those letters.
    return str(event.value) if isinstance(event, ScalarEvent) else str(key.value)
