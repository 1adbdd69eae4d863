"""Bytes in any pieces become the same text; nothing past a stop string, no half characters."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from assistant.engine.text_stream import TextStream


def pushed(data: bytes, cuts: list[int], stop: tuple[str, ...] = ()) -> tuple[str, TextStream]:
    stream = TextStream(stop)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    shown = "".join(stream.push(data[a:b]) for a, b in itertools.pairwise(edges))
    return shown + stream.end(), stream


@given(st.text(), st.lists(st.integers(0, 500)))
def test_text_does_not_depend_on_how_it_comes(text: str, cuts: list[int]) -> None:
    shown, stream = pushed(text.encode("utf-8", "replace"), cuts)
    assert shown == stream.text == text.encode("utf-8", "replace").decode()


@given(
    st.text("ab", max_size=30),
    st.lists(st.integers(0, 30)),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_text_ends_before_the_first_stop_string(text: str, cuts: list[int], stops: list[str]) -> None:
    shown, stream = pushed(text.encode(), cuts, tuple(stops))
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert stream.stopped == any(stop in text for stop in stops)
    if not stream.stopped:
        assert shown == text


def test_broken_bytes_are_replaced_and_not_lost() -> None:
    shown, _ = pushed(b"a\xffb", [])
    assert shown == "a\ufffdb"
