"""The stage ``contact_file``: any supported file in, one table of strings with line numbers out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nightmail.contact_files.csv_reading import CsvReader
from nightmail.contact_files.csv_records import Shape
from nightmail.contact_files.dialects import read_opening
from nightmail.contact_files.failures import file_error, file_warning
from nightmail.contact_files.formats import content_format
from nightmail.contact_files.header import ColumnPlan, plan_columns
from nightmail.contact_files.row_collector import RowCollector
from nightmail.contact_files.summary import METADATA_KEY, ContactFileSummary, FileWarning, ReadOptions
from nightmail.contact_files.text_survey import TextSurvey, decoded_chunks, survey_text
from nightmail.contact_files.unpacking import Content, unpacked
from nightmail.lake import TableFile
from nightmail.lake_schemas import REJECTS
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
        found = content_format(content.path)
        if found == "text":
            survey = survey_text(content.path, options.encoding)
            head, whole = _head(content.path, survey)
            if not head.strip("\r\n \t\x00\ufeff"):
                raise file_error("file_empty")
            if head.lstrip().startswith(("{", "[")):
                from nightmail.contact_files.json_lines import looks_like_json_lines

                if looks_like_json_lines(head):
                    return _read_json_lines(content, survey, destination, options, progress)
            return _read_csv(content, survey, head, whole, destination, options, progress)
        if found == "parquet":
            return _read_parquet(content, destination, options, progress)
        return _read_workbook(content, found, destination, options, progress)


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


def _plan(header: tuple[str, ...], options: ReadOptions) -> tuple[ColumnPlan, Shape]:
    if len(header) > options.column_limit:
        raise file_error("file_too_many_columns", columns=len(header), limit=options.column_limit)
    plan = plan_columns(header, options.mapping, options.known_placeholders)
    named = max((index + 1 for index, name in enumerate(plan.header) if name), default=0)
    return plan, Shape(
        len(plan.header),
        named,
        tuple(index for index, target in enumerate(plan.targets) if target in ("phone", "phone_2", "landline")),
        tuple(index for index, target in enumerate(plan.targets) if target == "email"),
    )


def _read_csv(
    content: Content,
    survey: TextSurvey,
    head: str,
    whole: bool,
    destination: TableFile,
    options: ReadOptions,
    progress: Progress | None,
) -> ContactFileSummary:
    opening = read_opening(head, whole, options.delimiter, options.mapping)
    plan, shape = _plan(opening.header, options)
    delimiter = opening.dialect.delimiter
    with (
        options.rejects.writer(REJECTS) as rejects,
        destination.writer(RowCollector.schema(plan)) as rows,
    ):
        collector = RowCollector(plan, options, rows, rejects, delimiter)
        reader = CsvReader(content.path, survey, opening, shape, collector, options, progress)
        reader.read()
        facts = _Facts("csv", survey, delimiter, reader.line_ends.name, header_line=opening.header_line)
        if opening.passed_over:
            facts.warnings.append(file_warning("file_lines_before_header", count=opening.passed_over))
        if reader.line_ends.name == "mixed":
            ends = reader.line_ends
            facts.warnings.append(
                file_warning("file_mixed_line_ends", detail=f"{ends.lf} LF, {ends.crlf} CRLF, {ends.cr} CR")
            )
        collector.finish()
        summary = _summary(content, facts, plan, collector, rows.rows)
        rows.set_metadata(METADATA_KEY, json.dumps(summary.as_dict(), ensure_ascii=False))
    return summary


def _summary(
    content: Content, facts: _Facts, plan: ColumnPlan, collector: RowCollector, rows_read: int
) -> ContactFileSummary:
    survey = facts.survey
    warnings = [*plan.warnings, *facts.warnings]
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
    )
