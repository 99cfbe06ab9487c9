"""Pages of one conversation: where the next one begins, as opaque text."""

from __future__ import annotations

from collections.abc import Sequence

from chat4all.services.messages import MessageView

PATTERN = "^(after|before)-[0-9]{1,13}\\Z"


def following(views: Sequence[MessageView], *, full: bool, forward: bool) -> str | None:
    """Return what leads on from a page in ascending order; None when it was not `full`."""
    if not full or not views:
        return None
    if forward:
        return f"after-{views[-1].message.seq}"
    first = views[0].message.seq
    return f"before-{first}" if first > 1 else None


def bounds(
    cursor: str | None, after_seq: int | None, before_seq: int | None
) -> tuple[int | None, int | None]:
    """Return the bounds of the page that `cursor` names, within those that were asked for."""
    if cursor is None:
        return after_seq, before_seq
    side, _, seq = cursor.partition("-")
    return (int(seq), before_seq) if side == "after" else (after_seq, int(seq))
