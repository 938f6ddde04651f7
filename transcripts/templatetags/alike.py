"""Parts of a page that many of its lines have in common, rendered once."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString

register = template.Library()


class Alike(Node):
    """What stands between the tags, made anew only for a key that this template has not met on this page."""

    def __init__(self, key: FilterExpression, nodelist: NodeList) -> None:
        self.key = key
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        page: Any = context.render_context
        made: dict[object, SafeString] = page.setdefault(self, {})
        key = self.key.resolve(context)
        if key not in made:
            made[key] = self.nodelist.render(context)
        return made[key]


@register.tag
def alike(parser: Parser, token: Token) -> Alike:
    """`{% alike key %}…{% endalike %}`: whatever differs in there must be part of the key."""
    _, key = token.split_contents()
    nodelist = parser.parse(("endalike",))
    parser.delete_first_token()
    return Alike(parser.compile_filter(key), nodelist)
