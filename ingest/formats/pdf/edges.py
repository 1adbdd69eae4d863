"""Pages → the same without what repeats at their edges: headers, footers and page numbers."""

import re
from collections import Counter
from collections.abc import Sequence

from ingest.formats.pdf.page import PageContent, Run, body_size

MARGIN_SHARE = 0.085
"""Of a page's height, above and below: where running headers and footers stand."""
OUTER_SHARE, SMALL = 0.05, 0.95
"""What stands farther out than text ever does and is smaller is one of them even on a single page."""
REPEATED_PAGES = 3
"""What stands there on so many pages, but for its numbers, is a header or footer: a chapter may have its own. With a number at its
end or beginning, which may be the page's, two are enough."""
_PAGE_NUMBER = re.compile(r"^(page|seite|p\.)?\s*[-–]?\s*(\d{1,4}|[ivxlc]{1,7})\s*[-–]?(\s*(of|/|von)\s*\d{1,4})?$", re.IGNORECASE)  # fmt: skip


def without_edges(pages: Sequence[PageContent]) -> list[PageContent]:
    """Pages without headers, footers and page numbers."""
    body = body_size(pages)
    seen = Counter(mark for page in pages for mark in {_mark(run) for run in page.runs if _at_edge(run, page)})

    def repeats(run: Run, page: PageContent) -> bool:
        if run.size < SMALL * body and _at_edge(run, page, OUTER_SHARE):
            return True
        return _at_edge(run, page) and (
            seen[mark := _mark(run)] >= REPEATED_PAGES - ("#" in (mark[0], mark[-1]))
            or bool(_PAGE_NUMBER.match(run.text.strip()))
        )

    return [page._replace(runs=[run for run in page.runs if not repeats(run, page)]) for page in pages]


def _at_edge(run: Run, page: PageContent, share: float = MARGIN_SHARE) -> bool:
    band = share * page.height
    return run.box.bottom < band or run.box.top > page.height - band


def _mark(run: Run) -> str:
    """The text with every number alike."""
    return re.sub(r"\d+", "#", " ".join(run.text.split()))
