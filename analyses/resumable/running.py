"""Running of a study's missing chunks."""

from collections.abc import Callable, Sequence
from typing import Any

from analyses.resumable.chunks import Chunk
from analyses.resumable.folder import StudyFolder


def run_chunks(
    folder: StudyFolder,
    chunks: Sequence[Chunk],
    measure: Callable[[Chunk], list[dict[str, Any]]],
    *,
    progress: Callable[[int, int], None],
) -> None:
    """Measures the chunks that aren't stored yet, in order, and stores each as soon as it is measured.

    An interruption at any moment, even by a signal that can't be caught, loses only the current chunk.

    Args:
        folder: Folder of the study, open.
        chunks: All chunks of the study.
        measure: Returns the records of a chunk, one dictionary each; deterministic.
        progress: Called with the numbers of finished and of all chunks, at first and after each chunk.

    Raises:
        ValueError: A stored chunk has other rows, so the fingerprint lacks the division into chunks; or `measure`
            returns records that can't be stored.
        InputError: The disk is full.
    """
    stored = folder.stored()
    for chunk in chunks:
        if stored.get(chunk.index, chunk.rows) != chunk.rows:
            raise ValueError(f"chunk {chunk.index} is stored with other rows; put the chunk size into the fingerprint")
    done = sum(chunk.index in stored for chunk in chunks)
    progress(done, len(chunks))
    for chunk in chunks:
        if chunk.index in stored:
            continue
        folder.save(chunk, measure(chunk))
        done += 1
        progress(done, len(chunks))
