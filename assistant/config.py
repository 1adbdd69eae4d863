"""Settings: the only reader of the environment. Each has a unit and a reason; ``deploy/env.example`` is made from here."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.jobs import LEASE

KvType = Literal["f16", "q8_0"]
_WHO = r"(?:draft|summary|tenant:[a-z0-9][a-z0-9_-]{0,62}(?:/(?:draft|summary))?)"
USES = rf"^(\s*{_WHO}=[A-Za-z0-9][A-Za-z0-9._-]*\s*(,|$))*$"
"""The form of ``Settings.adapters``; ``assistant.models.adapters`` reads it."""


class Settings(BaseSettings):
    """Read from ``DESKHAND_…`` variables, or from a file ``.env`` in the working directory."""

    model_config = SettingsConfigDict(env_prefix="DESKHAND_", env_file=".env", frozen=True, extra="ignore")

    data_dir: Path = Field(
        default=Path("~/.local/share/deskhand"), description="Folder of the database and the snapshots."
    )
    models_dir: Path = Field(
        default=Path("~/.cache/deskhand/models"), description="Folder of model files; may be read-only once pulled."
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL, such as postgresql+psycopg://user:password@host/name. Empty: SQLite in the data folder.",
    )
    index: Literal["folder", "postgres"] = Field(
        default="folder",
        description="Where the search index is: files in the data folder, which every machine that searches must share, or "
        "tables of the Postgres that DESKHAND_DATABASE_URL names, which needs pgvector 0.8 or newer.",
    )
    redis_url: str = Field(
        default="",
        description="Broker for Celery workers, such as redis://host:6379/0. Empty: the service starts one for itself, "
        "with workers on the same machine.",
    )
    worker_memory_mb: int = Field(
        default=3_000, ge=256, description="Megabytes of data one worker process may hold; a job that needs more fails."
    )
    lease_s: float = Field(
        default=LEASE.total_seconds(),
        ge=2,
        le=3_600,
        description="Seconds after which the job of a worker that died is taken up by another. Shorter resumes sooner; "
        "a worker that is held up for longer than this has its job taken from it. The same for all processes.",
    )
    guest: bool = Field(
        default=False,
        description="Never load a model: use those of the service on this machine, and wait while it is away. The "
        "service sets it for the workers it starts.",
    )
    connections: Path | None = Field(
        default=None,
        description="A TOML file of helpdesks and receivers of events; assistant/connections.py shows its form.",
    )
    catalogue: Path | None = Field(
        default=None,
        description="A TOML file of further models and adapters, formed like the shipped catalogue. Empty: catalogue.toml in "
        "the folder of model files, if it is there.",
    )
    model_hub: str = Field(
        default="https://huggingface.co",
        description="Where catalogue repositories are looked up first. Empty: never ask a hub.",
    )
    embedder: str = Field(
        default="all-minilm-l6-v2",
        description="Embedding model: a name of the catalogue (all-minilm-l6-v2, bge-small-en-v1.5-int8), or the path of a "
        "sentence-transformers folder, say of a multilingual model. Then run `deskhand ingest --rebuild`.",
    )
    reranker: str = Field(
        default="ms-marco-minilm-l12-int8",
        description="Catalogue name of the model that reads the best passages again where that pays. Empty: none.",
    )
    small_model: str = Field(
        default="qwen2.5-coder-0.5b-instruct-q4_k_m-to-q4_0",
        description="Catalogue name of the model that writes first. Empty: none.",
    )
    large_model: str = Field(
        default="qwen2.5-coder-1.5b-instruct-q4_k_m",
        description="Catalogue name of the model that writes when the small one is not sure. Empty: none.",
    )
    small_base_url: str = Field(
        default="", description="An OpenAI-compatible server in place of the small model, such as http://host:8000/v1."
    )
    small_api_key: SecretStr = Field(default=SecretStr(""), description="Key for that server.")
    large_base_url: str = Field(default="", description="An OpenAI-compatible server in place of the large model.")
    large_api_key: SecretStr = Field(default=SecretStr(""), description="Key for that server.")
    context_length: int = Field(
        default=4096,
        ge=512,
        description="Tokens of the longest text a local model keeps in mind. Each slot takes memory for it: 12 KB a token "
        "of the small default model, 28 KB of the large one.",
    )
    large_context_length: Annotated[int, Field(ge=512)] | Literal["same"] = Field(
        default="same", description="The same for the large model, where it differs, in tokens."
    )
    slots: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Texts a local model reads or writes at once. Eight at once are written about twice as fast as "
        "one after the other. Of a batch, so many lines are under way at a time, also with a server in place of the model.",
    )
    large_slots: Annotated[int, Field(ge=1, le=64)] | Literal["same"] = Field(
        default=4, description="The same for the large model: four, since its slots take more than twice the memory."
    )
    kv_type: KvType = Field(
        default="f16",
        description="How local models keep what they have read: f16, or q8_0, which halves that memory and makes "
        "reading 26 % slower on a CPU.",
    )
    large_kv_type: KvType | Literal["same"] = Field(default="same", description="The same for the large model.")
    gpu_layers: int = Field(
        default=-1,
        ge=-1,
        description="Layers of local models put on a GPU; -1 is all, fewer for a GPU too small. A build without GPU "
        "support keeps all on the CPU whatever this says.",
    )
    large_gpu_layers: Annotated[int, Field(ge=-1)] | Literal["same"] = Field(
        default="same", description="The same for the large model, in layers."
    )
    adapters: str = Field(
        default="",
        pattern=USES,
        description="Which LoRA adapters of the catalogue are used for whom, with commas between: a task, a tenant or both, "
        "such as summary=NAME,tenant:acme=NAME,tenant:acme/draft=NAME. The narrowest that fits is taken.",
    )
    reuse_passages: bool = Field(
        default=False,
        description="Join what was read of whole passages apart from each other (DESKHAND_POLICY=whole-10): a first token "
        "comes sooner, and a reply may differ from one that was read in order.",
    )
    large_reuse_passages: bool | Literal["same"] = Field(default="same", description="The same for the large model.")
    prompt_lookup: bool = Field(
        default=False,
        description="Guess what a reply quotes of its passages, and check several tokens in a step where that is faster "
        "on this machine. A reply may then differ where two tokens are almost as likely.",
    )
    states_mb: int = Field(
        default=2_000,
        ge=0,
        description="Megabytes of disk, in the data folder, for what local models have read, so that a restart need not "
        "read it again. 0: none is kept.",
    )
    states_memory_mb: int = Field(default=500, ge=0, description="Megabytes of memory for the same.")
    max_queued: int = Field(
        default=256,
        ge=1,
        description="Requests of all processes of this machine that may wait for local models; one more is refused.",
    )
    threads: int = Field(
        default=0, ge=0, description="Threads of local models and the embedder. 0: as many as there are usable cores."
    )
    policy: str = Field(
        default="default-10", description="Version of the decision thresholds, a file in assistant/policies."
    )
    draft_prompt: str = Field(default="draft/5", description="Version of the prompt for drafts.")
    summary_prompt: str = Field(default="summary/3", description="Version of the prompt for summaries.")
    summary_tier: Tier = Field(
        default=Tier.LARGE,
        description="Which model summarises. The small one copies sentences and repeats the prompt's example.",
    )
    default_language: str = Field(
        default="en", description="Language taken when a ticket is too short to tell (ISO 639-1)."
    )
    chunk_tokens: int = Field(
        default=256, ge=64, le=512, description="Longest chunk with its heading, in tokens of the embedder."
    )
    overlap_tokens: int = Field(default=32, ge=0, le=128, description="Tokens repeated where running text is cut.")
    parse_timeout_s: float = Field(default=120, gt=0, description="Seconds that parsing one document may take.")
    parse_memory_mb: int = Field(
        default=1_500, ge=256, description="Megabytes of data the process that parses documents may hold."
    )
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8030, ge=1, le=65535, description="Port the service listens on.")
    max_waiting: int = Field(
        default=8, ge=0, description="Drafts and summaries that may wait for a model; one more is refused with 503."
    )
    max_body_bytes: int = Field(default=20_000_000, ge=1_000, description="Largest request body in bytes.")
    docs_enabled: bool = Field(default=True, description="Serve the interactive API documentation at /docs.")
    sidebar_origins: str = Field(
        default="",
        pattern=r"^(\s*https?://[A-Za-z0-9.:\[\]-]+\s*(,|$))*$",
        description="Web origins that may frame the sidebar beside its own, such as https://desk.example.com, with commas between.",
    )
    sidebar_demo: Path | None = Field(
        default=None,
        description="Folder of sample tickets for /sidebar/demo, a page that plays a helpdesk and signs in whoever opens it on this machine. Empty: no such page.",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="How the service writes its log.")

    def expanded(self, path: Path) -> Path:
        return path.expanduser().absolute()

    @property
    def data(self) -> Path:
        return self.expanded(self.data_dir)

    @property
    def models(self) -> Path:
        return self.expanded(self.models_dir)

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def states(self) -> Path:
        """Folder of what local models have read."""
        return self.data / "states"

    @property
    def own_catalogue(self) -> Path:
        """The operator's own catalogue; unless it was named it need not be there."""
        return self.expanded(self.catalogue) if self.catalogue else self.models / "catalogue.toml"

    def database(self) -> str:
        """The database URL in use."""
        return self.database_url or f"sqlite:///{self.data / 'deskhand.sqlite'}"

    def sha256(self) -> str:
        """A hash over all settings that can change an answer; secrets and places are not among them."""
        places = {
            "data_dir", "models_dir", "database_url", "redis_url", "worker_memory_mb", "lease_s", "guest", "connections", "small_api_key", "large_api_key",
            "host", "port", "max_waiting", "max_body_bytes", "docs_enabled", "log_format", "model_hub", "catalogue",
            "sidebar_origins", "sidebar_demo", "states_mb", "states_memory_mb", "max_queued", "parse_timeout_s", "parse_memory_mb",
        }  # fmt: skip
        return hashlib.sha256(self.model_dump_json(exclude=places).encode()).hexdigest()


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, ``overrides`` first. Raises ConfigurationError that names each wrong one."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"DESKHAND_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"settings are not valid: {wrong}", fix="See deploy/env.example.") from error


def env_example() -> str:
    """The text of ``deploy/env.example``: every setting with its reason and default."""
    lines = ["# Settings of Deskhand, made by `deskhand settings`. Lines are defaults; change and uncomment."]
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "" if default is None else str(default).lower() if isinstance(default, bool) else default
        lines += ["", f"# {field.description}", f"# DESKHAND_{name.upper()}={shown}"]
    return "\n".join(lines) + "\n"
