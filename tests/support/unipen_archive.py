"""A small archive in the form of UNIPEN's: two contributions of one laboratory, and one with pen-up runs."""

import io
import tarfile

FILES = {
    "LICENSE": "made up",
    "include/apa/apa.doc": ".VERSION 1.0\n.COORD X Y\n",
    # Four runs, without points under .PEN_UP.
    "include/apa/data/a.dat": (
        ".WRITER_ID Zoe\n.PEN_DOWN\n0 0\n100 0\n.PEN_UP\n.PEN_DOWN\n50 0\n50 200\n.PEN_UP\n"
        ".PEN_DOWN\n7 7\n.PEN_UP\n.DT 100\n.PEN_DOWN\n0 400\n100 400\n100 300\n0 300\n.PEN_UP\n"
    ),
    "include/apb/data/b.dat": ".WRITER_ID Abe\n.PEN_DOWN\n0 0\n40 80\n.PEN_UP\n.PEN_DOWN\n0 0\n80 80\n.PEN_UP\n",
    # Run 1 is the path of the lifted pen, and the empty .PEN_UP before it is no run.
    "include/tos/data/c.dat": (
        ".PEN_UP\n.DT 9\n.WRITER_ID 12\n.PEN_DOWN\n0 0\n10 10\n20 20\n.PEN_UP\n20 20\n30 30\n.PEN_DOWN\n30 30\n40 90\n"
    ),
    "data/1a/apa/a.dat": (
        ".VERSION 1.0\n.INCLUDE apa/apa.doc\n.INCLUDE apa/data/a.dat\n"
        '.SEGMENT CHARACTER 0-1 ? "7"\n.SEGMENT CHARACTER 3:1-3:2 OK "1"\n'
    ),
    "data/1a/apb/b.dat": '.INCLUDE apb/data/b.dat\n.SEGMENT CHARACTER 0-0 ? "1"\n',
    "data/1a/tos/c.dat": '.INCLUDE tos/data/c.dat\n.SEGMENT CHARACTER 0-2 OK "4"\n',
    "data/1c/apb/b.dat": '.INCLUDE apb/data/b.dat\n.SEGMENT CHARACTER 1 ? "x"\n',
    "data/1d/apa/a.dat": '.INCLUDE apa/data/a.dat\n.SEGMENT CHARACTER 2 ? "\\""\n.SEGMENT CHARACTER 0,3 ? "\\"\n',
    # What the whole archive has besides.
    "data/2/apa/a.dat": "words",
    "include/xyz/data/d.dat": "another contribution",
}
MEMBERS = ["LICENSE", "data/1[abcd]/*", "include/ap[ab]/*", "include/tos/*"]


def packed(files: dict[str, str] = FILES, root: str = "train-0123") -> bytes:
    """The files below one folder, as the servers of repositories send them."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{root}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return body.getvalue()


def wanted(files: dict[str, str] = FILES) -> dict[str, bytes]:
    """The members that the product asks for."""
    return {path: text.encode() for path, text in files.items() if "xyz" not in path and not path.startswith("data/2")}
