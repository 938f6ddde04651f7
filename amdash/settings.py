"""One settings file for every mode. It reads the environment and does no I/O.

`embedded.ensure()` has put DATABASE_URL, CELERY_BROKER_URL and DJANGO_SECRET_KEY into the environment
where nobody else had; a bad value stops the start with a sentence that names its variable.
"""

from __future__ import annotations

import re
from logging import getLevelNamesMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from environs import Env

env = Env(eager=True)

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("AMDASH_VAR", "") or BASE_DIR / "var").absolute()  # as embedded.var()

DEBUG = env.bool("DJANGO_DEBUG", False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# Set where a proxy ends TLS before us: cookies then travel by HTTPS only.
BEHIND_TLS = env.bool("BEHIND_TLS", False)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "django_htmx",
    "template_partials",
    "transcripts",
    "labeling",
    "reports",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Deny by default: a view that strangers may open says so with @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "amdash.urls"
WSGI_APPLICATION = "amdash.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {"default": env.dj_db_url("DATABASE_URL")}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL names no PostgreSQL; it looks like postgresql://user:password@host/name.")
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Django's own user and groups: nothing about a person is stored that a rater's work does not need, and
# crowd raters are users without a password. (See docs/architecture.md.)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "reports:overview"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# The link that `./run` prints works for a day, and once.
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
if not CELERY_BROKER_URL.startswith(("redis://", "rediss://", "redis+socket://", "sentinel://", "amqp://", "amqps://")):
    raise ImproperlyConfigured("CELERY_BROKER_URL names no broker; it looks like redis://host:6379/0 or amqp://host.")
CELERY_TASK_IGNORE_RESULT = True  # what became of a job is in its row, not in the broker
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message comes back if its worker dies. Jobs renew a lease in their row, so one that comes back early is
# dropped; the sweep for such messages is as frequent as that allows.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BEAT_SCHEDULE = {
    "requeue-stale-ingestions": {"task": "transcripts.tasks.requeue_stale_ingestions", "schedule": 10.0},
    "requeue-stale-transfers": {"task": "labeling.tasks.requeue_stale_transfers", "schedule": 10.0},
    "requeue-stale-judge-runs": {"task": "labeling.tasks.requeue_stale_judge_runs", "schedule": 10.0},
    "end-overdue-parts": {"task": "labeling.tasks.end_overdue_parts", "schedule": 60.0},
    "forget-changes": {"task": "labeling.tasks.forget_changes", "schedule": 3600.0},
    "delete-expired-exports": {"task": "labeling.tasks.delete_expired_exports", "schedule": 600.0},
    "make-due-reports": {"task": "reports.tasks.make_due_reports", "schedule": 120.0},
}
CELERY_TASK_ALWAYS_EAGER = False

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
# Uploads and exports. Web and worker must see the same place.
STORAGE_URL = env.str("STORAGE_URL", f"file://{quote(str(VAR_DIR / 'uploads'))}")
if not STORAGE_URL.startswith("file:///"):
    raise ImproperlyConfigured(f"STORAGE_URL is {STORAGE_URL!r}; only file:///absolute/path is supported so far.")
MEDIA_ROOT = unquote(STORAGE_URL.removeprefix("file://"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Tests and a debugging session serve static files from where they lie.
if DEBUG or env.bool("AMDASH_PLAIN_STATIC", False):
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True

# Any OpenAI-compatible endpoint, for model judges. Neither its key nor its address is ever shown.
JUDGE_BASE_URL = env.str("JUDGE_BASE_URL", "").strip()
JUDGE_API_KEY = env.str("JUDGE_API_KEY", "").strip()
if JUDGE_BASE_URL and not re.fullmatch(
    r"https?://([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?(/[\w./~%-]*)?", JUDGE_BASE_URL, re.ASCII
):
    raise ImproperlyConfigured(
        "JUDGE_BASE_URL is no address of an endpoint; it looks like https://host/v1, without user, key or query."
    )
if JUDGE_API_KEY and not JUDGE_BASE_URL:
    raise ImproperlyConfigured("JUDGE_API_KEY is set, but JUDGE_BASE_URL, which says what it opens, is not.")
if JUDGE_API_KEY and not re.fullmatch(r"[!-~]+", JUDGE_API_KEY):
    raise ImproperlyConfigured("JUDGE_API_KEY holds a blank or a character that no key has.")

# Without a mail server, mails are written to the worker's log. Links in them begin with the site's address.
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 30
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "amdash@localhost")
SITE_ADDRESS = env.str("SITE_ADDRESS", "http://127.0.0.1:8000").rstrip("/")
if not SITE_ADDRESS.startswith(("http://", "https://")):
    raise ImproperlyConfigured(f"SITE_ADDRESS is {SITE_ADDRESS!r}; it looks like https://amdash.example.org.")

# An upload larger than this is refused with a sentence that says so.
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_BYTES", 2 * 1024**3)
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024**2

# Transcripts are hostile input: no inline script, no eval, nothing from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
# Plotly sets styles on the elements that it draws; only chart pages allow that.
CSP_FOR_CHARTS = {"style-src": [SELF, UNSAFE_INLINE]}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "amdash.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# Whether browsers preload a domain is for its owner to decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in getLevelNamesMapping():
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}; it can be {', '.join(getLevelNamesMapping())}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {"httpx": {"level": "WARNING"}},  # a line for each call of a judge
}
