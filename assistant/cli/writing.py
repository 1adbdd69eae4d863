"""Files that are there whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.kernel.errors import InputError


@contextmanager
def written_whole(path: Path, *, force: bool) -> Iterator[Callable[[str], object]]:
    """Yields what writes text; ``path`` appears when the block ends well. Raises InputError, also when it is there
    already and ``force`` does not say to replace it.
    """
    if path.exists() and not force:
        raise InputError(f"{path} is there already", fix="Name another file, or give --force.", field="out")
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}", fix="Check folder and disk.", field="out"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
