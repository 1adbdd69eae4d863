"""Words that turn a statement into another one: opposites, negations, units."""

from collections import defaultdict

_OPPOSED = """before/after more/less more/fewer most/least higher/lower above/below over/under maximum/minimum increase/decrease
    increases/decreases increased/decreased raise/lower always/never all/none every/no if/unless with/without include/exclude
    includes/excludes including/excluding enable/disable enabled/disabled enables/disables allow/forbid allows/forbids allowed/forbidden
    required/optional must/may mandatory/optional first/last start/stop open/close opened/closed add/remove adds/removes
    up/down left/right top/bottom early/late earlier/later long/short longer/shorter large/small larger/smaller old/new older/newer
    buy/sell buying/selling best/worst better/worse good/bad safe/unsafe easy/hard easier/harder free/paid public/private
    internal/external inside/outside cheap/expensive cheaper/costlier fast/slow faster/slower high/low many/few often/rarely
    positive/negative same/different true/false valid/invalid legal/illegal possible/impossible until/after active/inactive
    automatically/manually temporary/permanent temporarily/permanently connect/disconnect accept/reject accepted/rejected
    upload/download import/export lock/unlock install/uninstall show/hide begin/end north/south east/west right/wrong
    success/failure succeed/fail gain/loss gains/losses profit/loss credit/debit deposit/withdraw strong/weak stronger/weaker
    both/neither""".split()
_PHRASES = (("at least", "at most"), ("more than", "less than"), ("up to", "at least"), ("only if", "even if"))
_GROUPS = (
    "second minute hour day week month year decade",
    "seconds minutes hours days weeks months years decades",
    "kb mb gb tb",
    "millimetres centimetres metres kilometres inches feet miles",
    "meters kilometers miles feet inches",
    "grams kilograms pounds ounces tons",
    "dollars euros pounds cents",
    "percent points",
    "thousand million billion trillion",
)
_FREQUENCIES = "daily weekly monthly quarterly yearly annually"
NEGATIONS = ("no", "not", "never", "none", "nothing", "cannot", "without", "neither", "nor", "unable")


def _pairs() -> dict[str, tuple[str, ...]]:
    opposed: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in (*(pair.split("/") for pair in _OPPOSED), *_PHRASES):
        opposed[one].append(other)
        opposed[other].append(one)
    return {word: tuple(others) for word, others in opposed.items()}


def _others(*groups: str) -> dict[str, tuple[str, ...]]:
    return {
        word: tuple(other for other in group.split() if other != word) for group in groups for word in group.split()
    }


OPPOSITES = _pairs() | _others(_FREQUENCIES)
"""Word or phrase → what says the opposite, or so much else that it is not the same."""
UNITS = _others(*_GROUPS)
"""Unit → others of the same quantity."""
