"""Public names, `sos.sparsify`, as users write them: they lead to the API pages, and head them."""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"sos\.([A-Za-z]\w*(?:\.\w+)*)(?:\(.*\))?", re.S)
MODULE = re.compile(r"state_of_sparsity\.((?:schedules|distributions|patterns|inference)\.)?")
LINKS = (nodes.reference, addnodes.pending_xref, addnodes.download_reference)
logger = logging.getLogger(__name__)


def _is_in_link(node):
    while node is not None and not isinstance(node, LINKS):
        node = node.parent
    return node is not None


class PublicNames(SphinxPostTransform):
    """Makes links of literals that are public names, and warns of those that are none."""

    default_priority = 5

    def run(self):
        for node in list(self.document.findall(nodes.literal)):
            found = NAME.fullmatch(node.astext())
            if found and not _is_in_link(node):
                self._link(node, f"state_of_sparsity.{found[1]}")
        for node in self.document.findall(addnodes.desc_addname):
            if found := MODULE.fullmatch(node.astext()):
                node.children = [nodes.Text(f"sos.{found[1] or ''}")]

    def _link(self, node, name):
        objects, here = self.env.domains.python_domain.objects, self.env.docname
        if name in objects:
            page, place = objects[name].docname, objects[name].node_id
            text = node.deepcopy()
            node.replace_self(make_refnode(self.app.builder, here, page, place, text, name))
        elif here != "CHANGELOG":  # which says what was
            logger.warning("%r is on no API page", node.astext(), location=node)


def setup(app):
    app.add_post_transform(PublicNames)
    return {"parallel_read_safe": True}
