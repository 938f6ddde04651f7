"""What templates ask about the people who label."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from labeling import access

register = template.Library()


@register.filter
def is_crowd(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether somebody came through an invitation: most places are closed to them, so none leads there."""
    return access.is_crowd(user)
