"""People for whom a trusted proxy vouches by headers: Authelia, oauth2-proxy, Keycloak's gatekeeper and their like."""

from dataclasses import dataclass

from aiohttp import web

from voxy.access.claims import ROLE, read_claims
from voxy.errors import AuthError
from voxy.session.permissions import ROLES, Person

FROM_PROXY = web.RequestKey("from_proxy", bool)
"""Whether the nearest hop is a proxy that is trusted; its headers are its own then, or taken out by it."""


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """The names of the headers that say who asks, and in which groups that is; `role` is what each may do.

    `logout` is where the proxy's own session ends.
    """

    user: str = ""
    groups: str = ""
    role: str = ROLE
    logout: str = ""

    def person(self, request: web.Request) -> Person | None:
        """Whom the proxy names; None where it names nobody, or nobody that can be told for sure."""
        if not self.user or not request.get(FROM_PROXY):
            return None
        names = request.headers.getall(self.user, [])
        # Twice is once by somebody else, whom the proxy should have kept from saying it.
        if len(names) != 1 or not names[0]:
            return None
        groups = ",".join(request.headers.getall(self.groups, [])) if self.groups else ""
        try:
            claims = read_claims(names[0], self.role, groups)
        except AuthError:
            return None
        return Person(claims.name, ROLES[claims.role], claims.groups)
