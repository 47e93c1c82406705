"""An attempt at an import: inspect, map, judge where the verdict comes first, load chunk by chunk, report, finish."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePath

from rowferry.domain import options as wire_options
from rowferry.domain.declaration import reference_faults
from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.mapping import map_columns
from rowferry.pipeline import inspect, transform
from rowferry.pipeline.match import Seen
from rowferry.ports import ImportKind, Kind, LoadContext
from rowferry.store import artifacts
from rowferry.store.blobs import Stored
from rowferry.worker.frame import Artifact, Attempt
from rowferry.worker.loading import Loading, Order
from rowferry.worker.rows import Source


class Import:
    """One attempt at a job of an import kind."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._source: Source | None = None
        self._kinds: Mapping[str, Kind] = {}
        self._known: Mapping[str, Stored] = {}
        self._keep_days: int | None = None

    def run(self) -> None:
        """All that is left of the import, to its terminal status."""
        attempt = self._attempt
        order = self._order()
        opened = self._opened(order)
        source, columns = self._mapped(order, opened)
        references = self._references(order.kind, source.plan.fields, strict=order.options.strict)
        self._source, self._keep_days = source, order.kind.retention.errors_days
        with self._in_file(order, source) as in_file:
            context = LoadContext(
                order.kind,
                attempt.job,
                source.plan.fields,
                order.options,
                columns=columns,
                references=references,
                in_file=in_file.knows if in_file else None,
            )
            self._known = Loading(attempt, order, source, attempt.parts.loader(attempt.connection, context)).run()
        attempt.learn("report", source=source.learned())
        if not source.small:
            attempt.enter("report")
        artifacts = self.report()
        attempt.finish(None, artifacts)

    def report(self) -> Sequence[artifacts.NewArtifact]:
        """Staging, output and error file, of all chunks that committed in any attempt; none where the file can no longer be read."""
        source = self._source
        if (
            source is None and self._attempt.job.cursor
        ):  # it ends before it begins, for a wish that an attempt before did not live to heed
            with suppress(JobStopped):
                source = self._reopened()
        if source is None:
            return ()
        stem = PurePath(str(self._attempt.job.source.get("file_name") or "rows.csv")).stem or "rows"
        return self._attempt.make(
            [
                Artifact(
                    name,
                    f"{stem}.{name}.csv",
                    "text/csv",
                    first,
                    keep_days=self._keep_days,
                    known=self._known.get(name),
                )
                for name, first in source.headers().items()
            ]
        )

    def _reopened(self) -> Source:
        """How the file is read, for an attempt that reads no row of it."""
        order = self._order()
        self._keep_days = order.kind.retention.errors_days
        source, _ = self._mapped(order, self._opened(order))
        return source

    # Before a row is read ---------------------------------------------------------------------------------------------

    def _order(self) -> Order:
        job = self._attempt.job
        self._kinds = self._attempt.kinds(job.kind)
        kind = self._kinds.get(job.kind)
        if not isinstance(kind, ImportKind):
            raise stop(JobFaultCode.UNKNOWN_KIND, f"No import kind {job.kind} is known to this worker.", kind=job.kind)
        options, policy, dry_run = wire_options.from_wire(job.options, kind)
        if options.mode not in kind.modes:
            allowed = ", ".join(kind.modes)
            raise stop(
                JobFaultCode.MODE_NOT_ALLOWED, f"The kind {kind.name} takes the modes {allowed}.", mode=options.mode
            )
        return Order(kind, options, policy, dry_run)

    def _opened(self, order: Order) -> inspect.Opened:
        attempt, parts = self._attempt, self._attempt.parts
        path = parts.blobs.local_path(self._input(), attempt.scratch)
        attempt.reach("source.opened")
        opened = inspect.open_file(path, order.options.reading, parts.readers, attempt.scratch)
        inspection, most = opened.inspection, order.rows_max
        if inspection.rows > most:
            raise stop(
                JobFaultCode.TOO_MANY_ROWS,
                f"The file has {inspection.rows} rows, at most {most} are taken. Send it in parts.",
                rows=inspection.rows,
                limit=most,
            )
        attempt.learn("inspect", inspection.rows, inspect.source(inspection))
        return opened

    def _mapped(self, order: Order, opened: inspect.Opened) -> tuple[Source, Mapping[str, str]]:
        """How the file is read and judged, and by field the column that fills it."""
        self._attempt.learn("map")
        inspection = opened.inspection
        nameless = (at for at, name in enumerate(inspection.columns) if not name)
        left_out = (*inspection.added_columns, *nameless)
        mapped = map_columns(inspection.columns, order.kind.schema, order.options, left_out)
        columns = {field: inspection.columns[at] for at, field in mapped.pairs}
        self._attempt.learn("map", source={"mapping": {column: field for field, column in columns.items()}})
        plan = transform.compile(
            order.kind, inspection.columns, mapped.pairs, order.options, opened.blocks, typed=inspection.typed
        )
        return Source(opened, plan, order.kind.schema, self._attempt.parts.limits.chunk_rows), columns

    def _input(self) -> str:
        """The key of the blob that the job was sent with."""
        if self._attempt.input is None:
            raise stop(JobFaultCode.SOURCE_MISSING, "The file of this job is no longer kept. Send it again.")
        return self._attempt.input

    def _references(self, kind: ImportKind, fields: Sequence[str], *, strict: bool) -> Mapping[str, ImportKind]:
        found: dict[str, ImportKind] = {}
        held = kind.schema.held_references(fields, strict=strict)
        for name in sorted({key.resource for key in held if key.resource}):
            other = self._kinds.get(name)
            if not isinstance(other, ImportKind):
                raise stop(
                    JobFaultCode.UNKNOWN_KIND, f"The kind {kind.name} refers to {name}, which is not there.", kind=name
                )
            found[name] = other
        for fault in reference_faults(kind, found.get, held):
            raise stop(JobFaultCode.UNKNOWN_KIND, f"The kind {kind.name} refers to what is not there: {fault.detail}")
        return found

    @contextmanager
    def _in_file(self, order: Order, source: Source) -> Generator[Seen | None]:
        """The keys of the whole file, where rows may refer to other rows of the same file, earlier or later."""
        held = order.kind.schema.held_references(source.plan.fields, strict=order.options.strict)
        if all(key.resource for key in held):
            yield None
            return
        self._attempt.enter("validate")
        with source.seen(order.options.duplicates) as seen:
            with source.prepared(seen) as chunks:
                for prepared in chunks:
                    self._attempt.enter("validate", rows_read=prepared.chunk.first_row + prepared.chunk.rows - 1)
            yield seen
