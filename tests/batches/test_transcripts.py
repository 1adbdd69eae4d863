"""Who is the customer in a conversation that only has names."""

import pytest

from assistant.batches.lines import Transcript


@pytest.mark.parametrize(
    ("dialogue", "authors"),
    [
        ("Ann: My kettle leaks.\nBob: Please send a photo.\nAnn: Here it is.", ["customer", "agent", "customer"]),
        ("Bob: Can I help you?\nAnn: My kettle leaks.", ["agent", "customer"]),
        ("Bob: Good evening, Pizza House. May I take your order?\nAnn: A medium one.", ["agent", "customer"]),
        ("Bob: Would you like anything else, sir?\nAnn: Some water, please.", ["agent", "customer"]),
        ("Ann: My kettle leaks.\nBob: I see, madam. Can I help you with anything else?", ["customer", "agent"]),
        ("Ann: One.\nBob: Two.\nCarl: Three.", ["customer", "agent", "agent"]),
        ("Ann alone talks.", ["customer"]),
        ("Ann: My kettle leaks.", ["customer"]),
        ("Chat of 3 May\nAnn: My kettle leaks.\nBob: I see.", ["system", "customer", "agent"]),
    ],
)
def test_the_one_who_serves_is_the_agent_and_nothing_is_lost(dialogue: str, authors: list[str]) -> None:
    ticket = Transcript(dialogue=dialogue).ticket()
    assert [message.author for message in ticket.messages] == authors
    said = "".join(message.text for message in ticket.messages)
    assert all(word in said for word in dialogue.replace("Ann:", "").replace("Bob:", "").replace("Carl:", "").split())
