"""django-helpdesk at the root, the admin site it links to, and a page with Deskhand's sidebar beside a ticket."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


def side_by_side(request: HttpRequest, ticket_id: int) -> HttpResponse:
    if not settings.SIDEBAR_URL:
        raise Http404
    sidebar = settings.SIDEBAR_URL.replace("{ticket}", str(ticket_id))
    return render(request, "side_by_side.html", {"ticket_id": ticket_id, "sidebar": sidebar})


urlpatterns = [
    path("side-by-side/<int:ticket_id>/", login_required(side_by_side)),
    path("admin/", admin.site.urls),
    path("", include("helpdesk.urls", namespace="helpdesk")),
]
