import datetime as dt
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from contracts.fields import IMPORT_FIELDS
from import_service.reading.cells import CellProblem, _read

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=15)
_VALUES = st.one_of(
    st.none(),
    # openpyxl leaves _x0041_ as it is, which Excel and calamine take for the character of that number
    _TEXT.filter(lambda text: not text.startswith("=") and "_x" not in text),
    st.integers(-(10**16), 10**16),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)),
    st.sampled_from(["#N/A", "a\nb", " x ", "\u00a0"]),
)
_ROWS = st.lists(st.lists(_VALUES, min_size=12, max_size=12), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS)
def test_every_cell_that_openpyxl_writes_is_read_as_openpyxl_reads_it(read, rows):
    workbook = Workbook()
    workbook.active.append(list(IMPORT_FIELDS))
    for row in [*rows, ["last"]]:
        workbook.active.append(row)
    buffer = io.BytesIO()
    workbook.save(buffer)
    result = read(buffer.getvalue())
    for number, cells in enumerate(load_workbook(buffer, data_only=True).active.iter_rows(min_row=2), 2):
        expected = {}
        for field, cell in zip(IMPORT_FIELDS, cells, strict=True):
            value = cell.value.date() if isinstance(cell.value, dt.datetime) else cell.value
            read_alone = None if value is None else _read(field, value)
            if isinstance(read_alone, CellProblem):
                assert (number, field, read_alone.code) in result.codes
            elif read_alone:
                expected[field] = read_alone
        assert result.rows.get(number, {}) == expected
