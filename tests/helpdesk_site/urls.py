"""django-helpdesk at the root, the admin site it links to, and a page with Deskhand's sidebar beside a ticket."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import include, path
from helpdesk.models import Ticket


def side_by_side(request: HttpRequest, ticket_id: int) -> HttpResponse:
    if not settings.SIDEBAR_URL:
        raise Http404
    ticket = get_object_or_404(Ticket, id=ticket_id)
    messages = [{"author": "customer", "text": ticket.description}]
    for followup in ticket.followup_set.filter(public=True).exclude(comment=ticket.description):
        author = "agent" if followup.user_id else "customer"
        messages.append({"author": author, "text": followup.comment or "", "at": followup.date.isoformat()})
    conversation = {"id": str(ticket.id), "subject": ticket.title, "messages": [m for m in messages if m["text"]]}
    context = {"ticket_id": ticket_id, "sidebar": settings.SIDEBAR_URL, "conversation": conversation}
    return render(request, "side_by_side.html", context)


urlpatterns = [
    path("side-by-side/<int:ticket_id>/", login_required(side_by_side)),
    path("admin/", admin.site.urls),
    path("", include("helpdesk.urls", namespace="helpdesk")),
]
