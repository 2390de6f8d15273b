"""CSV files as other programs write them."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.audience.csv_reading import CsvFile
from newsletter.audience.rows import SubscriberRow, open_subscribers, read_example
from newsletter.errors import DataError


def rows_of(
    folder: Path, data: str | bytes, *, encoding: str = "utf-8", name: str = "people.csv"
) -> list[SubscriberRow]:
    path = folder / name
    path.write_bytes(data.encode(encoding) if isinstance(data, str) else data)
    return list(open_subscribers(path).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_found_out(
    tmp_path: Path, encoding: str, delimiter: str, newline: str
) -> None:
    lines = (("E-Mail", "Name", "City"), ("zoe@acme.example", "Zoë", "Köln"), ("bob@acme.example", "Bob", "Ålesund"))
    text = newline.join(delimiter.join(line) for line in lines)
    rows = rows_of(tmp_path, text, encoding=encoding)
    assert [(row.address, row.name, row.attributes) for row in rows] == [
        ("zoe@acme.example", "Zoë", {"city": "Köln"}),
        ("bob@acme.example", "Bob", {"city": "Ålesund"}),
    ]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1251", "Мария Иванова;Пётр Кузнецов;Анна Смирнова;Сергей Попов"),
        ("cp1253", "Γιώργος Παπαδόπουλος;Μαρία Νικολάου;Ελένη Δημητρίου;Κώστας Αθανασίου"),
        ("cp932", "山田太郎;佐藤花子;鈴木一郎"),
        ("gb18030", "王小明;李华;张伟"),
        ("cp1250", "Łukasz Wiśniewski;Agnieszka Wójcik;Małgorzata Kamińska;Zbigniew Dąbrowski;Grażyna Żółć"),
    ],
)
def test_other_letters_are_recognised(tmp_path: Path, encoding: str, names: str) -> None:
    people = "".join(f"{name},p{number}@acme.example\n" for number, name in enumerate(names.split(";")))
    assert [row.name for row in rows_of(tmp_path, f"name,email\n{people}", encoding=encoding)] == names.split(";")


def test_an_accent_far_down_the_file_is_not_missed(tmp_path: Path) -> None:
    text = "email,name\n" + "".join(f"p{number}@acme.example,Ann\n" for number in range(5000)) + "z@acme.example,Zoë\n"
    assert rows_of(tmp_path, text, encoding="cp1252")[-1].name == "Zoë"


def test_foreign_lines_in_a_utf8_file_are_refused_one_by_one(tmp_path: Path) -> None:
    data = "email,name\na@acme.example,Zoë\nb@acme.example,José\n".encode() + "c@acme.example,Zoë\n".encode("latin-1")
    rows = rows_of(tmp_path, data)
    assert [row.name for row in rows[:2]] == ["Zoë", "José"]
    assert "encoding" in rows[2].refusal


def test_the_sep_line_of_excel_is_obeyed(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "sep=;\r\nemail;name\r\na@acme.example;Lee, Ann\r\n")[0].name == "Lee, Ann"


def test_quoted_newlines_stay_within_their_cell(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'email,note\na@acme.example,"two\nlines"\nb@acme.example,"a ""quote"""\n')
    assert [row.attributes["note"] for row in rows] == ["two\nlines", 'a "quote"']


def test_blank_lines_repeated_headers_and_short_rows_do_no_harm(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "email,name,city\n\na@acme.example,Ann\n,,\nemail,name,city\nb@acme.example,Bob,Lyon,,\n")
    assert [(row.row, row.name, row.attributes) for row in rows] == [(3, "Ann", {}), (6, "Bob", {"city": "Lyon"})]


def test_a_row_with_too_many_cells_is_refused(tmp_path: Path) -> None:
    row = rows_of(tmp_path, "email,name\na@acme.example,Lee, Ann\n")[0]
    assert "3 cells" in row.refusal


def test_a_quote_out_of_place_costs_one_row_only(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'email,name\na@acme.example,"Ann "Lee"\nb@acme.example,Bob\n')
    assert rows[0].refusal
    assert rows[-1].name == "Bob"


def test_a_quote_that_is_never_closed_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"people\.csv:3: a quote"):
        rows_of(tmp_path, 'email,name\na@acme.example,Ann\nb@acme.example,"Bob\nc@acme.example,Carl\n')


def test_a_title_above_the_header_is_passed_over(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "All readers;;\n;;\nName;Email;\nAnn;a@acme.example;\n")[0].name == "Ann"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="is empty"):
        rows_of(tmp_path, data)


def test_a_file_without_an_email_column_is_refused_and_names_its_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"people\.csv: has no e-mail column; its columns are 'Name', 'City'"):
        rows_of(tmp_path, "Name;City\nAnn;Lyon\n")


def test_a_file_without_a_header_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no header"):
        rows_of(tmp_path, "ann@acme.example,Ann\nbob@acme.example,Bob\n")


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"%PDF-1.7", b"\xd0\xcf\x11\xe0rest"])
def test_a_workbook_is_told_from_a_csv(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="not a CSV file"):
        rows_of(tmp_path, data)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(b"email,name\nann@acme.example,Ann\n")
        file.truncate(3_000_000_000)  # a sparse file: gigabytes that take no room on the disk
    tracemalloc.start()
    file_of_people = CsvFile(path, "utf-8", ",", ("email", "name"), 1, 0)
    with pytest.raises(DataError, match="millions of letters") as refused:
        list(file_of_people.records())
    assert refused.value.line == 3
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_ten_thousand_columns_are_no_trouble(tmp_path: Path) -> None:
    header = "email," + ",".join(f"c{number}" for number in range(9999))
    row = rows_of(tmp_path, f"{header}\nann@acme.example,{','.join('x' * 9999)}\n")[0]
    assert len(row.attributes) == 9999


def test_two_columns_of_addresses_are_not_guessed_between(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than one e-mail column: 'Work email', 'Home email'"):
        rows_of(tmp_path, "Work email,Home email\na@acme.example,b@acme.example\n")
    with pytest.raises(DataError, match="more than one e-mail column: 'Email', 'E-Mail'"):
        rows_of(tmp_path, "Email,E-Mail\na@acme.example,b@acme.example\n")


@pytest.mark.parametrize(
    "row", ["A@acme.example,a@acme.example", ",a@acme.example", "a@acme.example,", "a@acme.example,none"]
)
def test_two_columns_that_name_the_same_address_are_no_riddle(tmp_path: Path, row: str) -> None:
    assert rows_of(tmp_path, f"Email,E-Mail\n{row}\n")[0].address.lower() == "a@acme.example"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("EMAIL;NAME", "Ann Lee"), ("name;E-Mail-Adresse", "Ann Lee"), ("Nombre completo;Correo electrónico", "Ann Lee"),
        ("Vorname;Nachname;E-Mail", "Ann Lee"), ("Prénom;Nom;Adresse e-mail", "Ann Lee"), ("Vorname;Name;Mail", "Ann Lee"),
        ("Apellidos;Nombre;Email", "Ann Lee"), ("first_name;last_name;Your e-mail (required)", "Ann Lee"),
    ],
)  # fmt: skip
def test_columns_are_recognised_in_any_order_case_and_language(tmp_path: Path, header: str, name: str) -> None:
    values = {"E": "a@acme.example", "A": "Lee", "V": "Ann", "P": "Ann"}
    cells = []
    for column in header.split(";"):
        if "mail" in column.lower() or "Correo" in column:
            cells.append(values["E"])
        elif column in ("Nachname", "Nom", "Apellidos", "last_name") or (column == "Name" and "Vorname" in header):
            cells.append("Lee")
        elif column in ("Vorname", "Prénom", "Nombre", "first_name"):
            cells.append("Ann")
        else:
            cells.append("Ann Lee")
    assert rows_of(tmp_path, f"{header}\n{';'.join(cells)}\n")[0].name == name


def test_numbers_are_typed_only_where_they_print_back_as_written(tmp_path: Path) -> None:
    text = "email,a,b,c,d,e,f,g\nx@acme.example,12,1.5,007,+49 30,1.50,true,12345678901234567\n"
    assert rows_of(tmp_path, text)[0].attributes == {
        "a": 12, "b": 1.5, "c": "007", "d": "+49 30", "e": "1.50", "f": True, "g": "12345678901234567",
    }  # fmt: skip


def test_json_attributes_are_flattened(tmp_path: Path) -> None:
    cell = '{""city"": ""Lyon"", ""address"": {""Zip Code"": ""07""}, ""likes"": [""tea""], ""gone"": null}'
    row = rows_of(tmp_path, f'email,attributes\nx@acme.example,"{cell}"\n')[0]
    assert row.attributes == {"city": "Lyon", "address_zip_code": "07", "likes": ["tea"]}


@pytest.mark.parametrize("cell", [r'{""a"": ""\u0000""}', r'{""a"": ""\ud800""}'])
def test_json_that_no_database_takes_is_refused(tmp_path: Path, cell: str) -> None:
    assert rows_of(tmp_path, f'email,attributes\nx@acme.example,"{cell}"\n')[0].refusal


def test_zones_and_languages_are_checked_and_never_lost(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path, "email,timezone,language\na@acme.example,Europe/Paris,en_US\nb@acme.example,GMT+2ish,Deutsch\n"
    )
    assert (rows[0].zone, rows[0].lang) == ("Europe/Paris", "en-US")
    assert (rows[1].zone, rows[1].lang, rows[1].attributes["zone"]) == ("", "de", "GMT+2ish")
    assert rows[0].note == ""
    assert "'GMT+2ish' is no time zone like Europe/Paris" in rows[1].note


def test_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "email,note,Note\na@acme.example,x,y\n")[0].attributes == {"note": "x", "note_2": "y"}


def test_blanks_hidden_around_an_address_are_no_part_of_it(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'email\n"ann@acme.example\u00a0"\n"\u200bbob@acme.example \n"\n')
    assert [row.address for row in rows] == ["ann@acme.example", "bob@acme.example"]


def test_a_name_can_not_break_a_header(tmp_path: Path) -> None:
    assert rows_of(tmp_path, 'email,name\na@acme.example,"Ann\r\nBcc: eve@evil.example\x07"\n')[0].name == (
        "Ann Bcc: eve@evil.example"
    )


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5), st.sampled_from([",", ";", "\t"]))
def test_whatever_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], delimiter: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["email", "a", "b", "c"])
    for number, line in enumerate(lines):
        writer.writerow([f"p{number}@acme.example", *line])
    rows = rows_of(tmp_path_factory.mktemp("csv"), buffer.getvalue())
    for row, line in zip(rows, lines, strict=True):
        assert not row.refusal
        assert {key: str(value).lower() for key, value in row.attributes.items()} == {
            key: cell.strip().lower() for key, cell in zip("abc", line, strict=True) if cell.strip()
        }


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_rows_or_in_an_error_that_can_be_mended(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    for start in (b"", b"email,name\n", b"\xff\xfe", b"\xef\xbb\xbfemail;x\n", b"\xff\xfee\0m\0a\0i\0l\0\n\0"):
        try:
            rows_of(tmp_path_factory.mktemp("bytes"), start + data)
        except DataError as error:
            assert error.where


def test_the_example_shows_varied_people_and_the_first_has_everything() -> None:
    people = list(read_example(Path(__file__).parent.parent.parent / "subscribers.example.csv"))
    assert len(people) == 8
    assert all(people[0].attributes.get(key) for key in ("company", "city", "role", "seats"))
    assert people[0].name
    assert people[0].zone
    assert any(not person.name for person in people)
    assert any(person.lang == "he" for person in people)
    assert all(person.address.endswith(".example") for person in people)


def test_an_example_with_a_broken_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "example.csv"
    path.write_text("email,name\nann@acme.example,Ann\nnobody,Bob\n")
    with pytest.raises(DataError, match="row 3"):
        list(read_example(path))


@pytest.mark.parametrize(
    "text", ["sep=;\nemail;name\nann@acme.example;Ann\nbad;B\n", "email;name\nann@acme.example;Ann\nbad;B\n"]
)
def test_rows_are_counted_as_excel_shows_them_which_hides_the_line_sep(tmp_path: Path, text: str) -> None:
    assert [row.row for row in rows_of(tmp_path, text)] == [2, 3]


def test_a_cell_without_measure_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a cell of more than 131,072 letters") as caught:
        rows_of(tmp_path, f"email,name\nann@acme.example,Ann\nbob@acme.example,{'x' * 200_000}\n")
    assert caught.value.line == 3
