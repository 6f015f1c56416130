"""The stage ``contact_file``: any supported file in, one table of strings with line numbers out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nightmail.channels import EMAIL_FIELD, PHONE_FIELDS
from nightmail.contact_files.byte_order_marks import mark_length
from nightmail.contact_files.column_names import columns_with_name
from nightmail.contact_files.column_plan import ColumnPlan, plan_columns
from nightmail.contact_files.csv_dialects import NEARLY_ALL
from nightmail.contact_files.csv_opening import Opening, read_opening
from nightmail.contact_files.csv_pieces import ends_in_delimiters
from nightmail.contact_files.csv_reading import BLOCK_BYTES, CsvReader
from nightmail.contact_files.csv_records import Shape
from nightmail.contact_files.failures import file_decision, file_error, file_warning
from nightmail.contact_files.formats import content_format
from nightmail.contact_files.gathered_columns import BETWEEN
from nightmail.contact_files.header import header_among, header_score, no_known_column
from nightmail.contact_files.json_lines import json_keys, looks_like_json_lines, read_json_lines
from nightmail.contact_files.row_collector import RowCollector
from nightmail.contact_files.summary import METADATA_KEY, ContactFileSummary, FileDecision, FileWarning, ReadOptions
from nightmail.contact_files.text_documents import document_kind
from nightmail.contact_files.text_survey import TextSurvey, decoded_chunks, survey_text
from nightmail.contact_files.typed_file import TypedFile
from nightmail.contact_files.unpacking import Content, unpacked
from nightmail.lake import TableFile
from nightmail.lake.schemas import REJECTS
from nightmail.progress import Progress

_HEAD_CHARACTERS = 1024 * 1024


@dataclass
class _Facts:
    """What is found out about a file while it is read."""

    format: str
    survey: TextSurvey | None = None
    delimiter: str | None = None
    line_end: str | None = None
    sheet: str | None = None
    header_line: int | None = None
    warnings: list[FileWarning] = field(default_factory=list)
    decisions: list[FileDecision] = field(default_factory=list)


def read_contact_file(
    source: Path, destination: TableFile, options: ReadOptions, progress: Progress | None = None
) -> ContactFileSummary:
    """Read ``source`` into ``destination``: ``line`` and one string column per column of the file.

    The format (CSV, XLSX, ODS, JSON Lines, Parquet), a container around it, the encoding, the delimiter and the header
    are found out from the content. Rows that are broken as rows go to ``options.rejects``. The summary is also kept in
    the table's metadata (:func:`contact_file_summary`). Raises ContactFileError when the file as a whole cannot be
    used; then neither table is written.

    >>> read_contact_file(Path("contacts.csv.gz"), contact_file, ReadOptions(rejects=rejects)).rows  # doctest: +SKIP
    1000
    """
    with unpacked(source, options) as content:
        return _Reading(content, destination, options, progress).read()


def _head(path: Path, survey: TextSurvey) -> tuple[str, bool]:
    """The first part of the text, and whether that is all of it."""
    parts: list[str] = []
    size = 0
    for text in decoded_chunks(path, survey.codec, survey.skip, survey.end):
        parts.append(text[: _HEAD_CHARACTERS - size])
        size += len(text)
        if size >= _HEAD_CHARACTERS:
            break
    return "".join(parts), size < _HEAD_CHARACTERS


def _plan(
    header: tuple[str, ...], options: ReadOptions, *, by_header: bool = True, several: bool = False
) -> tuple[ColumnPlan, Shape]:
    """What becomes of the columns; ``by_header`` is False where their names are no line of the file.

    ``several`` says that cells of the first rows hold several addresses.
    """
    if len(header) > options.column_limit:
        raise file_error("file_too_many_columns", columns=len(header), limit=options.column_limit)
    if not by_header and header_score([name for name in header if name.strip()], options.mapping) <= 1:
        raise no_known_column(header)
    plan = plan_columns(header, options.mapping, options.known_placeholders, several)
    named = max((index + 1 for index, name in enumerate(plan.header) if name), default=0)
    return plan, Shape(
        len(plan.header),
        named,
        tuple(index for index, target in enumerate(plan.targets) if target in PHONE_FIELDS),
        tuple(index for index, target in enumerate(plan.targets) if target == EMAIL_FIELD),
    )


@dataclass
class _Reading:
    """One file being read."""

    content: Content
    destination: TableFile
    options: ReadOptions
    progress: Progress | None

    def read(self) -> ContactFileSummary:
        """Read the file by what its content is."""
        kind = content_format(self.content.path)
        if kind == "parquet":
            return self._parquet()
        if kind != "text":
            return self._workbook(kind)
        survey = survey_text(self.content.path, self.options.encoding)
        head, whole = _head(self.content.path, survey)
        if whole and not head.strip("\r\n \t\x00\ufeff"):
            raise file_error("file_empty")
        if (document := document_kind(head)) is not None:
            raise file_error("file_not_text", detected=document)
        if head[mark_length(head) :].lstrip().startswith(("{", "[")) and looks_like_json_lines(head):
            return self._json_lines(survey, BETWEEN in head)
        return self._csv(survey, head, whole)

    def _csv(self, survey: TextSurvey, head: str, whole: bool) -> ContactFileSummary:
        opening = read_opening(head, whole, self.options.delimiter, self.options.mapping, self.options.column_limit)
        if not whole:
            opening = self._with_usual_of_all_rows(opening, survey)
        plan, shape = _plan(opening.header, self.options, several=BETWEEN in head)
        shape = replace(shape, most=max(opening.header_fields, opening.usual or 0), usual=opening.usual)
        delimiter = opening.dialect.delimiter
        facts = _Facts("csv", survey, delimiter, header_line=opening.header_line)
        facts.decisions += opening.decisions
        if opening.mark:
            facts.warnings.append(file_warning("file_byte_order_mark"))
        if opening.passed_over:
            facts.warnings.append(file_warning("file_lines_before_header", count=opening.passed_over))

        def fill(collector: RowCollector) -> None:
            reader = CsvReader(
                self.content.path, survey, opening, shape, collector, self.options, progress=self.progress
            )
            reader.read()
            ends = reader.line_ends
            facts.line_end = ends.name
            if ends.name == "mixed":
                detail = f"{ends.lf} LF, {ends.crlf} CRLF, {ends.cr} CR"
                facts.warnings.append(file_warning("file_mixed_line_ends", detail=detail))

        return self._write(plan, facts, fill)

    def _with_usual_of_all_rows(self, opening: Opening, survey: TextSurvey) -> Opening:
        """Whether the first rows end in more delimiters than the header as nearly all rows of the file do."""
        if opening.usual is None or opening.usual <= opening.header_fields:
            return opening
        ending, whole = ends_in_delimiters(self.content.path, survey, opening, BLOCK_BYTES)
        return opening if ending >= NEARLY_ALL * (ending + whole) else opening.with_header_alone()

    def _json_lines(self, survey: TextSurvey, several: bool) -> ContactFileSummary:
        keys = json_keys(self.content.path, survey, self.options)
        if not keys:
            raise file_error("file_no_rows")
        plan, _ = _plan(keys, self.options, by_header=False, several=several)
        facts = _Facts("json_lines", survey, line_end="LF")
        return self._write(
            plan,
            facts,
            lambda collector: read_json_lines(
                self.content.path, survey, keys, collector, self.options, progress=self.progress
            ),
        )

    def _parquet(self) -> ContactFileSummary:
        with TypedFile(self.content.path, "parquet", self.options) as file:
            plan, _ = _plan(tuple(file.head["header"]), self.options, by_header=False)
            targets = dict(zip(file.head["header"], plan.targets, strict=True))
            for name, why in file.head["without_text"].items():
                if targets[name] is not None:
                    raise file_error("file_column_unreadable", column=name, detail=f"it has {why}")
            facts = _Facts("parquet")
            facts.decisions += [
                file_decision("decided_bytes", column=targets[name], value=name)
                for name in file.head["bytes"]
                if targets[name] is not None
            ]
            left_out = list(file.head["without_text"])
            return self._write(plan, facts, lambda collector: file.read(collector, self.progress, left_out=left_out))

    def _workbook(self, kind: str) -> ContactFileSummary:
        with TypedFile(self.content.path, kind, self.options) as file:
            first = file.head["first"]
            found = header_among([cells for _, cells in first], self.options.mapping)
            if found is None:
                raise file_error("file_no_header")
            score, index = found
            header_line, header = first[index]
            if score == 1:
                raise no_known_column(header)
            named = columns_with_name(header, self.options.mapping)
            # All columns after the last one with a name are one without a name: a spreadsheet leaves thousands behind.
            more = len(header) > named
            several = any(BETWEEN in cell for _, cells in first for cell in cells)
            plan, _ = _plan((*header[:named], *([""] if more else [])), self.options, several=several)
            warnings = [
                FileWarning(**{**warning, "lines": tuple(warning["lines"])}) for warning in file.head["warnings"]
            ]
            facts = _Facts(kind, sheet=file.head["sheet"], header_line=header_line, warnings=warnings)
            if index:
                facts.warnings.append(file_warning("file_lines_before_header", count=index))
            return self._write(
                plan,
                facts,
                lambda collector: file.read(collector, self.progress, header_line=header_line, width=named, more=more),
            )

    def _write(self, plan: ColumnPlan, facts: _Facts, fill: Callable[[RowCollector], None]) -> ContactFileSummary:
        """Write both tables with what ``fill`` puts into the collector; neither appears when it fails."""
        with (
            self.options.rejects.writer(REJECTS) as rejects,
            self.destination.writer(RowCollector.schema(plan)) as rows,
        ):
            collector = RowCollector(plan, self.options, rows, rejects, facts.delimiter or ",")
            fill(collector)
            collector.finish()
            summary = _summary(self.content, facts, plan, collector, rows.rows)
            rows.set_metadata(METADATA_KEY, json.dumps(summary.as_dict(), ensure_ascii=False))
        return summary


def _summary(
    content: Content, facts: _Facts, plan: ColumnPlan, collector: RowCollector, rows_read: int
) -> ContactFileSummary:
    survey = facts.survey
    warnings = [*plan.warnings, *facts.warnings]
    decisions = [*facts.decisions, *plan.decisions]
    if survey is not None:
        decisions.append(
            file_decision(
                "decided_encoding", encoding=survey.encoding, certainty=survey.certainty, evidence=survey.evidence
            )
        )
    if survey is not None and survey.certainty == "unsure":
        warnings.append(file_warning("file_encoding_unsure", encoding=survey.encoding, detail=survey.evidence))
    rejected = collector.rejected
    if collector.taken != rows_read + rejected:
        raise AssertionError(f"{collector.taken} rows were met, {rows_read} read and {rejected} rejected")
    mapping: Mapping[str, str] = plan.mapping
    return ContactFileSummary(
        format=facts.format,
        container=content.container,
        inner_name=content.inner_name,
        encoding=survey.encoding if survey else None,
        encoding_certainty=survey.certainty if survey else None,
        encoding_evidence=survey.evidence if survey else None,
        delimiter=facts.delimiter,
        line_end=facts.line_end,
        sheet=facts.sheet,
        header_line=facts.header_line,
        header=plan.header,
        mapping=mapping,
        size=content.uploaded_size,
        sha256=content.sha256,
        rows=collector.taken,
        rows_read=rows_read,
        rows_rejected=rejected,
        by_reason=dict(sorted(collector.by_reason.items())),
        warnings=(*warnings, *collector.warnings),
        own_rejects=plan.own_rejects,
        decisions=tuple(decisions),
    )
