"""Every setting of the console, each from one environment variable or one default.

Wiring only. A single host needs no variable at all: everything lives below VMCONSOLE_STATE.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    return os.environ.get(f"VMCONSOLE_{name}", default)


def env_list(name: str, default: str = "") -> list[str]:
    return [item for item in env(name, default).split(",") if item]


# --- places -----------------------------------------------------------------------------------------------------
STATE = Path(env("STATE", "/var/lib/vmconsole"))
DISKS_DIR = STATE / "disks"
IMAGES_DIR = STATE / "images"
JOBS_DIR = STATE / "jobs"
UPLOADS_DIR = STATE / "uploads"
SEEDS_DIR = STATE / "seeds"
CONSOLE_DIR = STATE / "console"
SERIAL_DIR = STATE / "serial"
RUN_DIR = STATE / "run"
CONTROLLER_SOCKET = RUN_DIR / "controller.sock"
LIBVIRT_URI = env("LIBVIRT_URI", f"qemu+unix:///system?socket={STATE}/libvirt/run/libvirt-sock")
RUNTIME_KIND = env("RUNTIME", "libvirt")  # "fake" shows the pages without a hypervisor
POD_BRIDGE = env("POD_BRIDGE", "")  # empty: the first that the host has free
POD_CIDR = env("POD_CIDR", "")
PROMETHEUS_URL = env("PROMETHEUS_URL")  # empty: charts show the last hour only, and say so


def key(name: str) -> str:
    """A secret from the environment or from its file; the unusable default is for commands that need none."""
    file = STATE / "etc" / f"{name.lower().replace('_', '.')}"
    return env(name) or (file.read_text().strip() if os.access(file, os.R_OK) else "")


SECRET_KEY = key("SECRET_KEY") or "not-secret: only for commands that sign nothing"
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")  # retired keys: their sessions and audit seals still count
FERNET_KEY = key("FERNET_KEY")
METRICS_TOKEN = key("METRICS_TOKEN")  # who bears it may read /metrics; without it there is no /metrics

# --- Django -----------------------------------------------------------------------------------------------------
DEBUG = env("DEBUG") == "1"
ALLOWED_HOSTS = env_list("HOSTS", "*" if DEBUG else "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("ORIGINS")
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "channels",
    "axes",
    "csp",
    "django_htmx",
    "django_vite",
    "django_structlog",
    "vmconsole.access",
    "vmconsole.runtime",
    "observability",
    "vmconsole.operations",
    "vmconsole.gateway",
    "networking",
    "storage",
    "inventory",
    "apiserver",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "vmconsole.access.middleware.OwnPagesOnly",
    "vmconsole.access.middleware.PageHeaders",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads at random, and CSRF tokens are masked anew each time (BREACH)
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "vmconsole.access.middleware.SignInFirst",
    "vmconsole.access.middleware.OwnPasswordFirst",
    "vmconsole.access.zones.ReadersZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "vmconsole.http.Problems",
]
ROOT_URLCONF = "vmconsole.urls"
ASGI_APPLICATION = "vmconsole.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["vmconsole.pages"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vmconsole.access.context.person",
                "inventory.navigation.frame",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database(url: str) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name?option=value`, or empty for SQLite in the state folder."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": STATE / "db" / "vmconsole.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",  # deferred writers fail with "database is locked" under load
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
        "CONN_MAX_AGE": 60,
    }


DATABASES = {"default": database(env("DATABASE_URL"))}

# --- people -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "access:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "access:sign_in"
AUDIT_RECORDER = "observability.audit.record"  # by name: the audit stands above the app that reports sign-ins to it
CHANGE_RECORDER = "observability.changes.changed"
NAMESPACE_TENANTS = "apiserver.tenants.living"
NAMESPACE_USAGE = "inventory.usage.used"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours; long enough to make guessing useless, short enough for a person at night
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the waiting time we name is the one that counts
AXES_DISABLE_ACCESS_LOG = True  # the audit has it
AXES_CLIENT_IP_CALLABLE = "vmconsole.access.lockout.address_of"
AXES_LOCKOUT_CALLABLE = "vmconsole.access.lockout.as_answered"
SECURE_COOKIES = env("TLS") == "1"
API_PORT = int(env("API_PORT", "0"))  # where the web process speaks https to kubectl and vmctl; 0: a proxy does
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "vmconsole-session"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = False  # htmx reads the token from the page, nothing reads the cookie; kept for clarity
CSRF_FAILURE_VIEW = "vmconsole.http.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
if SECURE_COOKIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- words ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files ------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "frontend" / "dist"] if (BASE_DIR / "frontend" / "dist").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedStaticFilesStorage"},
}
SERVESTATIC_ALLOW_ALL_ORIGINS = False
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "frontend" / "dist" / "manifest.json",
    }
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000  # of one form: as many machines as may be chosen at once, and what is asked
DATA_UPLOAD_MAX_MEMORY_SIZE = 9 * 1024 * 1024  # one upload part is 8 MiB

# --- work, feeds ------------------------------------------------------------------------------------------------
BROKER_URL = env("BROKER_URL", f"redis+socket://{STATE}/redis/redis.sock")
DOORBELL = env("DOORBELL", "celery")  # "collect": whoever rings is only noted (tests)
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}  # docs/decisions/0001

TRASH_DAYS = int(env("TRASH_DAYS", "7"))  # a deleted machine can be restored for so long; 0: deleted is deleted

# --- consoles ---------------------------------------------------------------------------------------------------
CONSOLE_PEERS = env_list("CONSOLE_PEERS", "vmconsole-qemu,libvirt-qemu")  # who may listen at a guest's socket
CONSOLES_PER_USER = int(env("CONSOLES_PER_USER", "32"))
CONSOLES = int(env("CONSOLES", "500"))
CONTROL_IDLE_SECONDS = float(env("CONTROL_IDLE", "60"))  # from then on any other may take a screen's keyboard

# --- programs ---------------------------------------------------------------------------------------------------
API_RATE = float(env("API_RATE", "250"))  # requests a second of one token, for long: 100 applies are 200
API_BURST = int(env("API_BURST", "500"))  # and at once
WATCHES_PER_TOKEN = int(env("WATCHES_PER_TOKEN", "200"))
WATCHES = int(env("WATCHES", "2000"))

# --- API --------------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "vmconsole.access.authentication.Bearer",
        "vmconsole.access.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "vmconsole.http.CursorPages",
    "EXCEPTION_HANDLER": "vmconsole.http.problem",
    "DEFAULT_PARSER_CLASSES": ["vmconsole.access.parsing.Json"],
    "DEFAULT_THROTTLE_CLASSES": ["vmconsole.access.throttling.RatePerToken"],
    # A script in a loop, not a person: less would hit dashboards, more would let one client take a core.
    "DEFAULT_THROTTLE_RATES": {"user": "1200/min", "login": "60/min"},
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "vmconsole",
    "DESCRIPTION": "Everything that Kubernetes has no word for.",
    "VERSION": "v1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "vmconsole.schema.problems"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# --- logs -------------------------------------------------------------------------------------------------------
LOG_LEVEL = env("LOG_LEVEL", "INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "vmconsole.access.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {name: {"level": "WARNING"} for name in ("uvicorn.access", "axes", "httpx")},
}
