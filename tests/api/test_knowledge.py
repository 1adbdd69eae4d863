"""Documents over REST: sent, ingested by a job, found, listed, deleted, gone."""

from pathlib import Path

import pytest

from tests.api.conftest import MakeClient
from workers.tasks import Workshop, run_job

pytestmark = pytest.mark.models


def test_a_document_is_ingested_by_its_job_found_and_deleted_again(
    client: MakeClient, shop: Workshop, note: Path
) -> None:
    caller = client()
    url = "https://help.fernhill.example/christmas"
    sent = caller.post("/v1/documents", files={"file": (note.name, note.read_bytes())}, data={"url": url})
    assert sent.status_code == 202
    job_id = sent.json()["id"]
    assert caller.get(f"/v1/jobs/{job_id}").json()["state"] == "queued"
    assert run_job(job_id, shop)
    assert caller.get(f"/v1/jobs/{job_id}").json()["state"] == "done"

    query = "/v1/search?q=Is the Leeds workshop open at Christmas?&limit=1"
    (passage,) = caller.get(query).json()["passages"]
    assert (passage["title"], passage["url"]) == ("Christmas opening hours", url)

    listed = [
        item for item in caller.get("/v1/documents").json()["documents"] if item["title"] == "Christmas opening hours"
    ]
    deleted = caller.delete(f"/v1/documents/{listed[0]['id']}")
    assert deleted.status_code == 202
    assert caller.get(query).json()["passages"][0]["title"] != "Christmas opening hours", "at once"
    assert run_job(deleted.json()["id"], shop)
    assert caller.get(query).json()["passages"][0]["title"] != "Christmas opening hours"
    assert caller.delete(f"/v1/documents/{listed[0]['id']}").status_code == 404


def test_an_article_that_is_marked_outdated_says_so_and_a_near_duplicate_is_left_out(
    client: MakeClient, shop: Workshop, note: Path
) -> None:
    caller = client()
    text = note.read_text()
    for name in ("a.md", "b.md"):
        run_job(caller.post("/v1/documents", files={"file": (name, text.encode())}).json()["id"], shop)
    first, second = (
        item for item in caller.get("/v1/documents").json()["documents"] if item["key"].startswith("upload:")
    )
    assert (first["copy_of"], second["copy_of"]) == ("upload:b.md", ""), "the newest is kept"
    marked = caller.patch(f"/v1/documents/{second['id']}", json={"standing": "outdated"})
    assert marked.status_code == 202
    assert run_job(marked.json()["id"], shop)
    listed = {item["key"]: item for item in caller.get("/v1/documents").json()["documents"]}
    assert (listed["upload:b.md"]["standing"], listed["upload:b.md"]["copy_of"]) == ("outdated", "")
    assert listed["upload:a.md"]["copy_of"] == "upload:b.md", "what is older than it does not come back"
    run_job(caller.patch(f"/v1/documents/{second['id']}", json={"standing": "separate"}).json()["id"], shop)
    assert not any(item["copy_of"] for item in caller.get("/v1/documents").json()["documents"])
    assert caller.patch(f"/v1/documents/{first['id']}", json={"standing": "old"}).status_code == 422
    assert caller.patch("/v1/documents/nobody", json={"standing": "outdated"}).status_code == 404


def test_the_same_name_is_a_new_version(client: MakeClient, shop: Workshop, note: Path) -> None:
    caller = client()
    for text in ("# Hours\n\nThe shop opens at nine o'clock.", "# Hours\n\nThe shop opens at ten o'clock."):
        sent = caller.post("/v1/documents", files={"file": ("hours.md", text.encode())})
        run_job(sent.json()["id"], shop)
    texts = [passage["text"] for passage in caller.get("/v1/search?q=When does the shop open?").json()["passages"]]
    assert "The shop opens at ten o'clock." in texts
    assert "The shop opens at nine o'clock." not in texts


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("broken.pdf", b"%PDF-1.7 nothing else", "damaged"),
        ("photo.png", b"\x89PNG", "holds text/plain"),
        ("fake.pdf", b"just text", "holds text/plain"),
        ("zip.docx", b"PK\x03\x04broken", "damaged"),
    ],
)
def test_a_document_that_cannot_be_read_ends_its_job_with_the_reason(
    client: MakeClient, shop: Workshop, name: str, data: bytes, reason: str
) -> None:
    caller = client()
    job_id = caller.post("/v1/documents", files={"file": (name, data)}).json()["id"]
    run_job(job_id, shop)
    job = caller.get(f"/v1/jobs/{job_id}").json()
    assert job["state"] == "dead"
    assert reason in job["detail"]


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [("a.md", b"", {}), ("a.md", b"x", {"url": "javascript:alert(1)"}), ("a.md", b"x", {"audience": "all"})],
)
def test_bad_uploads_are_refused_at_once(client: MakeClient, name: str, data: bytes, form: dict[str, str]) -> None:
    response = client().post("/v1/documents", files={"file": (name, data)}, data=form)
    assert response.status_code == 422
    assert response.json()["errors"]


def test_a_name_with_a_path_stays_a_name(client: MakeClient, shop: Workshop) -> None:
    caller = client()
    sent = caller.post(
        "/v1/documents", files={"file": ("../../etc/passwd.md", b"# Trick\n\nThis is a trick document.")}
    )
    run_job(sent.json()["id"], shop)
    keys = [item["key"] for item in caller.get("/v1/documents?limit=500").json()["documents"]]
    assert "upload:passwd.md" in keys


def test_documents_are_listed_in_pages_that_meet(client: MakeClient) -> None:
    caller = client()
    everything = [item["key"] for item in caller.get("/v1/documents?limit=500").json()["documents"]]
    paged: list[str] = []
    after = ""
    while True:
        page = caller.get("/v1/documents", params={"limit": 7, "after": after}).json()
        paged += [item["key"] for item in page["documents"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert paged == everything
    assert len(everything) > 40


@pytest.mark.parametrize(
    "query", ["q=", "q=x&limit=0", "q=x&limit=51", "limit=3", "q=x&audience=secret", "q=" + "x" * 2_001]
)
def test_bad_searches_are_refused(client: MakeClient, query: str) -> None:
    assert client().get(f"/v1/search?{query}").status_code == 422


@pytest.mark.parametrize("query", ['"', "a OR b NOT (", "💥", "\\x00", "SELECT * FROM chunk"])
def test_odd_searches_are_answered(client: MakeClient, query: str) -> None:
    assert client().get("/v1/search", params={"q": query}).status_code == 200
