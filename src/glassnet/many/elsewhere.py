"""Many models at the workers of a joblib backend: processes of this machine, Dask, Ray."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from glassnet.core.errors import ConfigurationError, DistributedError, shown
from glassnet.many.each import Each
from glassnet.many.travel import Result, Shared, Train, Trained, require_own_memory, require_same, standing, train_group
from glassnet.model import Model
from glassnet.training import Checkpoint
from glassnet.training.given_callbacks import FunctionCallback
from glassnet.training.interrupt import Interrupt
from glassnet.training.progress import ProgressBar

GROUPS_FOR_EACH = 4
"""So many groups of models go to each worker, one after another: then none is idle for long at the end."""
MOST_LOST = 3
"""So many models in a row that no worker gives an answer about are enough to say that there are none."""
PATIENCE_SECONDS = 60
"""How long Dask may be without a worker, where it has had some."""
LOOK_SECONDS, COUNT_SECONDS = 0.02, 1.0
"""How often it is looked whether Dask has an answer, and whether it has workers."""


def chosen_backend(workers: int | None) -> Any:
    """The joblib backend that was chosen by ``joblib.parallel_config``.

    Args:
        workers: how many models are to be trained at a time; None for what the backend says.

    Returns:
        None where none was chosen, or one that stays in this process.
    """
    if "joblib" not in sys.modules:
        return None
    from joblib.parallel import get_active_backend

    # The preference decides where nobody has chosen a backend, and has no effect where somebody has.
    backend, _ = get_active_backend(prefer="threads")
    if getattr(backend, "supports_sharedmem", False):
        return None
    return backend if is_dask(backend) or backend.effective_n_jobs(jobs(workers)) > 1 else None


def sent(
    train: Train,
    models: Sequence[Model],
    given: Mapping[str, Any],
    *,
    backend: Any,
    workers: int | None,
    where: str,
    verbose: bool,
    for_all: Sequence[str] = (),
) -> list[Result]:
    """Has models trained by the workers of a backend.

    Where a worker dies, the models that it had are sent again, as they were: to the same bits.

    Args:
        train: trains models in one process; for the workers.
        models: to train.
        given: arguments of ``fit`` by name; an ``Each`` has one for each model.
        backend: joblib's.
        workers: how many groups are on their way at a time; None for as many as the backend has workers.
        where: for messages.
        verbose: whether to show a progress bar.
        for_all: names of an ``Each`` in ``given`` whose objects were made here, so that nobody looks at them again.

    Returns:
        For each model its history, or the exception with which it ended; None where Ctrl-C came before its end, and
        the model is as it was.

    Raises:
        ConfigurationError: what cannot do at another place what it does here.
        KeyboardInterrupt: Ctrl-C came a second time.
    """
    count = len(models)
    callbacks = given["callbacks"].values if isinstance(given.get("callbacks"), Each) else [()] * count
    for number, model in enumerate(models):
        require_own_memory(model, f"{where}: model {number}")
    _require_able_to_travel(callbacks, given, where)
    looked_at = [()] * count if "callbacks" in for_all else callbacks
    shared = Shared({name: value for name, value in given.items() if not isinstance(value, Each)})
    own = {name: value.values for name, value in given.items() if isinstance(value, Each)}
    before = [standing(model) for model in models]
    results: dict[int, Result] = {}
    post = _Post(backend, train, shared, workers)

    def take_in(number: int, trained: Trained) -> None:
        with Interrupt() as interrupt:  # which waits until the model is whole
            try:
                require_same(models[number], before[number], f"{where}: model {number}")
                trained.put_into(models[number], looked_at[number])
                results[number] = trained.result
            except Exception as error:  # noqa: BLE001 - it stands in its place
                results[number] = error
        if interrupt.requested:
            raise KeyboardInterrupt

    def lose(number: int, error: Exception) -> None:
        results[number] = error
        error.add_note(f"{where}: model {number} of {count} was sent to workers several times; it is as it was")

    def receive(groups: Sequence[list[int]]) -> None:
        for group, found in post.answers(groups, models, own):
            if not isinstance(found, Exception):
                for number, trained in zip(group, found, strict=True):
                    take_in(number, trained)
            bar.step(max(1, len(results)), int(bool(results)))

    def missing() -> list[int]:
        return [number for number in range(count) if number not in results]

    with ProgressBar((1, max(1, count)), 1, enabled=verbose, of="model") as bar:
        try:
            receive(post.groups(count))
            if not post.is_deserted:
                receive([[number] for number in missing()])
            errors: list[Exception] = []
            for number in missing():  # one that no worker survives, or that cannot travel, is told by going alone
                if len(errors) < MOST_LOST and not post.is_deserted:
                    receive([[number]])
                if number in results:
                    errors.clear()
                elif post.error is not None:
                    errors.append(post.error)
                    lose(number, post.error)
        except KeyboardInterrupt:
            pass
    return [results.get(number) for number in range(count)]


class _Post:
    """Sends groups of models to the workers of a backend, and gives what comes back.

    Args:
        backend: joblib's.
        train: for the workers.
        shared: arguments for all models.
        workers: as ``sent`` has them.

    Attributes:
        error: the latest of the engine's, or None.
        is_deserted: whether all workers are gone for good.
    """

    def __init__(self, backend: Any, train: Train, shared: Shared, workers: int | None) -> None:
        self._backend, self._train, self._shared = backend, train, shared
        self._workers = jobs(workers)
        self.error: Exception | None = None
        self.is_deserted = False
        self._had_workers, self._had_at, self._counted_at = False, 0.0, 0.0

    def groups(self, count: int) -> list[list[int]]:
        """The numbers of the models, as they are sent at first."""
        size = max(1, -(-count // (GROUPS_FOR_EACH * max(1, self._backend.effective_n_jobs(self._workers)))))
        return [list(range(first, min(first + size, count))) for first in range(0, count, size)]

    def answers(
        self, groups: Sequence[list[int]], models: Sequence[Model], own: Mapping[str, Sequence[Any]]
    ) -> Iterator[tuple[list[int], list[Trained] | Exception]]:
        """Each group with what came of its models, as they come, or why nothing did; some are missing after ``error``.

        An engine may tell which group was lost, as Dask does, or that one was.
        """
        tasks = (
            (
                group,
                [models[number] for number in group],
                {name: [values[number] for number in group] for name, values in own.items()},
            )
            for group in groups
        )
        try:
            yield from self._by_dask(tasks) if is_dask(self._backend) else self._by_joblib(tasks)
        except Exception as error:  # noqa: BLE001 - the engine's: those of trainings stand in their places
            self.error = error

    def _by_joblib(self, tasks: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        from joblib import Parallel, delayed

        shared: Any = self._shared  # of which loky maps large arrays
        if type(self._backend).__module__.startswith("ray."):  # which keeps what joblib would hand to each task
            import ray

            shared = ray.put(shared)
        streams = getattr(self._backend, "supports_return_generator", False)
        parallel = Parallel(self._workers, return_as="generator_unordered" if streams else "list", batch_size=1)
        yield from parallel(delayed(_with_numbers)(group, self._train, shared, *task) for group, *task in tasks)

    def _by_dask(self, tasks: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        """By the client: joblib does without the cluster while there is one worker, and takes what is lost for done."""
        import distributed

        as_completed: Any = distributed.as_completed
        client, options = self._backend.client, self._backend.submit_kwargs
        if self.error is None:  # to all at once, so that it outlives a worker
            shared = client.scatter(self._shared, broadcast=True, hash=False, timeout=PATIENCE_SECONDS)
            self._had_workers = True
        else:  # by way of the scheduler, so that it outlives all workers
            shared = client.submit(_itself, self._shared, pure=False)
        sent_as = {
            client.submit(_with_numbers, group, self._train, shared, *task, pure=False, **options): group
            for group, *task in tasks
        }
        futures = list(sent_as)
        self._had_at = monotonic()
        try:
            with self._backend.retrieval_context():
                answers = as_completed(futures)
                while not answers.is_empty():
                    for future in answers.next_batch(block=False):
                        if future.status == "finished":
                            yield future.result()
                        else:
                            self.error = _error_of(future)
                            yield sent_as[future], self.error
                    self._require_workers(client)
                    sleep(LOOK_SECONDS)
        finally:
            client.cancel(futures)

    def _require_workers(self, client: Any) -> None:
        """Waits no longer for a cluster that has lost all of its workers, and gets no others: Dask would, for ever.

        Raises:
            DistributedError: it has had none for a minute; one that never had any is waited for, as for a queue.
        """
        now = monotonic()
        if now - self._counted_at < COUNT_SECONDS:
            return
        self._counted_at = now
        if client.nthreads():
            self._had_workers, self._had_at = True, now
        elif self._had_workers and now - self._had_at > PATIENCE_SECONDS:
            self.is_deserted = True
            raise DistributedError(
                where="many models on Dask",
                received=f"no worker for {now - self._had_at:.0f} seconds, after all of them were lost",
                expected="a worker, in the place of one that was lost",
                fix="see in the workers' logs why they ended, such as for want of memory, and call it again for the "
                "models that have no history",
            )


def _itself(shared: Shared) -> Shared:
    return shared


def _error_of(future: Any) -> Exception:
    try:
        future.result()
    except Exception as error:  # noqa: BLE001 - whatever the engine says
        return error
    raise AssertionError("a task that failed has an error")


def is_dask(backend: Any) -> bool:
    """Whether a backend is Dask's."""
    return type(backend).__name__ == "DaskDistributedBackend"


def jobs(workers: int | None) -> int:
    """How many groups may be on their way at a time, as joblib counts: -1 for as many as there are workers."""
    from joblib.parallel import get_active_backend

    chosen = get_active_backend()[1] if workers is None else workers
    return -1 if chosen is None else int(chosen)


def _with_numbers(group: list[int], *given: Any) -> tuple[list[int], list[Trained]]:
    return group, train_group(*given)


def _require_able_to_travel(callbacks: Sequence[Any], given: Mapping[str, Any], where: str) -> None:
    """Refuses what would do something else at a worker than here.

    Raises:
        ConfigurationError: names it, and the way out.
    """
    for number, listed in enumerate(callbacks):
        for callback in listed:
            place = f"{where}: callbacks of model {number}"
            if isinstance(callback, FunctionCallback):
                raise ConfigurationError(
                    where=place,
                    received=f"{shown(callback.function)}, a function, for a worker in another process",
                    expected="callback objects, whose attributes come home with the model",
                    fix="derive a class from gn.Callback that keeps in self what it sees, and write "
                    "callbacks=gn.Each([[MyCallback()] for model in models])",
                )
            if isinstance(callback, Checkpoint) and not Path(callback.path).is_absolute():
                raise _relative(place, callback.path)
    resume = given.get("resume")
    for path in resume.values if isinstance(resume, Each) else [resume]:
        if isinstance(path, str | PathLike) and not Path(path).is_absolute():
            raise _relative(f"{where}: resume", path)


def _relative(place: str, path: Any) -> ConfigurationError:
    return ConfigurationError(
        where=place,
        received=f"the relative path {str(path)!r}, for a worker in another process, which may be in another folder",
        expected="an absolute path, on a file system that all workers see",
        fix=f"write Path({str(path)!r}).resolve()",
    )
