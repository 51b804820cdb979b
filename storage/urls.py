"""The disks' and images' pages, and the door for uploads."""

app_name = "storage"
urlpatterns: list[object] = []
