"""English sentences, by code (see `contracts.sentences`). Keys with a + are parts of sentences."""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "required": ("{column} is empty. Fill it in: it is required.", "A required value is missing. Fill it in."),
    "required/personnel_number": (
        "Personnel number is empty. Fill it in: it is how the user is recognised. A relation or customer number will "
        "do.",
    ),
    "invalid_email": (
        "{value} is not a valid email address. Enter a single one like name@company.com, without spaces or accents.",
        "This is not a valid email address. Enter one like name@company.com.",
    ),
    "invalid_flag": (
        "{value} cannot be read as on or off under {column}. Enter x for on or - for off.",
        "This value cannot be read as on or off. Enter x for on or - for off.",
    ),
    "invalid_cell": (
        "The content of {column} cannot be used: {value}. Type the value as text.",
        "The content of {column} cannot be used. Type the value as text.",
        "The content of this cell cannot be used. Type the value as text.",
    ),
    "invalid_cell/date": (
        "{column} holds a date ({value}). Format the cell as Text and type the value again.",
        "This cell holds a date. Format it as Text and type the value again.",
    ),
    "invalid_cell/fraction": (
        "{column} holds a number with decimals ({value}). Format the cell as Text and type the number again.",
        "This cell holds a number with decimals. Format it as Text and type the number again.",
    ),
    "invalid_cell/too_large": (
        "The number under {column} is too large for a spreadsheet: its last digits may be lost ({value}). Format the "
        "cell as Text and type the number again.",
        "This number is too large for a spreadsheet. Format the cell as Text and type the number again.",
    ),
    "invalid_cell/excel_error": (
        "{column} holds an error value of the spreadsheet ({value}). Repair the formula or type the value itself.",
        "This cell holds an error value of the spreadsheet. Repair the formula or type the value itself.",
    ),
    "too_long": (
        "{column} is too long: {length} characters where {max} fit. Shorten the text.",
        "{column} is too long: {max} characters fit. Shorten the text.",
        "{column} is too long. Shorten the text.",
        "This text is too long. Shorten it.",
    ),
    "invalid_characters": (
        "{column} holds invisible or damaged characters ({value}). Type the value again, without pasting.",
        "{column} holds invisible or damaged characters. Type the value again, without pasting.",
        "This value holds invisible or damaged characters. Type it again, without pasting.",
    ),
    "duplicate_in_file": (
        "{column} {value} is also in row {first_row} of this file. Only row {first_row} counts; remove this row or "
        "correct it.",
        "This user is also in row {first_row} of this file. Only row {first_row} counts; remove this row or correct "
        "it.",
        "This user is in the file already. Only the first row counts; remove this row or correct it.",
    ),
    "unknown_company": (
        "Company {value} fits more than one company: {matches}. Enter the code or the full name of the one you mean.",
        "Company {value} is not in the organisation structure. Correct the name or add the company there first.",
        "This company is not in the organisation structure. Correct the name or add the company there first.",
    ),
    "unknown_department": (
        "Department {value} fits more than one department: {matches}. Enter the code or the full name of the one you "
        "mean.",
        "Department {value} does not exist in company {company}. Correct the name or add the department to the "
        "organisation structure first.",
        "Department {value} is not in the organisation structure. Correct the name or add the department there first.",
        "This department is not in the organisation structure. Correct the name or add the department there first.",
    ),
    "department_not_in_company": (
        "This user's present department {department} does not belong to company {company}. Enter a department of that "
        "company as well.",
        "Department {value} does not belong to company {company} but to {others}. Correct the company or the "
        "department.",
        "Department {value} does not belong to company {company}. Correct the company or the department.",
        "This department does not belong to this company. Correct the company or the department.",
    ),
    "unknown_function": (
        "Function {value} fits more than one function: {matches}. Enter the code or the full name of the one you mean.",
        "Function {value} is not in the organisation structure. Correct the name or add the function there first.",
        "This function is not in the organisation structure. Correct the name or add the function there first.",
    ),
    "unknown_language": (
        "{value} is not a known language. Enter one like English or en, or leave it empty for the default language.",
        "This language is not known. Enter one like English or en, or leave it empty for the default language.",
    ),
    "language_not_enabled": (
        "The language {language} is not enabled in this academy. An administrator of the academy can enable it; "
        "otherwise choose another language, or leave it empty for the default.",
        "This language is not enabled in this academy. An administrator of the academy can enable it; otherwise "
        "choose another language, or leave it empty for the default.",
    ),
    "email_in_use": (
        "Email address {value} still belongs to {who}, in row {row} of this file. Import this row again after row "
        "{row}, or enter another address.",
        "This email address depends on row {row} of this file. Import this row again after row {row}, or enter another "
        "address.",
        "Email address {value} already belongs to {who}. Enter another address or change that user first.",
        "This email address already belongs to {who}. Enter another address or change that user first.",
        "This email address already belongs to another user. Enter another address or change that user first.",
    ),
    "email_in_use/own": (
        "This user's own earlier email address now belongs to {who}, in row {row} of this file. Enter a new address, or "
        "import this row again after row {row}.",
        "This user's own earlier email address now belongs to {who}. Enter a new address.",
        "This user's own earlier email address now belongs to somebody else. Enter a new address.",
    ),
    "personnel_number_conflict": (
        "The personnel number or the email address already belongs to {who}. Use personnel number {personnel_number} if "
        "you mean that user, and another number or address otherwise.",
        "The personnel number or the email address already belongs to {who}. Change that user, or enter another number "
        "or address.",
        "The personnel number or the email address already belongs to another user. Change that user, or enter another "
        "number or address.",
    ),
    "personnel_number_conflict/number": (
        "Personnel number {personnel_number} already belongs to {who}. Change that user or enter another number.",
        "This personnel number is already in use. Change that user or enter another number.",
    ),
    "personnel_number_conflict/email": (
        "The email address still belongs to {who}, in row {row} of this file. Import this row again after row {row}, or "
        "enter another address; if you mean that user, use personnel number {personnel_number}.",
        "The email address already belongs to {who}, under another personnel number. Use personnel number "
        "{personnel_number} if you mean that user, and another email address otherwise.",
        "The email address already belongs to a user with another personnel number. Use that number, or another email "
        "address.",
    ),
    "last_administrator": (
        "The last active administrator of the academy cannot be deactivated or removed. Choose another administrator first.",
    ),
    "terms_not_allowed": (
        "Only the user accepts the terms. Leave Terms accepted empty; you may set it only when you bring back a deleted "
        "user who had accepted them before.",
    ),
    "not_processed": (
        "This could not be processed because of a fault, but it is not lost: it was set aside as {dead_letter} and can "
        "be processed again. Give that number to whoever operates the system.",
        "This could not be processed because of a fault, but it is not lost: it was set aside and can be processed "
        "again. Ask whoever operates the system.",
    ),
    "not_found": (
        "There is no user with personnel number {value}. Check the number or add the user first.",
        "There is no such user. Check the personnel number or add the user first.",
    ),
    "not_found/import": (
        "There is no import {value} in this academy. Check the number in the list of imports.",
        "There is no such import in this academy. Check the number in the list of imports.",
    ),
    "unreadable_file": (
        "This file cannot be read; it is damaged or is no real spreadsheet. Open it in your spreadsheet program, save "
        "it as .xlsx and upload it again.",
    ),
    "unreadable_file/encoding": (
        "The characters of this text file cannot be read. Save it as .xlsx or as csv in UTF-8 and upload it again.",
    ),
    "unreadable_file/quote": (
        'The row that begins on line {line} of this text file has a quotation mark (") that is not closed or stands '
        "amidst a value. Remove it or close it, and upload the file again.",
    ),
    "unreadable_file/dimension": (
        "This file has cells far outside the table. Remove the columns after column 64 and the empty rows below the "
        "table, save it and upload it again.",
    ),
    "unsupported_format": (
        "This kind of file cannot be read. Save your data as .xlsx, .xls, .ods or .csv and upload that file.",
    ),
    "unsupported_format/macro": (
        "This file contains macros and is therefore not read. Choose Save as in your spreadsheet program, file type "
        "Excel workbook (.xlsx), and upload that file.",
    ),
    "encrypted_file": ("This file is protected by a password. Save it without one and upload it again.",),
    "file_too_large": (
        "This file is too large: {limit} is the most. Divide the users over more files or remove what does not belong "
        "in it.",
        "This file is too large. Divide the users over more files or remove what does not belong in it.",
    ),
    "too_many_rows": (
        "This file has more than {limit} rows. Divide the users over more files.",
        "This file has too many rows. Divide the users over more files.",
    ),
    "missing_columns": (
        "These columns are missing: {fields}. Add them, or take the template and fill that in. The headers must stand "
        "together in one row, within the first {within} rows.",
        "These columns are missing: {fields}. Add them, or take the template and fill that in.",
        "Columns are missing. Take the template and fill that in.",
    ),
    "duplicate_columns": (
        "These columns occur more than once: {columns}. Leave one of each.",
        "Some columns occur more than once. Leave one of each.",
    ),
    "empty_file": ("There are no users in this file. Enter one row per user below the headers and upload it again.",),
    "unknown_academy": (
        "Academy {value} does not exist. Check its name, or create the academy first.",
        "This academy does not exist. Check its name, or create the academy first.",
    ),
    "leading_zeros": (
        "{column} holds numbers: zeros in front may be lost. Format the column as Text if the numbers begin with a "
        "zero.",
        "There are numbers where text belongs: zeros in front may be lost.",
    ),
    "ignored_column": (
        "Column {columns} is not known and is left out. If it holds something you need, take its header from the "
        "template.",
        "An unknown column is left out.",
    ),
    "only_updates": (
        "Without {fields} only existing users can be updated. Add the missing columns if the file holds new users.",
        "Columns that new users require are missing in this file: only existing users can be updated.",
    ),
    "old_template": (
        "This template was made before the organisation structure changed. Download a new one if you miss a company, "
        "department or function.",
    ),
    "+suggestion": ("Do you mean {suggestion}?",),
    "+and": (" and ",),
    "+thousands": (",",),
    "+unknown": ("Something is not right ({code}). Check the data.",),
}
