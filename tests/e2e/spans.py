"""The spans of one trace as the tree that they are."""

from __future__ import annotations

from collections.abc import Sequence

from tests.servers.otlp import OtlpReceiver, Span

PATIENCE = 60.0


class Tree:
    """Looks at what has come so far."""

    def __init__(self, otlp: OtlpReceiver, trace: str) -> None:
        self._otlp = otlp
        self._trace = trace

    @property
    def spans(self) -> Sequence[Span]:
        """Return all of them."""
        return self._otlp.of(self._trace)

    def named(self, name: str) -> Sequence[Span]:
        """Return those of one name."""
        return [one for one in self.spans if one.name == name]

    def is_whole(self, caller: str) -> bool:
        """Say whether there is no gap: a span ends, and may come, after those beneath it."""
        ids = {caller, *(one.id for one in self.spans)}
        return all(one.parent in ids for one in self.spans)

    def below(self, parent: str, name: str) -> Span:
        """Return the one of that name beneath another; fail when there is none, or are more."""
        found = [one for one in self.named(name) if one.parent == parent]
        assert len(found) == 1, (name, self.drawn())
        return found[0]

    def drawn(self) -> str:
        """Return the tree as text."""
        ids = {one.id for one in self.spans}
        roots = [one for one in self.spans if one.parent not in ids]
        return "\n".join(line for root in roots for line in self._lines(root, 0))

    def _lines(self, span: Span, depth: int) -> Sequence[str]:
        below = [one for one in self.spans if one.parent == span.id]
        lines = [f"{'  ' * depth}{span.name} [{span.process[:4]}]"]
        return [*lines, *(line for one in below for line in self._lines(one, depth + 1))]
