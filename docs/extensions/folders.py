"""Links to folders, which the code host lists: to their README, if it is a page; else bare text."""

import pathlib

from sphinx.addnodes import pending_xref


def resolve(app, doctree):
    """Points the links of a page to folders at their README.md, or takes them away."""
    page = pathlib.Path(app.env.doc2path(app.env.docname))
    for node in list(doctree.findall(pending_xref)):
        folder = page.parent / node["reftarget"]
        if node["reftype"] != "myst" or node["refdomain"] or not folder.is_dir():
            continue
        readme = app.env.path2doc(folder.resolve() / "README.md")
        if readme in app.env.found_docs:
            node.attributes |= {"refdomain": "doc", "reftarget": readme, "reftargetid": None}
        else:
            node.replace_self(node.children)


def setup(app):
    app.connect("doctree-read", resolve)
    return {"parallel_read_safe": True}
