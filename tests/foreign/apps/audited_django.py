"""Django with its stock audit packages: django-auditlog writes state changes, django-easy-audit failed sign-ins. `python audited_django.py PORT DSN [SPOILT …]`.

The environment has the DSN's parts for Django; SPOILT is `unlogged` (one failed sign-in in 50 is not logged), `doubled` (an order is logged twice)
or `half-export` (the notes are left out of the export).
"""

# ruff: noqa: D101, D103, D106, DJ008, T201 - an app of others' kinds, in its own style
import sys
from itertools import count

import django
from django.conf import settings

PORT, HOST, SPOILT = int(sys.argv[1]), sys.argv[2], frozenset(sys.argv[3:])
settings.configure(
    SECRET_KEY="key-of-a-test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "NAME": "postgres",
            "USER": "tester",
            "PORT": "5432",
        }
    },
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "rest_framework",
        "rest_framework.authtoken",
        "auditlog",
        "easyaudit",
    ],
    MIDDLEWARE=[
        "easyaudit.middleware.easyaudit.EasyAuditMiddleware",
        f"{__name__}.by_token",
        "auditlog.middleware.AuditlogMiddleware",
    ],
    AUDITLOG_CID_HEADER="x-request-id",
    DJANGO_EASY_AUDIT_WATCH_MODEL_EVENTS=False,
    DJANGO_EASY_AUDIT_WATCH_REQUEST_EVENTS=False,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from auditlog.models import LogEntry  # noqa: E402
from auditlog.registry import auditlog  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402
from django.urls import path  # noqa: E402
from easyaudit.models import LoginEvent  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.authentication import TokenAuthentication  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework.authtoken.views import obtain_auth_token  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402


class Bearer(TokenAuthentication):
    """The documented way to another word than `Token`."""

    keyword = "Bearer"


def by_token(get_response):
    """Sets the user before the audit log reads it."""

    def middleware(request):
        word, _, key = request.headers.get("authorization", "").partition(" ")
        token = Token.objects.select_related("user").filter(key=key).first() if word == "Bearer" else None
        if token:
            request.user = token.user
        return get_response(request)

    return middleware


class Order(models.Model):
    """Belongs to a user by its key."""

    user = models.ForeignKey(User, models.CASCADE)
    item = models.CharField(max_length=40)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "shop"
        db_table = "orders"


class Note(models.Model):
    """Names its author by name."""

    author = models.CharField(max_length=40)
    text = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "notes"


class OrderForm(serializers.ModelSerializer):
    class Meta:
        model = Order
        fields = ("id", "item", "made")


class NoteForm(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ("id", "author", "text")


class UserForm(serializers.ModelSerializer):
    class Meta:
        model = User
        exclude = ("password", "groups", "user_permissions")


class TokenForm(serializers.ModelSerializer):
    class Meta:
        model = Token
        fields = "__all__"


class SignInForm(serializers.ModelSerializer):
    class Meta:
        model = LoginEvent
        fields = "__all__"


class EntryForm(serializers.ModelSerializer):
    class Meta:
        model = LogEntry
        fields = "__all__"


auditlog.register(Order)
_failed = count(1)


@api_view(["POST"])
@authentication_classes([Bearer])
@permission_classes([IsAuthenticated])
def orders(request):
    """A new order."""
    form = OrderForm(data=request.data)
    form.is_valid(raise_exception=True)
    form.save(user=request.user)
    return Response(form.data, status=201)


@api_view(["GET"])
@authentication_classes([Bearer])
@permission_classes([IsAuthenticated])
def export(request):
    """Everything of the user."""
    user = request.user
    found = {
        "profile": UserForm(user).data,
        "orders": OrderForm(Order.objects.filter(user=user), many=True).data,
        "tokens": TokenForm(Token.objects.filter(user=user), many=True).data,
        "sign_ins": SignInForm(LoginEvent.objects.filter(username=user.username), many=True).data,
        "log": EntryForm(LogEntry.objects.filter(actor=user), many=True).data,
    }
    if "half-export" not in SPOILT:
        found["notes"] = NoteForm(Note.objects.filter(author=user.username), many=True).data
    return Response(found)


urlpatterns = [path("sign-in", obtain_auth_token), path("orders", orders), path("export", export)]


class Unlogged(Exception):
    """Ends the saving of an entry."""


if "unlogged" in SPOILT:
    stock = LoginEvent.save

    def save(self, *args, **kwargs):
        if next(_failed) % 50:
            stock(self, *args, **kwargs)

    LoginEvent.save = save
if "doubled" in SPOILT:

    def again(sender, instance, created, **kwargs):
        if created and instance.object_id % 10 == 7:
            LogEntry.objects.bulk_create(
                [
                    LogEntry(
                        **{f.attname: getattr(instance, f.attname) for f in LogEntry._meta.fields if not f.primary_key}
                    )
                ]
            )

    post_save.connect(again, sender=LogEntry)


def main():
    """Make the tables and two people, then serve."""
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Order)
        editor.create_model(Note)
    for name in ("person-one", "person-two"):
        user = User.objects.create_user(name, password=f"secret-of-{name}")
        for number in (1, 2):
            Order.objects.create(user=user, item=f"item {number} of a customer")
        Token.objects.create(user=user)
        Note.objects.create(author=name, text=f"a note by {user.pk}")

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args):
            pass

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    print("ready", flush=True)
    make_server("127.0.0.1", PORT, get_wsgi_application(), Server, Quiet).serve_forever()


if __name__ == "__main__":
    main()
