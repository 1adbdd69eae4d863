"""Near-duplicates: versions of one article are found, and what only looks like one is left in peace."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.knowledge import Audience, Likeness, Problem, Standing
from ingest.copies import find_copies, sketch
from ingest.load import load
from ingest.parse import parse
from ingest.pipeline import Ingest, ingest
from ingest.sources.source import Source
from tests.conftest import HELP_CENTRE
from tests.ingest.uploads import uploaded

RETURNS = (HELP_CENTRE / "returns-2026-current.md").read_text()


def document(
    key: str, text: str, year: int, *, media_type: str = "text/markdown", standing: Standing = Standing.CURRENT
) -> Likeness:
    parsed = parse(uploaded("article.md", text.encode()))
    modified, seen = datetime(year, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    return Likeness(key, media_type, standing, modified, seen, sketch(parsed, Audience.PUBLIC))


def test_of_two_versions_the_newest_is_kept() -> None:
    old, new = document("old", RETURNS.replace("30 days", "14 days"), 2021), document("new", RETURNS, 2026)
    assert find_copies([old, new]) == find_copies([new, old]) == {"old": "new"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Returns and refunds", "# Copy of returns and refunds"),
        ("# Returns and refunds", "# Returns and refunds (old)"),
        ("# Returns and refunds", "# Returns and refunds - Copy"),
        ("**30 days from the day of delivery**", "30  days from the day of delivery"),
        ("## Cost", "## What it costs"),
    ],
)
def test_what_was_copied_is_found(before: str, after: str) -> None:
    assert before in RETURNS
    copy = RETURNS.replace(before, after)
    assert find_copies([document("a", RETURNS, 2026), document("b", copy, 2025)]) == {"b": "a"}


@pytest.mark.parametrize(
    "other",
    [
        RETURNS.replace("# Returns and refunds", "# Returns and refunds of the Mill"),
        RETURNS.replace("a machine, a grinder", "a Mill, a grinder"),
        f"{RETURNS}\n\nThis does not hold for the E61.",
    ],
)
def test_a_page_that_names_something_else_is_none(other: str) -> None:
    assert other != RETURNS
    assert find_copies([document("a", RETURNS, 2026), document("b", other, 2025)]) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Windows 10", "Windows 11"),
        ("Model 700", "Model 900"),
        ("version 1.4", "version 2.0"),
        ("iOS", "iPadOS"),
        ("macOS", "webOS"),
        ("debit card", "credit card"),
        ("Москва", "Казань"),
    ],
)
def test_pages_of_one_text_about_two_things_are_none(one: str, other: str) -> None:
    text = (
        "# Installation\n\n{0} needs 2 GB of memory. Before you begin, see that your {0} is up to date and that nobody works with it.\n\n"
        "- {0} is found under Settings.\n- Restart when the set-up of {0} has ended, which takes some 20 minutes, and sign in again.\n"
    )
    known = [document("a", text.format(one), 2026), document("b", text.format(other), 2025)]
    assert find_copies(known) == {}


def test_only_words_that_begin_in_upper_case_are_names() -> None:
    new = f"{RETURNS}\n\nA customer of ours über alles may ask the überall team."
    assert find_copies([document("old", RETURNS, 2021), document("new", new, 2026)]) == {"old": "new"}


def test_no_two_articles_of_the_help_centre_are_taken_for_one() -> None:
    sources = [source for source in load(HELP_CENTRE) if isinstance(source, Source)]
    known = [
        Likeness(each.key, each.media_type, Standing.CURRENT, each.modified, datetime(2026, 1, 1, tzinfo=UTC),
                 sketch(parse(each), Audience.PUBLIC))
        for each in sources
    ]  # fmt: skip
    assert find_copies(known) == {}


@pytest.mark.parametrize(("year", "kept"), [(2021, "current"), (2026, "outdated")])
def test_what_is_older_than_an_outdated_version_does_not_come_back(year: int, kept: str) -> None:
    current, outdated = (
        document("current", RETURNS, 2024),
        document("outdated", RETURNS, year, standing=Standing.OUTDATED),
    )
    assert set(find_copies([current, outdated]).values()) == {kept}


def test_an_article_is_kept_before_a_newer_mail_or_ticket() -> None:
    article = document("article", RETURNS, 2020)
    mail = document("mail", RETURNS, 2024, media_type="message/rfc822")
    ticket = document("tickets:file:///a.jsonl#7", RETURNS, 2026)
    copies = find_copies([ticket, mail, article])
    assert copies == {"mail": "article", "tickets:file:///a.jsonl#7": "article"}


@pytest.mark.parametrize("year", [2021, 2026])
def test_what_a_person_calls_separate_is_left_out_for_nothing_and_nothing_for_it(year: int) -> None:
    one, other = document("one", RETURNS, 2024), document("other", RETURNS, year, standing=Standing.SEPARATE)
    assert find_copies([one, other]) == {}


def test_rows_of_one_file_stay_unless_it_dates_them() -> None:
    one, other = (document(f"file:///kb.jsonl#{number}", RETURNS, 2020 + number) for number in (1, 2))
    assert find_copies([one, other]) == {one.key: other.key}
    assert find_copies([one._replace(modified=None), other._replace(modified=None)]) == {}
    elsewhere = one._replace(key="file:///more.jsonl#1", modified=None)
    assert len(find_copies([elsewhere, other._replace(modified=None)])) == 1


def test_audiences_do_not_take_from_each_other() -> None:
    parsed = parse(uploaded("returns.md", RETURNS.encode()))
    public, internal = sketch(parsed, Audience.PUBLIC), sketch(parsed, Audience.INTERNAL)
    assert public.words == internal.words
    assert public.title != internal.title


def test_a_thousand_alike_are_grouped() -> None:
    many = [document("first", RETURNS, 2026)]
    many += [many[0]._replace(key=f"{number:04}", modified=datetime(2020, 1, 1, tzinfo=UTC)) for number in range(1_000)]
    assert set(find_copies(many).values()) == {"first"}


@pytest.fixture
def desk() -> Ingest:
    return Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)


def sources(**texts: str) -> Iterator[Source | Problem]:
    for year, (name, text) in enumerate(texts.items(), start=2020):
        source = uploaded(f"{name}.md", text.encode())
        yield source._replace(modified=datetime(year, 1, 1, tzinfo=UTC))


def test_a_version_comes_back_when_the_one_that_was_kept_is_gone(desk: Ingest) -> None:
    old = RETURNS.replace("30 days", "14 days")
    for texts, found in (
        ({"old": old, "new": RETURNS}, {"upload:new.md"}),
        ({"old": old}, {"upload:old.md"}),
        ({"old": old, "other": "# Refurbished machines\n\nThey have a warranty of one year."},
         {"upload:old.md", "upload:other.md"}),
    ):  # fmt: skip
        report = ingest(
            sources(**texts), "t1", Audience.PUBLIC, desk, roots=["upload:old.md", "upload:new.md", "upload:other.md"]
        )
        assert set(desk.writer.documents("t1")) == found
        assert report.documents == len(found)


def test_dates_come_from_where_documents_do(tmp_path: Path) -> None:
    (tmp_path / "kb.jsonl").write_text('{"_id": "a", "text": "Some text.", "updated_at": "2024-03-01T12:00:00Z"}\n')
    (tmp_path / "mail.eml").write_text("Date: Fri, 01 Mar 2024 12:00:00 +0000\nSubject: Returns\n\nThirty days.\n")
    (tmp_path / "odd.eml").write_text("Date: soon\nSubject: Returns\n\nThirty days.\n")
    (tmp_path / "page.md").write_text("# Returns\n\nThirty days.\n")
    found = {source.name: source.modified for source in load(tmp_path) if isinstance(source, Source)}
    march = datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert (found["kb.jsonl:1"], found["mail.eml"], found["odd.eml"]) == (march, march, None)
    assert found["page.md"] == datetime.fromtimestamp((tmp_path / "page.md").stat().st_mtime, UTC)
