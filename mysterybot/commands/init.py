"""`mysterybot init`: a config to start from."""

from pathlib import Path

from mysterybot.commands.common import BAD, err, out

EXAMPLE = Path(__file__).with_name("example.yaml")


def init(file: Path) -> int:
    """Write it, but never over another file."""
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(EXAMPLE.read_text(encoding="utf-8"))
    except FileExistsError:
        err.print(f"{file} is there already; it was left alone", markup=False, style="red")
        return BAD
    except OSError as error:
        err.print(f"{file}: {error.strerror}", markup=False, style="red")
        return BAD
    out.print(f"Wrote {file}. Next: put in your mailbox and desk, the password into anna.password, then", markup=False)
    out.print(f"  mysterybot check -c {file} --connect\n  mysterybot once first_question -c {file}", markup=False)
    return 0
