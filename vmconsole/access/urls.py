"""Signing in and out, one's own account and tokens, people and namespaces."""

from django.urls import path

from vmconsole.access import api, api_people, views, views_people, views_quota, views_tokens

app_name = "access"
urlpatterns = [
    path("sign-in", views.sign_in, name="sign_in"),
    path("sign-out", views.sign_out, name="sign_out"),
    path("settings/", views.account, name="account"),
    path("settings/preferences", views.preferences_change, name="preferences_change"),
    path("settings/password", views.password_change, name="password_change"),
    path("settings/sessions/end", views.sessions_end, name="sessions_end"),
    path("settings/tokens/", views_tokens.token_list, name="token_list"),
    path("settings/tokens/<int:pk>/revoke", views_tokens.token_revoke, name="token_revoke"),
    path("settings/people/", views_people.person_list, name="person_list"),
    path("settings/people/new", views_people.person_create, name="person_create"),
    path("settings/people/roles", views_people.role_bind, name="role_bind"),
    path("settings/people/<int:pk>/", views_people.person_detail, name="person_detail"),
    path("settings/people/<int:pk>/activate", views_people.person_activate, name="person_activate"),
    path("settings/people/<int:pk>/deactivate", views_people.person_deactivate, name="person_deactivate"),
    path("settings/people/<int:pk>/unlock", views_people.person_unlock, name="person_unlock"),
    path("settings/people/<int:pk>/sessions/end", views_people.person_sessions_end, name="person_sessions_end"),
    path("settings/people/<int:pk>/password", views_people.person_password_reset, name="person_password_reset"),
    path("settings/people/<int:pk>/roles/<int:binding>/delete", views_people.role_unbind, name="role_unbind"),
    path("settings/namespaces/", views_people.namespace_list, name="namespace_list"),
    path("settings/namespaces/new", views_people.namespace_create, name="namespace_create"),
    path("settings/namespaces/<str:namespace>/quota", views_quota.quota_change, name="quota_change"),
    path("api/v1/login", api.Login.as_view(), name="api_login"),
    path("api/v1/me", api.Me.as_view(), name="api_me"),
    path("api/v1/tokens", api.TokenList.as_view(), name="api_token_list"),
    path("api/v1/tokens/<int:pk>", api.TokenOne.as_view(), name="api_token"),
    path("api/v1/users", api_people.UserList.as_view(), name="api_person_list"),
    path("api/v1/users/<int:pk>", api_people.UserOne.as_view(), name="api_person"),
    path("api/v1/roles", api_people.RoleList.as_view(), name="api_role_list"),
    path("api/v1/roles/<int:binding>", api_people.RoleOne.as_view(), name="api_role"),
]
