"""A multipart/form-data body (RFC 7578) -> files and fields, as it comes; nothing of it is held in memory."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from detector.service.api.intake import NAMELESS, Intake
from detector.service.problems import Problem

FILE = "file"
FIELDS = ("webhook",)
"""What may stand beside the files."""
MOST_CHARACTERS = 2048


class MultipartBody:
    """Feed it the body.

    Args:
        boundary: between the parts, as the header Content-Type says.
        intake: takes what comes in the field `file`.

    Raises (all of its methods do):
        Problem: bad-request for a body that is not multipart; what `Intake` raises; invalid for an unknown field.
    """

    def __init__(self, boundary: bytes, intake: Intake) -> None:
        self.fields: dict[str, str] = {}
        self._intake, self._whole = intake, False
        self._header, self._value, self._headers = b"", b"", dict[bytes, bytes]()
        self._field, self._content = "", b""
        if not boundary:
            raise Problem("bad-request", "expected a boundary in the header Content-Type", field="Content-Type")
        self._parser = self._made(boundary)

    def _made(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._take_header,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_content,
                    "on_part_data": self._take_content,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
            )
        except FormParserError as error:
            raise _broken(error) from error

    def feed(self, chunk: bytes) -> None:
        """Some more of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _broken(error) from error

    def finish(self) -> None:
        """That was all of it."""
        if not self._whole:
            raise Problem("bad-request", "the multipart body ends before its last boundary; send it again")
        if not self._intake.uploads:
            raise Problem("invalid", f"expected a file in the field {FILE}, there is none", field=FILE)

    def _begin(self) -> None:
        self._headers, self._content = {}, b""

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _begin_content(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field == FILE:
            self._intake.begin(options.get(b"filename", NAMELESS.encode()).decode("utf-8", "replace"))
        elif self._field not in FIELDS or self._field in self.fields:
            detail = f"expected the fields {', '.join((FILE, *FIELDS))}, each but {FILE} once"
            raise Problem("invalid", detail, field=self._field[:200])

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        if self._field == FILE:
            self._intake.write(data[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > MOST_CHARACTERS:
            detail = f"expected at most {MOST_CHARACTERS} bytes"
            raise Problem("too-large", detail, field=self._field, limit=MOST_CHARACTERS, value=len(self._content))

    def _end(self) -> None:
        if self._field == FILE:
            self._intake.end()
        else:
            self.fields[self._field] = self._content.decode("utf-8", "replace")

    def _finish(self) -> None:
        self._whole = True


def _broken(error: FormParserError) -> Problem:
    return Problem("bad-request", f"the multipart body cannot be read: {error}", field="file")
