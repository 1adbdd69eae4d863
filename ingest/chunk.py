"""ParsedDocument → chunks of about 256 tokens of the embedder, cut at headings, blocks and sentences."""

import hashlib
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from semantic_text_splitter import TextSplitter

from assistant.kernel.knowledge import Audience, Block, BlockKind, Chunk, ParsedDocument
from assistant.text.sentences import split_sentences
from ingest.sources.source import Source

CHUNKER = "blocks-4"
"""Changes whenever the same document would give other chunks; everything is then chunked anew."""
FRAME_TOKENS = 2
"""What the embedder puts around a text."""
MAX_HEADING_SHARE = 0.25

CountTokens = Callable[[Sequence[str]], list[int]]


class _Piece(NamedTuple):
    """A block, or part of one that was too long, with its size."""

    block: Block
    text: str
    tokens: int


def chunk(
    document: ParsedDocument, audience: Audience, count_tokens: CountTokens, size: int, overlap: int
) -> list[Chunk]:
    """Chunks in order. ``size`` counts the heading line too, as it is embedded with the text.

    A chunk never spans two headings. Tables, code and lists stay whole where they fit. Where running
    text is cut, up to ``overlap`` tokens of whole sentences are repeated.
    """
    chunks: list[Chunk] = []
    for group in _sections(document.blocks):
        room = _room(document, group[0], count_tokens, size)
        for texts in _pack(_pieces(group, count_tokens, room), count_tokens, room, overlap):
            chunks.append(_chunk(document, audience, group[0], texts, len(chunks), count_tokens))
    return chunks


def fingerprint(source: Source, audience: Audience, embedder_sha256: str, sizes: tuple[int, int]) -> str:
    """Equal when ingesting again would change nothing: same content, name, audience, chunker and embedder."""
    content = hashlib.sha256(source.data).hexdigest()
    parts = (
        content,
        source.media_type,
        source.title,
        source.url,
        audience.value,
        embedder_sha256,
        CHUNKER,
        *map(str, sizes),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _sections(blocks: Sequence[Block]) -> list[list[Block]]:
    """Runs of blocks below the same headings (and on the same page)."""
    groups: list[list[Block]] = []
    for block in blocks:
        if groups and (groups[-1][-1].heading_path, groups[-1][-1].anchor) == (block.heading_path, block.anchor):
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _room(document: ParsedDocument, block: Block, count_tokens: CountTokens, size: int) -> int:
    """Tokens left for text beside the heading line."""
    line = " > ".join(dict.fromkeys(part for part in (document.title, *block.heading_path) if part))
    heading = min(count_tokens([line])[0], int(size * MAX_HEADING_SHARE))
    return size - heading - FRAME_TOKENS


def _pieces(blocks: Sequence[Block], count_tokens: CountTokens, room: int) -> list[_Piece]:
    pieces: list[_Piece] = []
    for block, tokens in zip(blocks, count_tokens([block.text for block in blocks]), strict=True):
        if tokens <= room:
            pieces.append(_Piece(block, block.text, tokens))
            continue
        parts = _split(block, count_tokens, room)
        pieces += [_Piece(block, text, size) for text, size in zip(parts, count_tokens(parts), strict=True)]
    return pieces


def _split(block: Block, count_tokens: CountTokens, room: int) -> list[str]:
    """A block that is too long, cut at the best places: lines of tables, lists and code, else sentences."""
    lines = _sentences(block.text) if block.kind is BlockKind.PARAGRAPH else block.text.split("\n")
    parts: list[str] = []
    for line, tokens in zip(lines, count_tokens(lines), strict=True):
        if tokens <= room:
            parts.append(line)
        else:
            splitter = TextSplitter.from_callback(lambda text: count_tokens([text])[0], room)
            parts += splitter.chunks(line)
    return [part for part in parts if part.strip()]


def _pack(pieces: Sequence[_Piece], count_tokens: CountTokens, room: int, overlap: int) -> list[str]:
    """Fill chunks with pieces in order; the end of a full one is repeated at the start of the next."""
    texts: list[str] = []
    held: list[_Piece] = []
    for piece in pieces:
        if held and sum(item.tokens for item in held) + piece.tokens > room:
            texts.append(_join(held))
            held = _tail(held, count_tokens, min(overlap, room - piece.tokens))
        held.append(piece)
    if held:
        texts.append(_join(held))
    return texts


def _tail(held: Sequence[_Piece], count_tokens: CountTokens, overlap: int) -> list[_Piece]:
    """The last whole sentences of a chunk, up to ``overlap`` tokens; nothing after tables, code and lists."""
    last = held[-1]
    if last.block.kind is not BlockKind.PARAGRAPH:
        return []
    sentences = _sentences(last.text)
    kept: list[str] = []
    used = 0
    for text, tokens in zip(reversed(sentences), reversed(count_tokens(sentences)), strict=True):
        if used + tokens > overlap:
            break
        kept.insert(0, text)
        used += tokens
    return [_Piece(last.block, _run_on(kept), used)] if kept else []


def _sentences(text: str) -> list[str]:
    """Sentences, each with the line break that follows it, if one does."""
    spans = split_sentences(text)
    ends = [span.start for span in spans[1:]] + [len(text)]
    return [span.text + ("\n" if "\n" in text[span.end : end] else "") for span, end in zip(spans, ends, strict=True)]


def _run_on(texts: Sequence[str]) -> str:
    return "".join(text if text.endswith("\n") else f"{text} " for text in texts).strip()


def _join(pieces: Sequence[_Piece]) -> str:
    """Pieces of one block run on as they were; blocks stand apart."""
    blocks: list[str] = []
    for _, same in groupby(pieces, key=lambda piece: id(piece.block)):
        parts = list(same)
        prose = parts[0].block.kind is BlockKind.PARAGRAPH
        blocks.append(_run_on([part.text for part in parts]) if prose else "\n".join(part.text for part in parts))
    return "\n\n".join(blocks)


def _chunk(
    document: ParsedDocument, audience: Audience, first: Block, text: str, ordinal: int, count_tokens: CountTokens
) -> Chunk:
    place = f"{document.key}\0{audience.value}\0{ordinal}\0{document.title}\0{text}"
    link = f"{document.url.split('#')[0]}#{first.anchor}" if first.anchor else document.url
    return Chunk(
        id=hashlib.sha256(place.encode()).hexdigest()[:24],
        document_key=document.key,
        title=document.title,
        url=link,
        audience=audience,
        ordinal=ordinal,
        heading_path=first.heading_path,
        text=text,
        tokens=count_tokens([text])[0],
        language=document.language,
    )
