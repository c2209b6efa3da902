"""Names in tables that people open in a spreadsheet, which runs a cell that begins as a formula does."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def as_cell(name: str) -> str:
    """Write a name so that no spreadsheet takes it for a formula.

    Args:
        name: any text.

    Returns:
        The name, with an apostrophe in front where it begins as a formula, or with an apostrophe.
    """
    return f"'{name}" if name.startswith(_FORMULA) else name


def from_cell(cell: str) -> str:
    """Read what ``as_cell`` wrote.

    Args:
        cell: of a table.

    Returns:
        The name.
    """
    return cell[1:] if cell.startswith("'") else cell
